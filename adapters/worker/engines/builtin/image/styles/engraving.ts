// Engraving: lines that swell with the dark, crossed by others where it is darkest, on old paper.
import { createRaster, type Raster } from '../raster.ts';
import { clamp, smooth } from '../scene.ts';
import type { StyleContext } from './style.ts';
import { blurPlane, lightOf, outlines } from './tones.ts';

const PAPER = [0.945, 0.91, 0.835];
const INK = [0.11, 0.12, 0.17];
/** Distance of the lines, in units. Below two and a half pixels they would only be grey. */
const SPACING = 6.2;

export function engrave(screen: Raster, { atlas, unit }: StyleContext): Raster {
  const { width, height } = screen;
  const light = lightOf(screen);
  const soft = blurPlane(light, 1.6 * unit);
  const lines = outlines(light, 0.8 * unit, 20);
  const to = createRaster(width, height);
  const size = 1000 * unit;
  const spacing = Math.max(2.6, SPACING * unit);
  const softness = 1 / spacing;
  for (let y = 0; y < height; y += 1) {
    for (let x = 0; x < width; x += 1) {
      const at = y * width + x;
      const u = x / size;
      const v = y / size;
      const tone = clamp((soft.data[at]! - 0.03) * 1.12) ** 0.9;
      const dark = 1 - tone;
      // The lines bend over the light as a burin follows a form.
      const bend = (soft.data[at]! * 16 + atlas.fractal(u * 0.5, v * 0.5) * 9) * unit;
      const first = stroke((y + bend + x * 0.12) / spacing, dark * 0.86, softness);
      const second =
        dark > 0.5
          ? stroke((x * 0.72 + y * 0.7 - bend) / spacing, (dark - 0.5) * 1.25, softness)
          : 0;
      const third =
        dark > 0.76 ? stroke((x * 0.6 - y * 0.8) / spacing, (dark - 0.76) * 2.2, softness) : 0;
      const ink = 1 - (1 - first) * (1 - second) * (1 - third) * (0.25 + 0.75 * lines.data[at]!);
      const edge = smooth(0.016, 0.022, Math.min(u, v, width / size - u, height / size - v));
      const paper =
        1 + atlas.fractal(u * 1.4, v * 1.4) * 0.03 + atlas.fractal(u * 7, v * 7) * 0.015;
      for (let channel = 0; channel < 3; channel += 1) {
        const ground = PAPER[channel]! * paper;
        to.data[at * 3 + channel] = ground + (INK[channel]! - ground) * ink * edge * 0.94;
      }
    }
  }
  return to;
}

/** Ink of one family of lines: `width` is the share of the spacing that is covered. */
function stroke(place: number, width: number, softness: number): number {
  const away = Math.abs(place - Math.floor(place) - 0.5);
  return smooth(width / 2 + softness / 2, width / 2 - softness / 2, away);
}
