// Paper cut: a few sheets of coloured paper, one over the other, each throwing a shadow on the next.
import { blur, createRaster, shrink, type Raster } from '../raster.ts';
import { clamp } from '../scene.ts';
import { findClusters, vividColour } from './clusters.ts';
import type { StyleContext } from './style.ts';
import { blurPlane, type Plane } from './tones.ts';

const SHEETS = 11;

export function cutPaper(screen: Raster, { atlas, unit, seed }: StyleContext): Raster {
  const { width, height } = screen;
  const size = 1000 * unit;
  // Scissors do not follow every needle of a tree.
  const soft = blur(screen, Math.max(1, 3.4 * unit));
  const factor = Math.min(1, 120 / Math.min(width, height));
  const small = shrink(
    soft,
    Math.max(2, Math.round(width * factor)),
    Math.max(2, Math.round(height * factor)),
  );
  const clusters = findClusters(small, SHEETS, 0.55, seed);
  const colours = Array.from({ length: SHEETS }, (_, index) => vividColour(clusters, index, 1.2));
  const heights = rankByLight(colours);
  const sheets = new Uint8Array(width * height);
  const stack = new Float32Array(width * height);
  for (let at = 0; at < sheets.length; at += 1) {
    const [x, y] = [at % width, Math.floor(at / width)];
    const wave = atlas.fractal((x / size) * 0.9, (y / size) * 0.9) * 0.018;
    const [r, g, b] = [
      soft.data[at * 3]! + wave,
      soft.data[at * 3 + 1]! + wave,
      soft.data[at * 3 + 2]! + wave,
    ];
    sheets[at] = clusters.nearest(r, g, b, y / height);
    stack[at] = heights[sheets[at]!]!;
  }
  const shadow = castShadow({ width, height, data: stack }, unit);
  const to = createRaster(width, height);
  for (let at = 0; at < sheets.length; at += 1) {
    const u = (at % width) / size;
    const v = Math.floor(at / width) / size;
    const sheet = sheets[at]! * 0.13;
    const fibre =
      atlas.fractal(u * 5.3 + sheet, v * 5.3) * 0.03 +
      atlas.ridged(u * 3.7, v * 3.7 + sheet) * 0.016;
    const light = (1 + fibre) * shadow.data[at]!;
    const colour = colours[sheets[at]!]!;
    for (let channel = 0; channel < 3; channel += 1)
      to.data[at * 3 + channel] = clamp(colour[channel]! * 1.06 + 0.015) * light;
  }
  return to;
}

/** Darker paper lies nearer, as in a diorama with its lamp behind. */
function rankByLight(colours: readonly (readonly [number, number, number])[]): number[] {
  const light = colours.map(([r, g, b]) => r * 0.3 + g * 0.59 + b * 0.11);
  return light.map((own) => light.filter((other) => other > own).length);
}

function castShadow({ width, height, data }: Plane, unit: number): Plane {
  const cast = new Float32Array(data.length);
  const reach = Math.max(1, Math.round(6 * unit));
  for (let y = 0; y < height; y += 1) {
    for (let x = 0; x < width; x += 1) {
      // Whatever lies higher, up and to the left, stands in the light's way.
      const from = Math.max(0, y - reach) * width + Math.max(0, x - reach);
      const above = data[from]! - data[y * width + x]!;
      cast[y * width + x] = above > 0 ? 1 - Math.min(0.5, 0.26 + above * 0.06) : 1;
    }
  }
  const { data: soft } = blurPlane({ width, height, data: cast }, Math.max(1, 4 * unit));
  for (let y = 1; y < height; y += 1) {
    for (let x = 1; x < width; x += 1) {
      const at = y * width + x;
      // The cut edge catches the light.
      if (data[at]! > data[at - width - 1]!) soft[at] = Math.min(1.12, soft[at]! * 1.1);
    }
  }
  return { width, height, data: soft };
}
