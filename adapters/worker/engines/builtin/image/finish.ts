// From linear light to a picture for the eye: glow, shoulder, contrast, vignette, grain.
import { hashCell } from '../random.ts';
import { toDisplay } from './colour.ts';
import { blur, resize, shrink, type Raster } from './raster.ts';

/** Light brighter than white spills over its surroundings, as it does in a lens. */
export function addGlow(light: Raster, strength: number): void {
  const width = Math.max(8, Math.round(light.width / 6));
  const height = Math.max(8, Math.round(light.height / 6));
  const small = shrink(light, Math.min(width, light.width), Math.min(height, light.height));
  for (let index = 0; index < small.data.length; index += 1) {
    small.data[index] = Math.min(3, Math.max(0, small.data[index]! - 0.72));
  }
  const side = Math.max(small.width, small.height);
  const near = resize(blur(small, side * 0.012), light.width, light.height);
  const wide = resize(blur(small, side * 0.055), light.width, light.height);
  for (let index = 0; index < light.data.length; index += 1) {
    light.data[index] =
      light.data[index]! + (near.data[index]! * 0.5 + wide.data[index]! * 0.5) * strength;
  }
}

const DISPLAY_STEPS = 4096;
const DISPLAY = Float32Array.from({ length: DISPLAY_STEPS + 1 }, (_, index) =>
  toDisplay(index / DISPLAY_STEPS),
);

/** Values for a screen, 0 to 1. Bright light bends towards white instead of being cut off. */
export function toScreen(light: Raster): Raster {
  const data = new Float32Array(light.data.length);
  for (let index = 0; index < data.length; index += 1) {
    const value = Math.max(0, light.data[index]!);
    const bent = value < 0.65 ? value : 0.65 + 0.35 * (1 - Math.exp((0.65 - value) / 0.35));
    data[index] = DISPLAY[Math.min(DISPLAY_STEPS, Math.round(bent * DISPLAY_STEPS))]!;
  }
  return { ...light, data };
}

export interface Grade {
  readonly contrast: number;
  readonly saturation: number;
  readonly vignette: number;
  readonly grain: number;
}

export function grade(screen: Raster, wanted: Grade, seed: number): void {
  const { width, height, data } = screen;
  for (let y = 0; y < height; y += 1) {
    const dy = (y + 0.5) / height - 0.5;
    for (let x = 0; x < width; x += 1) {
      const at = (y * width + x) * 3;
      const dx = (x + 0.5) / width - 0.5;
      const edge = 1 - wanted.vignette * Math.max(0, dx * dx + dy * dy - 0.08) * 1.7;
      const noise = (hashCell(x, y, seed) - 0.5) * wanted.grain;
      const grey = data[at]! * 0.3 + data[at + 1]! * 0.59 + data[at + 2]! * 0.11;
      for (let channel = 0; channel < 3; channel += 1) {
        const vivid = grey + (data[at + channel]! - grey) * wanted.saturation;
        const curved = vivid + wanted.contrast * (vivid - 0.5) * vivid * (1 - vivid) * 4;
        data[at + channel] = curved * edge + noise;
      }
    }
  }
}

export function toBytes(screen: Raster): Uint8Array {
  const bytes = new Uint8ClampedArray(screen.data.length);
  for (let index = 0; index < bytes.length; index += 1) bytes[index] = screen.data[index]! * 255;
  return new Uint8Array(bytes.buffer);
}
