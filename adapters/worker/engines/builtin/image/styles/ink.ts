// Ink wash on rice paper: a few tones laid wet, brush lines on the edges, one red seal.
import { createRaster, type Raster } from '../raster.ts';
import { clamp, smooth } from '../scene.ts';
import type { StyleContext } from './style.ts';
import { blurPlane, lightOf, outlines } from './tones.ts';

const PAPER = [0.955, 0.935, 0.885];
const INK = [0.075, 0.08, 0.1];
const SEAL = [0.74, 0.16, 0.12];
const TONES = 5;

export function inkWash(screen: Raster, { atlas, unit, seed }: StyleContext): Raster {
  const { width, height, data } = screen;
  const light = lightOf(screen);
  const soft = blurPlane(light, 3 * unit);
  const lines = outlines(light, 0.9 * unit, 26);
  const to = createRaster(width, height);
  const size = 1000 * unit;
  const shift = (seed % 97) / 97;
  for (let y = 0; y < height; y += 1) {
    for (let x = 0; x < width; x += 1) {
      const at = y * width + x;
      const u = x / size;
      const v = y / size;
      const flow = atlas.wisps(u * 0.6 + shift, v * 0.6);
      const fibre = atlas.fractal(u * 4.1, v * 4.1) * 0.5 + atlas.ridged(u * 2.3, v * 6.1) * 0.5;
      // Each tone ends in a soft, wandering edge, as wet ink does.
      const level = clamp(soft.data[at]! * 1.12 + flow * 0.09 + fibre * 0.02) ** 0.85 * TONES;
      const step = Math.floor(level);
      const tone = (step + smooth(0.35, 0.65, level - step)) / TONES;
      const line = 1 - (1 - lines.data[at]!) * clamp(0.75 + fibre * 0.6);
      const edge = smooth(
        0.03,
        0.1,
        Math.min(u, v, width / size - u, height / size - v) + flow * 0.02,
      );
      const white = 1 - (1 - clamp(tone * 1.04) * line) * edge * 0.96;
      const paper = 1 + fibre * 0.022;
      for (let channel = 0; channel < 3; channel += 1) {
        // A breath of the old colour stays in the ink.
        const colour = (data[at * 3 + channel]! - light.data[at]!) * 0.16 * edge;
        to.data[at * 3 + channel] =
          (INK[channel]! + (PAPER[channel]! - INK[channel]!) * white) * paper + colour;
      }
    }
  }
  stampSeal(to, unit, atlas.fractal);
  return to;
}

function stampSeal(picture: Raster, unit: number, noise: (x: number, y: number) => number): void {
  const side = Math.round(44 * unit);
  const left = picture.width - Math.round(112 * unit);
  const top = picture.height - Math.round(118 * unit);
  for (let y = 0; y < side; y += 1) {
    for (let x = 0; x < side; x += 1) {
      const u = x / side;
      const v = y / side;
      // Four tiles: the name of the house.
      const cell = Math.max(Math.abs(((u * 2) % 1) - 0.5), Math.abs(((v * 2) % 1) - 0.5));
      const worn = noise(u * 0.9 + 0.2, v * 0.9) > 0.42 ? 0 : 1;
      const part = (cell > 0.36 && cell < 0.46 ? 0 : 1) * worn * 0.92;
      const at = ((top + y) * picture.width + left + x) * 3;
      if (at < 0 || at + 2 >= picture.data.length) continue;
      for (let channel = 0; channel < 3; channel += 1) {
        picture.data[at + channel] =
          picture.data[at + channel]! + (SEAL[channel]! - picture.data[at + channel]!) * part;
      }
    }
  }
}
