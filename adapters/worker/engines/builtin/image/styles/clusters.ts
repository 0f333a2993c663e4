// The few colours a picture would choose for itself: k-means over colour and, if wanted, height.
import { createRandom } from '../../random.ts';
import type { Raster } from '../raster.ts';

const ROUNDS = 8;
/** Red, green, blue and the y of each centre. */
const FIELDS = 4;

export interface Clusters {
  readonly count: number;
  readonly centres: Float32Array;
  nearest(r: number, g: number, b: number, y: number): number;
}

/** `heightWeight` keeps what is far apart in the picture apart: a sky from a lake of the same colour. */
export function findClusters(
  picture: Raster,
  count: number,
  heightWeight: number,
  seed: number,
): Clusters {
  const { width, height, data } = picture;
  const random = createRandom(seed);
  const centres = new Float32Array(count * FIELDS);
  const yOf = (at: number) => Math.floor(at / width) / height;
  for (let index = 0; index < count; index += 1) {
    const at = Math.floor(random.next() * width * height);
    centres.set([data[at * 3]!, data[at * 3 + 1]!, data[at * 3 + 2]!, yOf(at)], index * FIELDS);
  }
  const nearest = (r: number, g: number, b: number, y: number): number => {
    let best = 0;
    let least = Infinity;
    for (let index = 0; index < centres.length; index += FIELDS) {
      const dr = centres[index]! - r;
      const dg = centres[index + 1]! - g;
      const db = centres[index + 2]! - b;
      const dy = (centres[index + 3]! - y) * heightWeight;
      const far = dr * dr * 0.9 + dg * dg * 1.6 + db * db * 0.7 + dy * dy;
      if (far < least) [best, least] = [index / FIELDS, far];
    }
    return best;
  };
  for (let round = 0; round < ROUNDS; round += 1) {
    const sums = new Float64Array(count * (FIELDS + 1));
    for (let at = 0; at < width * height; at += 2) {
      const point = [data[at * 3]!, data[at * 3 + 1]!, data[at * 3 + 2]!, yOf(at)] as const;
      const own = nearest(...point) * (FIELDS + 1);
      for (let field = 0; field < FIELDS; field += 1)
        sums[own + field] = sums[own + field]! + point[field]!;
      sums[own + FIELDS] = sums[own + FIELDS]! + 1;
    }
    for (let index = 0; index < count; index += 1) {
      const size = sums[index * (FIELDS + 1) + FIELDS]!;
      if (size === 0) continue;
      for (let field = 0; field < FIELDS; field += 1) {
        centres[index * FIELDS + field] = sums[index * (FIELDS + 1) + field]! / size;
      }
    }
  }
  return { count, centres, nearest };
}

/** The colour of a centre, a little more vivid than the mean of many pixels is. */
export function vividColour(
  { centres }: Clusters,
  index: number,
  saturation: number,
): [number, number, number] {
  const [r, g, b] = [
    centres[index * FIELDS]!,
    centres[index * FIELDS + 1]!,
    centres[index * FIELDS + 2]!,
  ];
  const grey = (r + g + b) / 3;
  const vivid = (value: number) => grey + (value - grey) * saturation;
  return [vivid(r), vivid(g), vivid(b)];
}
