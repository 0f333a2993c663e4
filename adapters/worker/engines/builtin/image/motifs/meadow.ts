// A field in flower under hills: every row of blossoms larger than the one behind it.
import { hashCell } from '../../random.ts';
import { blend, hex, type Colour } from '../colour.ts';
import { flowerCover, KINDS, type FlowerKind } from '../flowers.ts';
import { createRidge, type Ridge } from '../ridge.ts';
import { addInto, clamp, mixInto, smooth, type Scene, type SceneContext } from '../scene.ts';
import { createSky } from '../sky.ts';

interface Bed {
  /** 0 nearest, 1 farthest. */
  readonly distance: number;
  readonly foot: number;
  readonly size: number;
  readonly spacing: number;
  readonly seed: number;
}

const BEDS = 13;
const HILLS = 4;

export function createMeadow(context: SceneContext): Scene {
  const { palette, random, atlas, aspect } = context;
  const horizon = random.between(0.42, 0.52);
  const sky = createSky(context, horizon + 0.04);
  const kinds = chooseKinds(context);
  const grass = blend(palette.leaf, palette.near, 0.15);
  const grassLit = blend(blend(palette.leaf, palette.sun, 0.38), palette.near, palette.dark * 0.5);
  const hills: { ridge: Ridge; distance: number }[] = Array.from({ length: HILLS }, (_, index) => {
    const distance = 1 - index / HILLS;
    const row = random.next();
    const phase = random.between(0, 6);
    const base = horizon + 0.05 - distance * 0.05;
    const height = (x: number) =>
      base -
      (0.03 + 0.05 * distance) *
        (0.6 +
          Math.sin(x * (1.4 + distance) + phase) * 0.6 +
          atlas.fractal(x * 0.5 + row, row) * 0.8);
    return { ridge: createRidge(aspect, height), distance };
  }).reverse();
  const beds: Bed[] = Array.from({ length: BEDS }, (_, index) => {
    const distance = 1 - index / (BEDS - 1);
    const near = 1 - distance;
    const size = 0.005 + near ** 2.1 * 0.062;
    return {
      distance,
      foot: horizon + 0.075 + near ** 1.75 * 0.62,
      size,
      spacing: size * 2.1,
      seed: Math.floor(random.next() * 1e9),
    };
  }).reverse();
  let time = 0;

  const paintHills = (x: number, y: number, pixel: number, out: Float32Array) => {
    for (let index = hills.length - 1; index >= 0; index -= 1) {
      const { ridge, distance } = hills[index]!;
      const top = ridge.at(x);
      const tree =
        0.012 *
        (0.4 + 0.6 * distance) *
        clamp(atlas.fractal(x * 2.2 + distance, distance) * 2.4 + 0.1);
      const cover = clamp((y - top + tree) / pixel + 0.5);
      if (cover === 0) continue;
      const below = y - top;
      const woods =
        smooth(0.05, 0.25, atlas.fractal(x * 0.8 + distance, y * 2.4)) * 0.55 +
        smooth(0.012, 0, below) * 0.5;
      const stripes =
        0.08 * Math.sin((x * 0.5 + below * 6) * 60 + distance * 9) * smooth(0.2, 0.3, distance);
      const air = distance * 0.62 + 0.1;
      for (let channel = 0; channel < 3; channel += 1) {
        const open = grassLit[channel]! * (0.82 + stripes);
        const own =
          open + (palette.near[channel]! * 0.8 + grass[channel]! * 0.2 - open) * clamp(woods);
        const seen = own + (palette.haze[channel]! - own) * air;
        out[channel] = out[channel]! + (seen - out[channel]!) * cover;
      }
    }
  };

  const paintGrass = (x: number, y: number, pixel: number, out: Float32Array) => {
    const top = horizon + 0.06 + 0.014 * atlas.fractal(x * 0.4, 0.3);
    const cover = clamp((y - top) / pixel + 0.5);
    if (cover === 0) return;
    const near = clamp((y - top) / (1 - top));
    const zoom = 1 / (0.12 + near * 0.88);
    const sway = Math.sin(time * 1.1 + x * 4) * 0.004 * near;
    const blades = atlas.ridged((x + sway) * 2.4 * zoom, y * 0.5 * zoom + 0.3);
    const patches = atlas.fractal(x * 0.5 * zoom ** 0.5 + 0.2, Math.log(zoom) * 0.9);
    const light = clamp(0.42 + blades * 0.75 + patches * 0.28);
    // Far blossoms are only a colour over the green.
    const flecks =
      smooth(0.1, 0.5, atlas.fractal(x * 1.6 * zoom, Math.log(zoom) * 5.3)) *
      smooth(0.5, 0.05, near) *
      0.8;
    const fleck =
      kinds[Math.floor(hashCell(Math.floor(x * 9), Math.floor(near * 9), 3) * kinds.length)]!.petal;
    const air = smooth(0.3, 0, near) * 0.4;
    for (let channel = 0; channel < 3; channel += 1) {
      const green = grass[channel]! * 0.42 + (grassLit[channel]! - grass[channel]! * 0.42) * light;
      const own = green + (fleck[channel]! * (0.5 + light * 0.6) - green) * flecks;
      const seen = own + (palette.haze[channel]! - own) * air;
      out[channel] = out[channel]! + (seen - out[channel]!) * cover;
    }
  };

  const paint = { part: 0, r: 0, g: 0, b: 0 };
  const paintBed = (bed: Bed, x: number, y: number, pixel: number, out: Float32Array) => {
    const reach = bed.size * 3.6;
    if (y < bed.foot - reach || y > bed.foot + bed.size * 1.2) return;
    const cell = Math.floor(x / bed.spacing);
    for (let column = cell - 1; column <= cell + 1; column += 1) {
      const chance = hashCell(column, 1, bed.seed);
      const patch = atlas.fractal(column * bed.spacing * 0.5 + 0.3, bed.foot * 1.1);
      if (chance < 0.3 - patch * 0.5) continue;
      const kind = kinds[Math.floor(hashCell(column, 2, bed.seed) * kinds.length)]!;
      const grow = 0.7 + 0.6 * hashCell(column, 3, bed.seed);
      const size = bed.size * grow;
      const sway = Math.sin(time * 1.3 + column * 1.7 + bed.foot * 9) * size * 0.16;
      const foot = bed.foot + (hashCell(column, 4, bed.seed) - 0.5) * bed.size * 1.4;
      const centreX = (column + 0.2 + 0.6 * hashCell(column, 5, bed.seed)) * bed.spacing;
      flowerCover(
        kind,
        {
          u: (x - centreX - sway * clamp((foot - y) / (size * 2))) / size,
          v: (foot - y) / size,
          pixel: pixel / size,
          chance: hashCell(column, 6, bed.seed),
        },
        paint,
      );
      if (paint.part === 0) continue;
      const air = bed.distance ** 1.4 * 0.45;
      const { haze } = palette;
      mixInto(
        out,
        paint.r + (haze[0] - paint.r) * air,
        paint.g + (haze[1] - paint.g) * air,
        paint.b + (haze[2] - paint.b) * air,
        paint.part,
      );
    }
  };

  return {
    horizon,
    sky,
    stand: horizon + 0.11,
    setTime: (seconds) => {
      time = seconds;
      sky.setTime(seconds);
    },
    shade: (x, y, pixel, out) => {
      if (y < horizon + 0.09) {
        sky.shade(x, y, pixel, out);
        paintHills(x, y, pixel, out);
      }
      paintGrass(x, y, pixel, out);
      for (let index = beds.length - 1; index >= 0; index -= 1)
        paintBed(beds[index]!, x, y, pixel, out);
      const glow =
        Math.exp(-Math.hypot(x - sky.sunX, (y - sky.sunY) * 0.7) * 2.6) *
        smooth(horizon - 0.1, horizon + 0.3, y);
      addInto(out, sky.sunColour[0], sky.sunColour[1], sky.sunColour[2], glow * 0.09);
    },
  };
}

const PETALS = ['#e23a2e', '#f7f4ec', '#f4c430', '#8a5cd0', '#f08ab8', '#4f7fe0', '#f28c38'];

function chooseKinds({ reading, palette, random }: SceneContext): FlowerKind[] {
  const dim = (colour: Colour): Colour => blend(colour, palette.near, palette.dark * 0.55);
  const named = KINDS.filter(({ words }) => words.some((word) => reading.words.has(word)));
  const chosen = named.length > 0 ? named : [random.pick(KINDS), random.pick(KINDS), KINDS[1]!];
  return chosen.map((kind, index) => {
    const own = reading.colours[index % Math.max(1, reading.colours.length)];
    const petal = own ?? (named.length > 0 ? hex(kind.usual) : hex(random.pick(PETALS)));
    return {
      ...kind,
      petal: dim(petal),
      heart: dim(hex(kind.heartCode)),
      stem: dim(blend(palette.leaf, palette.near, 0.35)),
      light: dim(blend(petal, palette.sun, 0.45)),
    };
  });
}
