// A skyline over water: towers behind towers, windows that light up with the dark, signs in the accent.
import { hashCell } from '../../random.ts';
import { blend, hex, scale } from '../colour.ts';
import { addInto, clamp, mixInto, smooth, type Scene, type SceneContext } from '../scene.ts';
import { createSky } from '../sky.ts';

interface Block {
  /** 0 nearest, 1 farthest. */
  readonly distance: number;
  readonly lot: number;
  readonly low: number;
  readonly high: number;
  readonly seed: number;
}

const BLOCKS = 5;
const NEON = [hex('#ff2e93'), hex('#22e0ff'), hex('#b14bff')];

export function createCity(context: SceneContext): Scene {
  const { reading, palette, random, atlas, aspect } = context;
  const shore = random.between(0.74, 0.82);
  const sky = createSky(context, shore);
  const centre = aspect * random.between(0.35, 0.65);
  const lit = clamp(palette.dark * 0.75 + 0.05, 0, 0.62);
  const wall = blend(palette.near, palette.far, 0.3);
  const wallLit = blend(palette.far, palette.horizon, 0.45);
  const glass = blend(palette.sky, palette.horizon, 0.35);
  const isNeon =
    reading.words.has('neon') || reading.words.has('cyberpunk') || reading.style === 'neon';
  const warm = isNeon ? hex('#ff7ab8') : blend(palette.sun, palette.accent, 0.45);
  const cool = isNeon ? hex('#4fd8ff') : blend(palette.sun, palette.sky, 0.45);
  const signs = isNeon ? 0.75 : palette.dark > 0.5 ? 0.16 : 0;
  const signColours = isNeon
    ? NEON
    : [palette.accent, blend(palette.accent, palette.zenith, 0.35), cool];
  const side = sky.sunX > aspect / 2 ? 1 : -1;
  let time = 0;

  const blocks: Block[] = Array.from({ length: BLOCKS }, (_, index) => {
    const distance = 1 - index / (BLOCKS - 1);
    return {
      distance,
      lot: 0.035 + (1 - distance) * 0.06,
      low: 0.05 + distance * 0.07,
      high: 0.2 + Math.sin(Math.PI * (0.25 + distance * 0.6)) * 0.3,
      seed: Math.floor(random.next() * 1e9),
    };
  }).reverse();

  const house = { column: 0, top: 0, left: 0, right: 0, chance: 0 };
  /** The building of a block that stands at x. */
  const findHouse = (block: Block, x: number) => {
    const column = Math.floor(x / block.lot);
    const chance = hashCell(column, 1, block.seed);
    const middle = Math.exp(-(((x - centre) / (aspect * 0.36)) ** 2));
    const height = block.low + block.high * (0.3 + 0.7 * middle) * chance ** 1.5;
    const inset = 0.08 * hashCell(column, 2, block.seed);
    house.column = column;
    house.chance = hashCell(column, 3, block.seed);
    house.top = shore - height;
    house.left = (column + inset) * block.lot;
    house.right = (column + 1 - inset) * block.lot;
  };

  /** Crowns, setbacks and masts: where the roof is at this x. */
  const roofAt = (block: Block, x: number, pixel: number): number => {
    const { top, left, right, chance } = house;
    const across = (x - left) / (right - left);
    if (across < 0 || across > 1) return shore;
    const height = shore - top;
    const fromMiddle = Math.abs(across - 0.5);
    if (chance < 0.18) return top + height * 0.16 * smooth(0.26, 0.3, fromMiddle);
    if (chance < 0.34) return top + block.lot * 0.5 * fromMiddle * 1.5;
    if (chance < 0.46) return top + height * 0.12 * across;
    const mast = Math.max(pixel * 0.6, block.lot * 0.012);
    if (chance > 0.84 && fromMiddle * (right - left) < mast) return top - height * 0.22;
    if (chance > 0.7)
      return (
        top +
        height * (0.09 * smooth(0.3, 0.31, fromMiddle) + 0.11 * smooth(0.42, 0.43, fromMiddle))
      );
    return top;
  };

  const windows = (block: Block, x: number, y: number, pixel: number, out: Float32Array) => {
    const size = 0.0085 + (1 - block.distance) * 0.0055;
    const u = (x - house.left) / (size * 0.8);
    const v = (y - house.top) / size;
    const column = Math.floor(u);
    const floor = Math.floor(v);
    // Windows smaller than a pixel would only flicker: their mean glows instead.
    const sharp = smooth(0.75, 0.35, pixel / size);
    const frame =
      smooth(0.12, 0.2, u - column) *
      smooth(0.92, 0.84, u - column) *
      smooth(0.2, 0.3, v - floor) *
      smooth(0.9, 0.8, v - floor);
    const chance = hashCell(column + house.column * 131, floor, block.seed);
    const office = hashCell(house.column, Math.floor(floor / 3), block.seed + 5);
    const isLit =
      chance < lit * (0.45 + office)
        ? 0.35 + 0.65 * hashCell(floor, column + house.column * 131, block.seed)
        : 0;
    const light = (isLit * frame * sharp + lit * 0.28 * (1 - sharp)) * (1 - block.distance * 0.6);
    const tone = hashCell(house.column, floor, block.seed + 9) < 0.7 ? warm : cool;
    if (light > 0) addInto(out, tone[0], tone[1], tone[2], light * 1.25);
    const shine =
      frame *
      sharp *
      (1 - palette.dark) *
      0.5 *
      (0.35 + 0.65 * smooth(0.7, 0, (y - house.top) / (shore - house.top)));
    if (shine > 0) mixInto(out, glass[0], glass[1], glass[2], shine);
  };

  const sign = (block: Block, x: number, y: number, pixel: number, out: Float32Array) => {
    if (block.distance > 0.6 || hashCell(house.column, 8, block.seed) > signs) return;
    const colour = signColours[Math.floor(house.chance * 17) % 3]!;
    const middle =
      house.left +
      (house.right - house.left) * (0.2 + 0.6 * hashCell(house.column, 12, block.seed));
    const from = house.top + (shore - house.top) * 0.18;
    const to = from + (shore - house.top) * 0.4;
    const far = Math.hypot(
      Math.max(0, Math.abs(x - middle) - 0.0016),
      Math.max(0, from - y, y - to),
    );
    const flicker = 0.85 + 0.15 * Math.sin(time * 7 + house.chance * 50);
    const tube = smooth(pixel + 0.001, 0, far);
    addInto(
      out,
      colour[0],
      colour[1],
      colour[2],
      (tube * 1.8 + Math.exp(-far * 170) * 0.5) * flicker,
    );
  };

  const land = (x: number, y: number, pixel: number, out: Float32Array) => {
    sky.shade(x, y, pixel, out);
    for (let index = blocks.length - 1; index >= 0; index -= 1) {
      const block = blocks[index]!;
      findHouse(block, x);
      const cover = clamp((y - roofAt(block, x, pixel)) / pixel + 0.5);
      if (cover === 0) continue;
      const [r, g, b] = [out[0]!, out[1]!, out[2]!];
      const across = (x - house.left) / (house.right - house.left);
      const face = clamp(0.45 + (across - 0.5) * side * 0.7) * (0.75 + 0.3 * house.chance);
      const up = (shore - y) / 0.6;
      const air = clamp(block.distance ** 0.9 * 0.78 + 0.2 * smooth(0.25, 0, up) * block.distance);
      for (let channel = 0; channel < 3; channel += 1) {
        const own =
          (wall[channel]! * (1 - face) + wallLit[channel]! * face) *
          (0.42 + 0.3 * (1 - palette.dark));
        out[channel] = own + (palette.haze[channel]! * 0.92 - own) * air;
      }
      if (y > house.top + 0.006) windows(block, x, y, pixel, out);
      sign(block, x, y, pixel, out);
      if (cover < 1) mixInto(out, r, g, b, 1 - cover);
    }
  };

  const water = (x: number, y: number, pixel: number, out: Float32Array) => {
    const depth = (y - shore) / (1 - shore);
    const stretch = 1 / (0.08 + depth);
    const wave = atlas.fractal(
      x * 0.6 * stretch + time * 0.008,
      Math.log(stretch) * 1.6 + time * 0.025,
    );
    const fine = atlas.ridged(x * 1.3 * stretch, Math.log(stretch) * 3.1 - time * 0.03);
    const bend = (wave + fine * 0.5) * (0.01 + depth * 0.05);
    land(
      clamp(x + bend * 0.25, 0, aspect),
      clamp(shore - (y - shore) * 1.5 - bend, 0, shore - 0.002),
      pixel * 2,
      out,
    );
    const { water: own, haze } = palette;
    mixInto(out, own[0] * 0.4, own[1] * 0.4, own[2] * 0.4, 0.28 + 0.34 * depth);
    mixInto(out, haze[0], haze[1], haze[2], smooth(0.05, 0, depth) * 0.3);
    const glint =
      smooth(0.3, 0.7, fine + wave * 0.4) *
      Math.exp(-(((x - sky.sunX) / (0.06 + depth * 0.12)) ** 2));
    addInto(out, sky.sunColour[0], sky.sunColour[1], sky.sunColour[2], glint * 0.3);
  };

  const quay = scale(palette.near, 0.5);
  return {
    horizon: shore,
    sky,
    setTime: (seconds) => {
      time = seconds;
      sky.setTime(seconds);
    },
    shade: (x, y, pixel, out) => {
      if (y > shore) water(x, y, pixel, out);
      else land(x, y, pixel, out);
      const edge = smooth(0.004 + pixel, 0.002, Math.abs(y - shore));
      if (edge > 0) mixInto(out, quay[0], quay[1], quay[2], edge * 0.8);
    },
  };
}
