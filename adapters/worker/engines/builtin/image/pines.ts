// Rows of conifers: a cell per tree, each tree a stack of drooping tiers.
import { hashCell } from '../random.ts';
import { clamp } from './scene.ts';

export interface PineRow {
  readonly ground: (x: number) => number;
  readonly height: number;
  readonly spacing: number;
  readonly seed: number;
}

/** How much of the point is covered by a tree of this row, 0 to 1. */
export function pineCover(row: PineRow, x: number, y: number, pixel: number): number {
  const cell = Math.floor(x / row.spacing);
  let cover = 0;
  for (let column = cell - 1; column <= cell + 1; column += 1) {
    const chance = hashCell(column, 1, row.seed);
    // Groups and clearings, as trees grow.
    const grove = hashCell(Math.floor(column / 7), 5, row.seed);
    if (chance < 0.1 + grove * 0.5) continue;
    const centre = (column + 0.15 + 0.7 * hashCell(column, 2, row.seed)) * row.spacing;
    const height = row.height * (0.38 + 0.85 * hashCell(column, 3, row.seed) ** 2 + 0.1 * chance);
    const foot = row.ground(centre) + row.height * 0.04;
    const up = (foot - y) / height;
    if (up < 0 || up > 1) continue;
    const tiers = 7 + Math.floor(chance * 5);
    const within = (up * tiers) % 1;
    const ragged =
      0.1 *
      (hashCell(Math.floor(up * tiers * 3), column * 2 + (x > centre ? 1 : 0), row.seed) - 0.5);
    const width =
      height * (0.17 + 0.05 * chance) * (1 - up) ** 0.9 * (1.12 - 0.55 * within + ragged);
    const trunk = height * 0.012;
    const inside = Math.max(up < 0.08 ? 0 : width, trunk) - Math.abs(x - centre);
    cover = Math.max(cover, clamp(inside / pixel + 0.5));
    if (cover === 1) return 1;
  }
  return cover;
}
