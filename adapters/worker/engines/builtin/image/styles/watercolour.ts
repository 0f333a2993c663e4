// Watercolour: pigment in water on rough paper. Edges dry dark, flats bloom, the margin stays white.
import { createRaster, type Raster } from '../raster.ts';
import { clamp, smooth } from '../scene.ts';
import type { StyleContext } from './style.ts';
import { blurPlane, lightOf, outlines } from './tones.ts';

const PAPER = [0.985, 0.975, 0.95];

export function washInWatercolour(screen: Raster, { atlas, unit, seed }: StyleContext): Raster {
  const { width, height } = screen;
  const size = 1000 * unit;
  const shift = (seed % 89) / 89;
  const wet = flow(screen, atlas.fractal, size, unit);
  const light = blurPlane(lightOf(wet), 1.2 * unit);
  const dried = outlines(light, 2.4 * unit, 9);
  const wide = blurPlane(light, 9 * unit);
  const to = createRaster(width, height);
  for (let y = 0; y < height; y += 1) {
    for (let x = 0; x < width; x += 1) {
      const at = y * width + x;
      const u = x / size;
      const v = y / size;
      const bloom = atlas.wisps(u * 0.55 + shift, v * 0.55);
      const paper = atlas.fractal(u * 5.7, v * 5.7) * 0.6 + atlas.cells(u * 2.9, v * 2.9) * 0.5;
      const border = Math.min(u, v, width / size - u, height / size - v);
      const inside = smooth(
        0.02,
        0.042,
        border + atlas.fractal(u * 1.3 + shift, v * 1.3) * 0.02 + paper * 0.004,
      );
      // Where the wash ended, pigment gathered.
      const rim =
        Math.exp(
          -(((border - 0.04 + atlas.fractal(u * 1.3 + shift, v * 1.3) * 0.02) / 0.006) ** 2),
        ) * 0.22;
      const gathered =
        (1 - dried.data[at]!) * 0.3 + clamp(wide.data[at]! - light.data[at]!) * 0.7 + rim;
      const density = clamp(0.8 + bloom * 0.22 + paper * 0.13 + gathered, 0, 1.6) * inside;
      for (let channel = 0; channel < 3; channel += 1) {
        const colour = 0.13 + wet.data[at * 3 + channel]! * 0.87;
        const white = PAPER[channel]! * (1 - paper * 0.025);
        // Pigment takes light away, so washes multiply.
        to.data[at * 3 + channel] = white * clamp(colour, 0.02, 1) ** density;
      }
    }
  }
  return to;
}

/** Edges wander a little, and detail is drowned. */
function flow(
  screen: Raster,
  noise: (x: number, y: number) => number,
  size: number,
  unit: number,
): Raster {
  const { width, height, data } = screen;
  const to = createRaster(width, height);
  const reach = 5 * unit;
  for (let y = 0; y < height; y += 1) {
    for (let x = 0; x < width; x += 1) {
      const dx = noise((x / size) * 1.6, (y / size) * 1.6) * reach;
      const dy = noise((x / size) * 1.6 + 0.5, (y / size) * 1.6 + 0.5) * reach;
      const sx = clamp(Math.round(x + dx), 0, width - 1);
      const sy = clamp(Math.round(y + dy), 0, height - 1);
      const at = (y * width + x) * 3;
      const from = (sy * width + sx) * 3;
      to.data[at] = data[from]!;
      to.data[at + 1] = data[from + 1]!;
      to.data[at + 2] = data[from + 2]!;
    }
  }
  return to;
}
