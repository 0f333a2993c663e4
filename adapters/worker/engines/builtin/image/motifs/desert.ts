// Dunes: one side in the sun, the other in the shade, a sharp crest between them, ripples over both.
import { blend, hex } from '../colour.ts';
import { createRidge, type Ridge } from '../ridge.ts';
import { addInto, clamp, mixInto, smooth, type Scene, type SceneContext } from '../scene.ts';
import { createSky } from '../sky.ts';

interface Dune {
  readonly ridge: Ridge;
  /** 0 nearest, 1 farthest. */
  readonly distance: number;
  readonly row: number;
}

const DUNES = 6;

export function createDesert(context: SceneContext): Scene {
  const { reading, palette, random, atlas, aspect } = context;
  const horizon = random.between(0.5, 0.6);
  const sky = createSky(context, horizon + 0.03);
  const sand = blend(
    blend(hex('#e2a85f'), palette.horizon, 0.25),
    palette.accent,
    reading.colours.length > 0 ? 0.45 : 0.08,
  );
  const sunlit = blend(blend(sand, palette.sun, 0.35), palette.near, palette.dark * 0.72);
  const shaded = blend(blend(sand, palette.near, 0.62), palette.sky, 0.22);
  const side = sky.sunX > aspect / 2 ? -1 : 1;
  const hasPyramids = reading.words.has('pyramid') || reading.words.has('egypt');
  const pyramids = Array.from({ length: 3 }, (_, index) => ({
    x: aspect * (0.2 + 0.27 * index + random.between(-0.05, 0.05)),
    height: random.between(0.07, 0.16),
  }));
  let time = 0;

  const dunes: Dune[] = Array.from({ length: DUNES }, (_, index) => {
    const distance = 1 - index / (DUNES - 1);
    const near = 1 - distance;
    const base = horizon + 0.015 + near ** 1.5 * 0.36;
    const rise = 0.035 + near * 0.13;
    const frequency = 3.2 - near * 1.7;
    const phase = random.between(0, 6);
    const row = random.next();
    const height = (x: number) => {
      const wander = atlas.fractal(x * 0.22 + row, row) * 1.6;
      // Sharp tops, round valleys: the shape wind gives.
      const crest = 1 - Math.abs(Math.sin(x * frequency * 0.6 + phase + wander)) ** 0.8;
      return base - rise * (crest + 0.2 * atlas.fractal(x * 0.5 + row, row + 0.4));
    };
    return { ridge: createRidge(aspect, height), distance, row };
  }).reverse();

  const paintDune = (
    dune: Dune,
    x: number,
    y: number,
    top: number,
    cover: number,
    out: Float32Array,
  ) => {
    const below = y - top;
    const { distance, row } = dune;
    // The crest's line runs on down the dune's body and parts light from shade.
    const wander = atlas.fractal(x * 0.45 + row, y * 0.9 + row) * 0.5;
    const slope = dune.ridge.slope(x + side * below * 0.9 + wander * below * 1.2);
    const light = smooth(-0.22, 0.2, -slope * side + 0.03 - below * 0.12);
    const bend = atlas.fractal(x * 0.6 + row + time * 0.0006, y * 0.9) * 2.4;
    const spacing = 46 + distance * 150;
    const ripple =
      Math.sin((y * 1.9 + x * 0.35 * side) * spacing + bend * 6) * (1 - distance) ** 1.2;
    const grain = atlas.fractal(x * 5.1, y * 7.3) * 0.05;
    const value = clamp(light + ripple * 0.07 + grain, 0, 1.2);
    const air = distance ** 1.25 * 0.62;
    const { haze } = palette;
    for (let channel = 0; channel < 3; channel += 1) {
      const own = (shaded[channel]! + (sunlit[channel]! - shaded[channel]!) * value) * (1 + grain);
      const seen = own + (haze[channel]! - own) * air;
      out[channel] = out[channel]! + (seen - out[channel]!) * cover;
    }
    const rim = Math.exp(-below * 190) * light * cover * 0.18;
    addInto(
      out,
      sky.sunColour[0],
      sky.sunColour[1],
      sky.sunColour[2],
      rim * (1 - palette.dark * 0.8),
    );
  };

  const paintPyramids = (x: number, y: number, pixel: number, out: Float32Array) => {
    for (const { x: middle, height } of pyramids) {
      const foot = horizon + 0.03;
      const half = height * 0.78;
      const inside = Math.min(
        y - (foot - height) - (Math.abs(x - middle) / half) * height,
        foot - y,
      );
      const cover = clamp(inside / pixel + 0.5);
      if (cover === 0) continue;
      const edge = middle + side * half * 0.24 * ((y - foot + height) / height);
      const light = smooth(-0.002, 0.002, (x - edge) * -side);
      const courses = 0.94 + 0.06 * Math.sin(y * 900);
      for (let channel = 0; channel < 3; channel += 1) {
        const own = (shaded[channel]! + (sunlit[channel]! - shaded[channel]!) * light) * courses;
        const seen = own + (palette.haze[channel]! - own) * 0.42;
        out[channel] = out[channel]! + (seen - out[channel]!) * cover;
      }
    }
  };

  return {
    horizon,
    sky,
    stand: horizon + 0.17,
    setTime: (seconds) => {
      time = seconds;
      sky.setTime(seconds);
    },
    shade: (x, y, pixel, out) => {
      sky.shade(x, y, pixel, out);
      if (hasPyramids) paintPyramids(x, y, pixel, out);
      for (let index = dunes.length - 1; index >= 0; index -= 1) {
        const dune = dunes[index]!;
        const top = dune.ridge.at(x);
        const cover = clamp((y - top) / pixel + 0.5);
        if (cover > 0) paintDune(dune, x, y, top, cover, out);
      }
      // Blown sand over the crests.
      const blown =
        atlas.wisps(x * 0.5 - time * 0.012, y * 2.2) *
        Math.exp(-(((y - horizon - 0.03) / 0.06) ** 2));
      mixInto(out, sunlit[0], sunlit[1], sunlit[2], clamp(blown * 0.35));
    },
  };
}
