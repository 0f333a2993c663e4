// The tables a picture is drawn from: tileable noise, computed once when the model is loaded. Looking a
// value up costs a tenth of computing it, which is what makes a megapixel take about a second.
import { createRandom } from '../random.ts';

export interface Atlas {
  /** Each in about [-1, 1], repeating with period 1 in both directions. */
  readonly fractal: Field;
  readonly ridged: Field;
  readonly wisps: Field;
  /** Distance to the nearest of many scattered points, in [0, 1]. */
  readonly cells: Field;
  readonly bytes: number;
}

export type Field = (x: number, y: number) => number;

/** Fixed: the pictures of a model must not change from load to load. */
const TABLE_SEED = 20_260_101;

export function createAtlas(size: number, octaves: number): Atlas {
  const gradients = createGradients();
  const fractal = fill(size, (x, y) => octaveSum(gradients, x, y, 4, octaves, (n) => n) * 1.5);
  const ridged = fill(size, (x, y) => {
    return (
      octaveSum(gradients, x + 0.37, y + 0.11, 4, octaves, (n) => 0.5 - Math.abs(n) * 1.6) * 1.4
    );
  });
  const lookUp = sampler(fractal, size);
  // Noise that is displaced by noise curls as smoke and high clouds do.
  const wisps = fill(size, (x, y) => {
    const dx = lookUp(x * 1 + 0.21, y + 0.43) * 0.09;
    const dy = lookUp(x * 1 + 0.71, y + 0.87) * 0.09;
    return lookUp(x + dx, y + dy) * 0.75 + lookUp(x * 2 + dy * 2, y * 2 - dx * 2) * 0.35;
  });
  const cells = createCells(size, 24);
  return {
    fractal: lookUp,
    ridged: sampler(ridged, size),
    wisps: sampler(wisps, size),
    cells: sampler(cells, size),
    bytes: 4 * size * size * Float32Array.BYTES_PER_ELEMENT,
  };
}

function fill(size: number, value: (x: number, y: number) => number): Float32Array {
  const table = new Float32Array(size * size);
  for (let y = 0; y < size; y += 1) {
    for (let x = 0; x < size; x += 1) table[y * size + x] = value(x / size, y / size);
  }
  return table;
}

/** Bilinear, wrapping. `size` is a power of two, so wrapping is a mask. */
function sampler(table: Float32Array, size: number): Field {
  const mask = size - 1;
  return (x, y) => {
    const u = x * size;
    const v = y * size;
    const left = Math.floor(u);
    const top = Math.floor(v);
    const fu = u - left;
    const fv = v - top;
    const x0 = left & mask;
    const x1 = (left + 1) & mask;
    const row0 = (top & mask) * size;
    const row1 = ((top + 1) & mask) * size;
    const upper = table[row0 + x0]! + (table[row0 + x1]! - table[row0 + x0]!) * fu;
    const lower = table[row1 + x0]! + (table[row1 + x1]! - table[row1 + x0]!) * fu;
    return upper + (lower - upper) * fv;
  };
}

interface Gradients {
  readonly order: Uint8Array;
  readonly x: Float32Array;
  readonly y: Float32Array;
}

function createGradients(): Gradients {
  const random = createRandom(TABLE_SEED);
  const order = new Uint8Array(512);
  for (let index = 0; index < 256; index += 1) order[index] = index;
  for (let index = 255; index > 0; index -= 1) {
    const other = Math.floor(random.next() * (index + 1));
    [order[index], order[other]] = [order[other]!, order[index]!];
  }
  order.copyWithin(256, 0, 256);
  const x = new Float32Array(256);
  const y = new Float32Array(256);
  for (let index = 0; index < 256; index += 1) {
    const angle = random.next() * Math.PI * 2;
    x[index] = Math.cos(angle);
    y[index] = Math.sin(angle);
  }
  return { order, x, y };
}

function octaveSum(
  gradients: Gradients,
  x: number,
  y: number,
  period: number,
  octaves: number,
  shape: (noise: number) => number,
): number {
  let sum = 0;
  let weight = 0.5;
  let cells = period;
  for (let octave = 0; octave < octaves; octave += 1) {
    sum += weight * shape(gradientNoise(gradients, x * cells, y * cells, cells, octave * 57));
    weight *= 0.52;
    cells *= 2;
  }
  return sum;
}

function gradientNoise(g: Gradients, x: number, y: number, period: number, salt: number): number {
  const left = Math.floor(x);
  const top = Math.floor(y);
  const fx = x - left;
  const fy = y - top;
  const x0 = (((left % period) + period) % period) & 255;
  const x1 = ((((left + 1) % period) + period) % period) & 255;
  const y0 = (((top % period) + period) % period) & 255;
  const y1 = ((((top + 1) % period) + period) % period) & 255;
  const { order } = g;
  const rowLeft = order[(x0 + salt) & 255]!;
  const rowRight = order[(x1 + salt) & 255]!;
  const a = order[rowLeft + y0]!;
  const b = order[rowRight + y0]!;
  const c = order[rowLeft + y1]!;
  const d = order[rowRight + y1]!;
  const u = fx * fx * fx * (fx * (fx * 6 - 15) + 10);
  const v = fy * fy * fy * (fy * (fy * 6 - 15) + 10);
  const upper = lerp(g.x[a]! * fx + g.y[a]! * fy, g.x[b]! * (fx - 1) + g.y[b]! * fy, u);
  const lower = lerp(g.x[c]! * fx + g.y[c]! * (fy - 1), g.x[d]! * (fx - 1) + g.y[d]! * (fy - 1), u);
  return lerp(upper, lower, v) * 1.4;
}

const lerp = (from: number, to: number, part: number) => from + (to - from) * part;

/** One point per cell of a `count` x `count` grid; the distance to the nearest, wrapping. */
function createCells(size: number, count: number): Float32Array {
  const random = createRandom(TABLE_SEED + 1);
  const points = Float32Array.from({ length: count * count * 2 }, () => random.next());
  return fill(size, (x, y) => {
    const column = Math.floor(x * count);
    const row = Math.floor(y * count);
    let nearest = 4;
    for (let dy = -1; dy <= 1; dy += 1) {
      for (let dx = -1; dx <= 1; dx += 1) {
        const at = (((row + dy + count) % count) * count + ((column + dx + count) % count)) * 2;
        const px = column + dx + points[at]! - x * count;
        const py = row + dy + points[at + 1]! - y * count;
        nearest = Math.min(nearest, px * px + py * py);
      }
    }
    return Math.min(1, Math.sqrt(nearest));
  });
}
