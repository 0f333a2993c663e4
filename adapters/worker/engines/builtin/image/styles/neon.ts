// Neon: the night keeps only the edges, and they glow in their own colour.
import { blur, createRaster, type Raster } from '../raster.ts';
import { clamp } from '../scene.ts';
import type { StyleContext } from './style.ts';
import { blurPlane, lightOf, slopeAt } from './tones.ts';

const LOW = [0.05, 0.02, 0.12];
const HIGH = [0.36, 0.1, 0.5];
const USUAL_MEAN = 0.045;
const TUBES = [
  [0.1, 0.95, 1],
  [1, 0.18, 0.72],
  [1, 0.72, 0.2],
];

export function glowInNeon(screen: Raster, { unit, atlas }: StyleContext): Raster {
  const { width, height, data } = screen;
  const light = lightOf(screen);
  const soft = blurPlane(light, 1.4 * unit);
  const tubes = createRaster(width, height);
  const size = 1000 * unit;
  for (let y = 0; y < height; y += 1) {
    for (let x = 0; x < width; x += 1) {
      const at = y * width + x;
      const [dx, dy] = slopeAt(soft, x, y);
      const edge = clamp((Math.hypot(dx, dy) / unit ** 0.2) * 7 - 0.12) ** 1.2;
      const place = clamp(
        0.5 + atlas.fractal((x / size) * 0.25, (y / size) * 0.25) * 1.1 + (y / height - 0.5) * 0.8,
      );
      const which = place * 1.999;
      const from = TUBES[Math.floor(which)]!;
      const to = TUBES[Math.floor(which) + 1]!;
      for (let channel = 0; channel < 3; channel += 1) {
        const colour = from[channel]! + (to[channel]! - from[channel]!) * (which % 1);
        const own = data[at * 3 + channel]!;
        tubes.data[at * 3 + channel] = (colour * 0.75 + own * 0.5) * edge;
      }
    }
  }
  // A city at night is nothing but edges: the more there are, the dimmer each burns.
  const mean = tubes.data.reduce((sum, value) => sum + value, 0) / tubes.data.length;
  const power = Math.min(1, USUAL_MEAN / Math.max(mean, 1e-6)) ** 0.8;
  for (let index = 0; index < tubes.data.length; index += 1)
    tubes.data[index] = tubes.data[index]! * power;
  const near = blur(tubes, 4 * unit);
  const wide = blur(tubes, 22 * unit);
  for (let at = 0; at < light.data.length; at += 1) {
    const tone = soft.data[at]! ** 1.4;
    for (let channel = 0; channel < 3; channel += 1) {
      const index = at * 3 + channel;
      const ground =
        LOW[channel]! + (HIGH[channel]! - LOW[channel]!) * tone + data[index]! * 0.16 * tone;
      const shine = tubes.data[index]! * 1.15 + near.data[index]! * 1.5 + wide.data[index]! * 1.7;
      tubes.data[index] = 1 - (1 - clamp(ground)) * Math.exp(-shine * 1.1);
    }
  }
  return tubes;
}
