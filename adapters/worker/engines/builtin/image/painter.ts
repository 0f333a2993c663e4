// From a scene to a picture, coarse to fine. The first steps double the resolution; every later step
// gives one more sample to each pixel that still has an edge in it, so more steps really mean finer.
import { createRandom } from '../random.ts';
import { createRaster, resize, type Raster } from './raster.ts';
import type { Scene } from './scene.ts';

export interface PaintOptions {
  readonly scene: Pick<Scene, 'shade'>;
  readonly width: number;
  readonly height: number;
  readonly steps: number;
  /** Called every few rows; throws when the work is no longer wanted. */
  readonly check: () => void;
  readonly onStep: (step: number, soFar: Raster) => Promise<void>;
}

/** Resolution doubles this often before the full size is reached. */
const LEVELS_MAX = 5;
const ROWS_PER_CHECK = 16;
const EDGES_PER_CHECK = 8192;
/** Contrast at which a pixel deserves another sample, of 255. */
const EDGE = 11;
const EDGE_SHARE_MAX = 0.15;

export async function paint(options: PaintOptions): Promise<Raster> {
  const { scene, width, height, steps, check } = options;
  const levels = Math.min(steps, LEVELS_MAX);
  let picture = createRaster(1, 1);
  for (let level = 1; level <= levels; level += 1) {
    // One single step still gives the whole size, only softer.
    const shrink = 2 ** (levels - level) * (steps === 1 ? 2 : 1);
    const levelWidth = Math.max(1, Math.ceil(width / shrink));
    const levelHeight = Math.max(1, Math.ceil(height / shrink));
    picture = render(scene, levelWidth, levelHeight, check);
    await options.onStep(level, picture);
  }
  if (picture.width !== width || picture.height !== height)
    picture = resize(picture, width, height);
  if (steps === levels) return picture;
  const refine = createRefiner(picture, scene, check);
  for (let step = levels + 1; step <= steps; step += 1) {
    refine();
    await options.onStep(step, picture);
  }
  return picture;
}

export function render(
  scene: Pick<Scene, 'shade'>,
  width: number,
  height: number,
  check: () => void,
): Raster {
  const raster = createRaster(width, height);
  const pixel = 1 / height;
  const out = new Float32Array(3);
  for (let y = 0; y < height; y += 1) {
    if (y % ROWS_PER_CHECK === 0) check();
    for (let x = 0; x < width; x += 1) {
      scene.shade((x + 0.5) * pixel, (y + 0.5) * pixel, pixel, out);
      raster.data.set(out, (y * width + x) * 3);
    }
  }
  return raster;
}

/** Each call adds one sample to every pixel of `picture` that has an edge in it. */
export function createRefiner(
  picture: Raster,
  scene: Pick<Scene, 'shade'>,
  check: () => void,
): () => void {
  const { width, height, data } = picture;
  const edges = findEdges(picture);
  const sums = new Float32Array(edges.length * 3);
  for (const [index, at] of edges.entries()) sums.set(data.subarray(at * 3, at * 3 + 3), index * 3);
  const pixel = 1 / height;
  const out = new Float32Array(3);
  const random = createRandom(edges.length);
  let samples = 1;
  return () => {
    samples += 1;
    const dx = random.next();
    const dy = random.next();
    for (let index = 0; index < edges.length; index += 1) {
      if (index % EDGES_PER_CHECK === 0) check();
      const at = edges[index]!;
      scene.shade(((at % width) + dx) * pixel, (Math.floor(at / width) + dy) * pixel, pixel, out);
      for (let channel = 0; channel < 3; channel += 1) {
        const sum = sums[index * 3 + channel]! + out[channel]!;
        sums[index * 3 + channel] = sum;
        data[at * 3 + channel] = sum / samples;
      }
    }
  };
}

/** The pixels with the strongest edges, at most a fixed share: a city at night is nothing but edges. */
function findEdges({ width, height, data }: Raster): Uint32Array {
  const light = new Float32Array(width * height);
  for (let at = 0; at < light.length; at += 1) {
    const sum = data[at * 3]! * 0.3 + data[at * 3 + 1]! * 0.59 + data[at * 3 + 2]! * 0.11;
    light[at] = Math.sqrt(Math.min(1.2, Math.max(0, sum)));
  }
  const contrast = new Uint8Array(light.length);
  const histogram = new Uint32Array(256);
  for (let y = 0; y < height; y += 1) {
    for (let x = 0; x < width; x += 1) {
      const at = y * width + x;
      const right = Math.abs(light[at]! - light[at + (x + 1 < width ? 1 : 0)]!);
      const below = Math.abs(light[at]! - light[at + (y + 1 < height ? width : 0)]!);
      const step = Math.min(255, Math.round(Math.max(right, below) * 255));
      contrast[at] = step;
      histogram[step] = histogram[step]! + 1;
    }
  }
  let threshold = 255;
  let count = histogram[255]!;
  const most = light.length * EDGE_SHARE_MAX;
  while (threshold > EDGE && count + histogram[threshold - 1]! <= most) {
    threshold -= 1;
    count += histogram[threshold]!;
  }
  const edges = new Uint32Array(count);
  let found = 0;
  for (let at = 0; at < contrast.length; at += 1) {
    if (contrast[at]! >= threshold) edges[found++] = at;
  }
  return edges;
}
