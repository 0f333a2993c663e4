// Ranges behind ranges, each paler than the one before it; conifers, and often a lake to double it all.
import { blend, scale } from '../colour.ts';
import { pineCover, type PineRow } from '../pines.ts';
import { mountainRidge, type Ridge } from '../ridge.ts';
import { addInto, clamp, mixInto, smooth, type Scene, type SceneContext } from '../scene.ts';
import { createSky } from '../sky.ts';

interface Range {
  readonly ridge: Ridge;
  /** 0 nearest, 1 farthest. */
  readonly distance: number;
  readonly frequency: number;
  readonly row: number;
  readonly pines: PineRow | undefined;
}

const RANGES = 6;

export function createMountains(context: SceneContext): Scene {
  const { reading, palette, random, atlas, aspect } = context;
  const hasLake = reading.things.has('lake') || random.next() < 0.6;
  const shore = hasLake ? random.between(0.7, 0.78) : 2;
  const sky = createSky(context, hasLake ? shore - 0.04 : 0.72);
  const snowLine = reading.season === 'winter' ? 0.9 : random.between(0.1, 0.24);
  const isFoggy = reading.things.has('fog') ? 1.7 : 0.9;
  let time = 0;

  const ranges: Range[] = Array.from({ length: RANGES }, (_, index) => {
    const distance = 1 - index / (RANGES - 1);
    const bottom = hasLake ? shore - 0.015 : 0.93;
    const base = bottom - (bottom - 0.5) * distance ** 0.8;
    const rise = 0.05 + 0.31 * smooth(0, 0.75, distance) * (distance > 0.9 ? 0.8 : 1);
    const frequency = 0.75 + (1 - distance) * 0.7;
    const row = random.next();
    const ridge = mountainRidge(aspect, atlas.ridged, {
      base,
      rise,
      frequency,
      row,
      shift: random.next(),
      ...(index === 1 && { peakX: aspect * random.between(0.25, 0.75) }),
    });
    const isWooded = distance < 0.6;
    const height = 0.02 + (1 - distance) ** 2 * 0.085;
    const pines = isWooded
      ? { ground: ridge.at, height, spacing: height * 0.2, seed: Math.floor(random.next() * 1e9) }
      : undefined;
    return { ridge, distance, frequency, row, pines };
  }).reverse();

  const rockShade = blend(palette.near, palette.far, 0.42);
  const rockLit = blend(blend(palette.far, palette.sun, 0.42), palette.horizon, 0.3);
  const snowLit = scale(blend(palette.sun, palette.horizon, 0.25), 1 - palette.dark * 0.62);
  const snowShade = blend(blend(palette.sky, palette.far, 0.45), palette.haze, 0.15);
  const wood = blend(palette.near, palette.leaf, 0.42);
  const grass = blend(blend(palette.leaf, palette.near, 0.45), palette.far, 0.12);
  const side = sky.sunX > aspect / 2 ? -1 : 1;

  const face = (range: Range, x: number, y: number, top: number, out: Float32Array) => {
    const below = y - top;
    const { distance, frequency, row } = range;
    // Faces run down from the crest: the crest's slope, carried downwards along a wandering line.
    const wander = atlas.fractal(x * 0.9 + row, y * 0.9 + row);
    const crest = range.ridge.slope(x + wander * below * 0.8);
    const u = x * frequency * 0.9 + row;
    const v = y * frequency * 0.7 + 0.3;
    const rough = atlas.ridged(u, v);
    const relief = rough - atlas.ridged(u - side * 0.006, v - 0.005);
    const light = clamp(0.4 - crest * side * 0.36 + relief * 2.1 - below * 0.45);
    const isHigh = smooth(0.35, 0.75, distance);
    const green = clamp(1 - isHigh + smooth(0.05, 0.24, below + wander * 0.06) * 0.8);
    const tufts = 0.55 + light * 0.75 + 0.3 * atlas.fractal(x * 2.6, y * 3.4 + row);
    for (let channel = 0; channel < 3; channel += 1) {
      const rock = rockShade[channel]! + (rockLit[channel]! - rockShade[channel]!) * light;
      const grown = (grass[channel]! * (1 - isHigh) + wood[channel]! * isHigh) * tufts;
      out[channel] = rock + (grown - rock) * green;
    }
    const cold = below + (rough - 0.15) * 0.11 + wander * 0.035 + (1 - distance) * 0.2;
    const snow =
      smooth(snowLine * 0.66, snowLine * 0.3, cold) * (reading.season === 'winter' ? 1 : isHigh);
    if (snow === 0) return;
    const bright = 0.15 + 0.85 * smooth(0.05, 0.8, light);
    mixInto(
      out,
      snowShade[0] + (snowLit[0] - snowShade[0]) * bright,
      snowShade[1] + (snowLit[1] - snowShade[1]) * bright,
      snowShade[2] + (snowLit[2] - snowShade[2]) * bright,
      snow * 0.95,
    );
  };

  const veil = (range: Range, x: number, y: number, top: number, out: Float32Array) => {
    const below = y - top;
    const air = range.distance ** 1.3 * 0.5;
    const drift = atlas.fractal(x * 0.4 + time * 0.006 + range.row, y * 1.6 + range.row * 3);
    const mist = smooth(0.02, 0.24, below + drift * 0.07) * isFoggy * (0.06 + 0.5 * range.distance);
    const { haze } = palette;
    mixInto(out, haze[0], haze[1], haze[2], clamp(air + mist * (1 - air), 0, 0.95));
    const glow = Math.exp(-Math.hypot(x - sky.sunX, y - sky.sunY) * 3.4) * range.distance * 0.3;
    addInto(out, sky.sunColour[0], sky.sunColour[1], sky.sunColour[2], glow * 0.35);
  };

  const land = (x: number, y: number, pixel: number, from: number, out: Float32Array): void => {
    for (let index = from; index < ranges.length; index += 1) {
      const range = ranges[index]!;
      const top = range.ridge.at(x);
      const reach = range.pines === undefined ? 0 : range.pines.height * 1.4;
      if (y < top - reach - pixel) continue;
      const cover = clamp((y - top) / pixel + 0.5);
      const tree =
        range.pines !== undefined && y < top + range.pines.height
          ? pineCover(range.pines, x, y, pixel)
          : 0;
      if (cover < 1 && tree < 1) land(x, y, pixel, index + 1, out);
      if (cover > 0) {
        const [r, g, b] = [out[0]!, out[1]!, out[2]!];
        face(range, x, y, top, out);
        veil(range, x, y, top, out);
        if (cover < 1) mixInto(out, r, g, b, 1 - cover);
      }
      if (tree > 0) {
        const air =
          range.distance * 0.62 +
          smooth(0.3, 1, (y - top + range.pines!.height) / range.pines!.height) * 0.12 * isFoggy;
        const { haze } = palette;
        const dark = 0.55 + 0.25 * atlas.fractal(x * 3, y * 3);
        const lit = wood;
        mixInto(
          out,
          lit[0] * dark * (1 - air) + haze[0] * air,
          lit[1] * dark * (1 - air) + haze[1] * air,
          lit[2] * dark * (1 - air) + haze[2] * air,
          tree,
        );
      }
      return;
    }
    sky.shade(x, y, pixel, out);
  };

  const lake = (x: number, y: number, pixel: number, out: Float32Array) => {
    const depth = (y - shore) / (1 - shore);
    const stretch = 1 / (0.06 + depth);
    const ripple = atlas.fractal(
      x * 0.5 * stretch + time * 0.01,
      depth * 3.2 + 0.4 + Math.log(stretch) * 0.7 + time * 0.02,
    );
    const fine = atlas.fractal(
      x * 1.4 * stretch + 0.5 - time * 0.015,
      Math.log(stretch) * 2.1 + time * 0.03,
    );
    const wave = (ripple * 0.6 + fine * 0.4) * (0.25 + depth);
    const mirrorY = shore - (y - shore) * 0.92 - wave * 0.035;
    land(
      clamp(x + wave * 0.012, -0.2, aspect + 0.2),
      Math.min(mirrorY, shore - 0.001),
      pixel * 1.5,
      0,
      out,
    );
    const { water } = palette;
    mixInto(out, water[0] * 0.55, water[1] * 0.55, water[2] * 0.55, 0.16 + 0.3 * depth);
    const calm = smooth(0.35, 0.8, atlas.fractal(0.2 + x * 0.1, Math.log(stretch) * 0.9 + 0.7));
    const { haze } = palette;
    mixInto(out, haze[0], haze[1], haze[2], calm * 0.22 + smooth(0.06, 0, depth) * 0.2);
    const column = Math.exp(-(((x - sky.sunX) / (0.05 + depth * 0.1)) ** 2));
    const glint = column * smooth(0.3, 0.75, fine + ripple * 0.4);
    addInto(out, sky.sunColour[0], sky.sunColour[1], sky.sunColour[2], glint * 0.28);
  };

  return {
    horizon: hasLake ? shore : 0.78,
    sky,
    stand: hasLake ? shore - 0.004 : 0.87,
    setTime: (seconds) => {
      time = seconds;
      sky.setTime(seconds);
    },
    shade: (x, y, pixel, out) => {
      if (y > shore) lake(x, y, pixel, out);
      else land(x, y, pixel, 0, out);
    },
  };
}
