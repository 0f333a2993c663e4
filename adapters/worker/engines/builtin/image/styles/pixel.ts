// Pixel art: few large squares, few colours, and an ordered pattern where one colour becomes another.
import { createRaster, shrink, type Raster } from '../raster.ts';
import { findClusters, vividColour } from './clusters.ts';
import type { StyleContext } from './style.ts';

/** Along the shorter side. */
const SQUARES = 144;
const COLOURS = 28;
const BAYER = [0, 8, 2, 10, 12, 4, 14, 6, 3, 11, 1, 9, 15, 7, 13, 5].map(
  (value) => value / 16 - 0.47,
);

export function pixelate(screen: Raster, { seed }: StyleContext): Raster {
  const factor = Math.min(1, SQUARES / Math.min(screen.width, screen.height));
  const width = Math.max(1, Math.round(screen.width * factor));
  const height = Math.max(1, Math.round(screen.height * factor));
  const small = shrink(screen, width, height);
  const clusters = findClusters(small, COLOURS, 0, seed);
  const palette = Array.from({ length: COLOURS }, (_, index) => vividColour(clusters, index, 1.18));
  const chosen = createRaster(width, height);
  for (let at = 0; at < width * height; at += 1) {
    const [x, y] = [at % width, Math.floor(at / width)];
    const nudge = BAYER[(y % 4) * 4 + (x % 4)]! * 0.075;
    const [r, g, b] = [small.data[at * 3]!, small.data[at * 3 + 1]!, small.data[at * 3 + 2]!];
    chosen.data.set(palette[clusters.nearest(r + nudge, g + nudge, b + nudge, 0)]!, at * 3);
  }
  return enlarge(chosen, screen.width, screen.height);
}

/** Squares stay squares. */
function enlarge(small: Raster, width: number, height: number): Raster {
  const to = createRaster(width, height);
  for (let y = 0; y < height; y += 1) {
    const row = Math.min(small.height - 1, Math.floor((y * small.height) / height)) * small.width;
    for (let x = 0; x < width; x += 1) {
      const column = Math.min(small.width - 1, Math.floor((x * small.width) / width));
      const from = (row + column) * 3;
      const at = (y * width + x) * 3;
      to.data[at] = small.data[from]!;
      to.data[at + 1] = small.data[from + 1]!;
      to.data[at + 2] = small.data[from + 2]!;
    }
  }
  return to;
}
