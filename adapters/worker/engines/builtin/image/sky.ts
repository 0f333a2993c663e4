// The sky of every landscape: gradient, sun or moon, two kinds of clouds, stars, aurora.
import { hashCell } from '../random.ts';
import { blend, gradient, scale, type Colour } from './colour.ts';
import { addInto, clamp, mixInto, smooth, type SceneContext, type Shader } from './scene.ts';

export interface Sky {
  readonly shade: Shader;
  readonly sunX: number;
  readonly sunY: number;
  readonly sunColour: Colour;
  setTime(seconds: number): void;
}

export function createSky(context: SceneContext, horizon: number): Sky {
  const { reading, palette, random, atlas, aspect } = context;
  const { things } = reading;
  const isNight = palette.dark > 0.8;
  const table = gradient([
    [0, palette.horizon],
    [0.28, blend(palette.horizon, palette.sky, 0.75)],
    [0.55, palette.sky],
    [1, palette.zenith],
  ]);
  const isLow = reading.hour === 'sunset' || reading.hour === 'dawn' || reading.hour === 'dusk';
  const sunX =
    aspect * (random.next() < 0.5 ? random.between(0.22, 0.42) : random.between(0.58, 0.78));
  const sunY = horizon * (isLow ? random.between(0.62, 0.8) : random.between(0.16, 0.34));
  const sunSize =
    Math.min(1, aspect) * (isNight ? random.between(0.05, 0.075) : random.between(0.04, 0.065));
  const isMoon = isNight || things.has('moon');
  const hasSun =
    reading.hour !== 'storm' && (!isNight || things.has('moon') || random.next() < 0.75);
  const sun = scale(palette.sun, isMoon ? 1.25 : 2.6);
  // Nearly full or a clear crescent: what lies between looks like an egg.
  const phase = random.next() < 0.5 ? random.between(-1, -0.9) : random.between(0.25, 0.6);
  const cloudiness = things.has('clear')
    ? -0.5
    : things.has('clouds') || reading.hour === 'storm'
      ? 0.42
      : random.between(-0.05, 0.28);
  const rowA = random.next();
  const rowB = random.next();
  const lit = blend(palette.sun, palette.horizon, isNight ? 0.7 : 0.25);
  const shaded = blend(blend(palette.sky, palette.far, 0.5), palette.haze, 0.35);
  const cloudLit = scale(lit, isNight ? 0.55 : 1.08);
  const starSeed = Math.floor(random.next() * 1e9);
  const starlight = clamp((palette.dark - 0.45) * 2) + (things.has('stars') ? 0.4 : 0);
  const hasAurora = things.has('aurora');
  const auroraShift = random.next();
  let time = 0;

  const stars = (x: number, y: number, e: number, pixel: number, out: Float32Array) => {
    for (let size = 0; size < 2; size += 1) {
      const cell = size === 0 ? 0.016 : 0.05;
      const column = Math.floor(x / cell);
      const row = Math.floor(y / cell);
      const chance = hashCell(column, row, starSeed + size);
      if (chance > 0.55) continue;
      const px = (column + 0.2 + 0.6 * hashCell(column, row, starSeed + 7)) * cell;
      const py = (row + 0.2 + 0.6 * hashCell(column, row, starSeed + 13)) * cell;
      const width = Math.max(pixel * 0.62, size === 0 ? 0.0007 : 0.0011);
      const near = ((x - px) ** 2 + (y - py) ** 2) / (width * width);
      if (near > 12) continue;
      const twinkle = 0.75 + 0.25 * Math.sin(time * 3 + chance * 90);
      const power = (0.25 + 2.2 * (1 - chance / 0.55) ** 3) * (size === 0 ? 0.6 : 1.5) * twinkle;
      const light =
        Math.exp(-near) *
        power *
        starlight *
        smooth(0, 0.35, e) *
        Math.min(1, (0.0016 / width) ** 2);
      addInto(out, 0.85 + chance * 0.4, 0.92, 1.15 - chance * 0.5, light);
    }
    // The band of the Milky Way: faint, and only where nothing brighter is.
    const across = (x - aspect * 0.5) * 0.6 + (y - horizon * 0.4) * 0.8;
    const band = Math.exp(-across * across * 26) * smooth(0.1, 0.5, e);
    const dust = clamp(0.45 + atlas.wisps(x * 0.35 + rowA, y * 0.35 + rowB) * 0.9);
    addInto(out, 0.3, 0.34, 0.5, band * dust * dust * 0.3 * starlight);
  };

  const aurora = (x: number, y: number, out: Float32Array) => {
    for (let curtain = 0; curtain < 3; curtain += 1) {
      const wave = atlas.fractal(
        x * 0.22 + curtain * 0.31 + auroraShift + time * 0.006,
        curtain * 0.37 + 0.1,
      );
      const foot = horizon * (0.72 - curtain * 0.17) + wave * 0.16;
      const above = foot - y;
      if (above < -0.015) continue;
      const stripes =
        0.5 + 0.5 * atlas.fractal(x * 1.6 + wave * 0.4 + time * 0.012, curtain * 0.21 + y * 0.04);
      const rise = smooth(-0.015, 0.03, above) * Math.exp(-Math.max(0, above) * (5.2 + curtain));
      const power = rise * (0.18 + 1.15 * stripes * stripes) * (0.85 - curtain * 0.2);
      const violet = smooth(0.05, 0.34, above);
      addInto(out, 0.08 + violet * 0.42, 0.85 - violet * 0.6, 0.42 + violet * 0.36, power);
    }
  };

  const luminary = (x: number, y: number, pixel: number, out: Float32Array) => {
    const dx = x - sunX;
    const dy = y - sunY;
    const distance = Math.sqrt(dx * dx + dy * dy);
    const glow = isMoon ? 0.16 : isLow ? 0.5 : 0.24;
    addInto(
      out,
      sun[0],
      sun[1],
      sun[2],
      glow * (Math.exp(-distance * 9) * 0.55 + Math.exp(-distance * 2.6) * 0.2),
    );
    const disc = smooth(sunSize + pixel, sunSize - pixel, distance);
    if (disc === 0) return;
    if (!isMoon) return mixInto(out, sun[0], sun[1], sun[2], disc);
    // The moon's phase: the shadow's edge is half an ellipse.
    const edge = phase * Math.sqrt(Math.max(0, sunSize * sunSize - dy * dy));
    const day = smooth(edge - sunSize * 0.1, edge + sunSize * 0.16, dx);
    const seas = 0.82 + 0.3 * atlas.fractal(dx * 2.4 + 0.3, dy * 2.4 + 0.6);
    mixInto(out, sun[0] * seas, sun[1] * seas, sun[2] * seas, disc * (0.05 + 0.95 * day));
  };

  /** Which way the light lies, without a seam under the sun itself. */
  const lean = (x: number) => clamp((sunX - x) * 6, -1, 1);

  const clouds = (x: number, e: number, out: Float32Array) => {
    const depth = 1 / (e + 0.16);
    const u = (x - aspect / 2) * depth * 0.11 + rowA + time * 0.009;
    const v = depth * 0.17 + rowB;
    const high = atlas.wisps(u, v);
    const cover = smooth(0.08 - cloudiness, 0.75 - cloudiness * 0.6, high) * smooth(0.02, 0.3, e);
    const towardSun = clamp(1 - Math.abs(x - sunX) / (aspect * 0.7));
    if (cover > 0.003) {
      const slope = high - atlas.wisps(u + lean(x) * 0.008, v + 0.012);
      const light = clamp(0.45 + slope * 2.6 + towardSun * 0.3);
      paint(light, cover * 0.85, out);
    }
    // Heaps low over the horizon, flat below and round above.
    const base = 0.1 + cloudiness * 0.25;
    if (e < 0.62 && cloudiness > -0.2) {
      const heap = atlas.fractal(x * 0.42 + rowB + time * 0.007, e * 0.7 + rowA);
      const body = heap * 0.62 + base - Math.abs(e - 0.24) * 1.35;
      const part = smooth(-0.02, 0.16, body) * smooth(0.0, 0.1, e);
      if (part > 0.003) {
        const upper = atlas.fractal(
          x * 0.42 + rowB + time * 0.007 + lean(x) * 0.012,
          e * 0.7 + rowA + 0.02,
        );
        paint(clamp(0.5 + (heap - upper) * 2.4 + towardSun * 0.22), part * 0.8, out);
      }
    }
  };

  const paint = (light: number, part: number, out: Float32Array) => {
    mixInto(
      out,
      shaded[0] + (cloudLit[0] - shaded[0]) * light,
      shaded[1] + (cloudLit[1] - shaded[1]) * light,
      shaded[2] + (cloudLit[2] - shaded[2]) * light,
      part,
    );
  };

  return {
    sunX,
    sunY,
    sunColour: hasSun ? sun : scale(palette.horizon, 0.8),
    setTime: (seconds) => void (time = seconds),
    shade: (x, y, pixel, out) => {
      const e = clamp((horizon - y) / horizon);
      const at = Math.min(511, (e * 511) | 0) * 3;
      out[0] = table[at]!;
      out[1] = table[at + 1]!;
      out[2] = table[at + 2]!;
      if (starlight > 0) stars(x, y, e, pixel, out);
      if (hasAurora) aurora(x, y, out);
      if (hasSun) luminary(x, y, pixel, out);
      if (cloudiness > -0.4) clouds(x, e, out);
    },
  };
}
