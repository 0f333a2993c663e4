// Risograph: three inks through dot screens, never quite in register, on warm paper.
import { createRaster, type Raster } from '../raster.ts';
import { clamp, smooth } from '../scene.ts';
import type { StyleContext } from './style.ts';

const PAPER = [0.97, 0.945, 0.89];
/** What is left of the light where an ink lies: blue, red, yellow, and the screen's angle. */
const INKS = [
  { left: [0.13, 0.34, 0.66], angle: 0.26, takes: 0, from: 0.04 },
  { left: [0.98, 0.32, 0.36], angle: 1.31, takes: 1, from: 0.06 },
  { left: [0.99, 0.84, 0.18], angle: 0.78, takes: 2, from: 0.3 },
];
const SPACING = 5.4;

export function printInLayers(screen: Raster, { atlas, unit, seed }: StyleContext): Raster {
  const { width, height, data } = screen;
  const to = createRaster(width, height);
  const size = 1000 * unit;
  const spacing = Math.max(2.4, SPACING * unit);
  const softness = 0.75 / spacing;
  const sheets = INKS.map((ink, index) => {
    const turn = (seed % 13) + index * 2.1;
    return {
      ...ink,
      cos: Math.cos(ink.angle) / spacing,
      sin: Math.sin(ink.angle) / spacing,
      dx: Math.round(Math.cos(turn) * 1.9 * unit),
      dy: Math.round(Math.sin(turn) * 1.9 * unit),
    };
  });
  for (let y = 0; y < height; y += 1) {
    for (let x = 0; x < width; x += 1) {
      const at = (y * width + x) * 3;
      const u = x / size;
      const v = y / size;
      let [r, g, b] = PAPER as [number, number, number];
      for (const ink of sheets) {
        const sx = clamp(x + ink.dx, 0, width - 1);
        const sy = clamp(y + ink.dy, 0, height - 1);
        const from = (sy * width + sx) * 3;
        // The ink that takes red is blue, and so on; contrast is given back that dots take away.
        const wanted = smooth(ink.from, 1.02, 1 - data[from + ink.takes]!);
        const a = x * ink.cos + y * ink.sin;
        const c = y * ink.cos - x * ink.sin;
        const dot = (Math.cos(a * Math.PI * 2) + Math.cos(c * Math.PI * 2)) * 0.25 + 0.5;
        const worn = 0.9 + 0.16 * atlas.fractal(u * 6.1 + ink.angle, v * 6.1);
        const part = smooth(-softness * 2, softness * 2, wanted - dot) * worn;
        r *= 1 - (1 - ink.left[0]!) * part;
        g *= 1 - (1 - ink.left[1]!) * part;
        b *= 1 - (1 - ink.left[2]!) * part;
      }
      const grain = 1 + atlas.fractal(u * 9, v * 9) * 0.025;
      to.data[at] = r * grain;
      to.data[at + 1] = g * grain;
      to.data[at + 2] = b * grain;
    }
  }
  return to;
}
