// Open water under a big sky: swell in perspective, the sun's path, far islands, sometimes a beach.
import { blend, hex, scale } from '../colour.ts';
import { mountainRidge } from '../ridge.ts';
import { addInto, clamp, mixInto, smooth, type Scene, type SceneContext } from '../scene.ts';
import { createSky } from '../sky.ts';

export function createSea(context: SceneContext): Scene {
  const { reading, palette, random, atlas, aspect } = context;
  const horizon = random.between(0.46, 0.58);
  const sky = createSky(context, horizon + 0.02);
  const hasIslands = reading.things.has('island') || random.next() < 0.65;
  const hasBeach = reading.words.has('beach') || reading.words.has('coast') || random.next() < 0.25;
  const islandX = sky.sunX > aspect / 2 ? random.between(0.1, 0.3) : random.between(0.7, 0.9);
  const ridge = mountainRidge(aspect, atlas.ridged, {
    base: horizon + 0.002,
    rise: random.between(0.09, 0.17),
    frequency: 1.1,
    row: random.next(),
    shift: random.next(),
  });
  const roughness = reading.hour === 'storm' ? 2.1 : random.between(0.75, 1.2);
  const deep = scale(blend(palette.water, palette.near, 0.35), 0.75);
  const shallow = blend(palette.water, palette.horizon, 0.3);
  const foam = blend(palette.horizon, palette.sun, 0.5);
  const sand = blend(
    blend(hex('#ecd5a4'), palette.horizon, 0.3),
    palette.near,
    0.12 + palette.dark * 0.6,
  );
  const wet = blend(blend(sand, palette.near, 0.35), palette.sky, 0.25);
  const island = blend(palette.far, palette.haze, 0.35);
  const shift = random.next();
  let time = 0;

  /** Land at the horizon, only around its own place. */
  const islandTop = (x: number) => {
    const away = Math.abs(x / aspect - islandX);
    const height = (horizon - ridge.at(x)) * smooth(0.34, 0.02, away);
    return horizon - Math.max(0, height - 0.006);
  };

  const above = (x: number, y: number, pixel: number, out: Float32Array) => {
    sky.shade(x, y, pixel, out);
    if (!hasIslands) return;
    const top = islandTop(x);
    const cover = clamp((y - top) / pixel + 0.5) * (horizon - top > 0.003 ? 1 : 0);
    if (cover === 0) return;
    const light = 0.8 + 0.3 * atlas.ridged(x * 1.7 + shift, y * 1.7);
    const low = smooth(0.0, 0.12, horizon - y);
    const { haze } = palette;
    mixInto(
      out,
      island[0] * light * low + haze[0] * (1 - low),
      island[1] * light * low + haze[1] * (1 - low),
      island[2] * light * low + haze[2] * (1 - low),
      cover,
    );
  };

  const water = (x: number, y: number, pixel: number, out: Float32Array) => {
    const down = (y - horizon) / (1 - horizon);
    const depth = 1 / (down + 0.035);
    const u = (x - aspect / 2) * depth * 0.16 + shift;
    const v = Math.log(depth) * 1.15 + shift;
    const swell = atlas.fractal(u * 0.45 + time * 0.006, v * 0.9 - time * 0.022);
    const chop = atlas.ridged(u * 1.3 - time * 0.009, v * 2.3 - time * 0.03 + swell * 0.08);
    const slope = (swell * 0.75 + (chop - 0.1) * 0.55) * roughness;
    // What the wave's face mirrors: flat far away, steep near the eye.
    const mirrorY = horizon - (y - horizon) * 0.85 - slope * (0.02 + 0.2 * down);
    above(clamp(x + slope * 0.02, 0, aspect), clamp(mirrorY, 0.01, horizon), pixel * 2, out);
    const own = clamp(0.3 + down * 0.55 - slope * 0.3, 0.1, 0.86);
    const body = clamp(0.4 + slope * 0.6);
    mixInto(
      out,
      deep[0] + (shallow[0] - deep[0]) * body * 0.6,
      deep[1] + (shallow[1] - deep[1]) * body * 0.6,
      deep[2] + (shallow[2] - deep[2]) * body * 0.6,
      own,
    );
    const width = 0.02 + 0.12 * down + 0.03 * roughness;
    const path =
      Math.exp(-(((x - sky.sunX) / width) ** 2)) +
      0.16 * Math.exp(-(((x - sky.sunX) / (width * 4)) ** 2));
    const sparkle = smooth(0.24, 0.62, chop + swell * 0.35) * (1 - 0.45 * down);
    addInto(
      out,
      sky.sunColour[0],
      sky.sunColour[1],
      sky.sunColour[2],
      path * (0.07 + sparkle * 0.75),
    );
    const crest =
      smooth(0.5, 0.85, chop + swell * 0.5) * smooth(0.12, 0.5, down) * (roughness - 0.55);
    if (crest > 0) mixInto(out, foam[0], foam[1], foam[2], clamp(crest * 0.75));
    const veil = smooth(0.07, 0, down) * 0.45;
    mixInto(out, palette.haze[0], palette.haze[1], palette.haze[2], veil);
  };

  const shoreAt = (x: number, lap: number) =>
    0.86 +
    0.05 * Math.sin(x * 1.7 + shift * 6) +
    0.03 * atlas.fractal(x * 0.35 + shift, 0.4 + lap * 0.06);

  const beach = (x: number, y: number, pixel: number, out: Float32Array) => {
    const breath = Math.sin(time * 0.9) * 0.012;
    for (let line = 0; line < 3; line += 1) {
      const edge =
        shoreAt(x, line) -
        line * 0.045 +
        breath * (1 - line * 0.3) +
        0.008 * atlas.fractal(x * 1.6, line * 0.3 + 0.1);
      const from = y - edge;
      const lace = smooth(0.1, 0.5, atlas.cells(x * 0.9 + line * 0.3, y * 1.4) + 0.25);
      const strength =
        smooth(-0.002 - pixel, 0.001, from) *
        Math.exp(-Math.max(0, from) * (line === 0 ? 260 : 60));
      const trail = smooth(-0.03, 0, from) * smooth(0.001, -0.002, from) * lace * 0.4;
      mixInto(out, foam[0], foam[1], foam[2], clamp((strength + trail) * (0.9 - line * 0.25)));
    }
    const edge = shoreAt(x, 0) + breath + 0.008 * atlas.fractal(x * 1.6, 0.1);
    const onSand = clamp((y - edge) / (pixel * 2) - 0.5);
    if (onSand === 0) return;
    const dry = smooth(0.01, 0.075, y - edge);
    const grain = 0.92 + 0.13 * atlas.fractal(x * 4, y * 7) + 0.05 * atlas.ridged(x * 1.2, y * 3.1);
    const lace = Math.exp(-(y - edge) * 170) * 0.85;
    for (let channel = 0; channel < 3; channel += 1) {
      const ground = (wet[channel]! + (sand[channel]! - wet[channel]!) * dry) * grain;
      const value = ground + (foam[channel]! - ground) * lace;
      out[channel] = out[channel]! + (value - out[channel]!) * onSand;
    }
  };

  return {
    horizon,
    sky,
    stand: horizon + 0.012,
    setTime: (seconds) => {
      time = seconds;
      sky.setTime(seconds);
    },
    shade: (x, y, pixel, out) => {
      if (y < horizon) return above(x, y, pixel, out);
      water(x, y, pixel, out);
      if (hasBeach) beach(x, y, pixel, out);
    },
  };
}
