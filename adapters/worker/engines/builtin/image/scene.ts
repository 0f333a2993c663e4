// What a motif gives: the light that reaches the eye from any point of the picture.
import type { Random } from '../random.ts';
import type { Atlas } from './atlas.ts';
import type { Palette } from './palette.ts';
import type { Sky } from './sky.ts';
import type { Reading } from './words.ts';

export interface SceneContext {
  readonly reading: Reading;
  readonly palette: Palette;
  readonly random: Random;
  readonly atlas: Atlas;
  /** Width over height. Points lie in x [0, aspect], y [0, 1], y down. */
  readonly aspect: number;
}

export interface Scene {
  /** Writes linear red, green, blue of the point. `pixel` is the size of one pixel. */
  readonly shade: Shader;
  /** Where the sky ends, for scenes that have one: things are placed by it. */
  readonly horizon?: number;
  readonly sky?: Sky;
  /** Where a house can stand. */
  readonly stand?: number;
  /** Moves clouds, water and lamps to a moment of an animation. */
  setTime(seconds: number): void;
}

export type Shader = (x: number, y: number, pixel: number, out: Float32Array) => void;

export const clamp = (value: number, low = 0, high = 1) =>
  value < low ? low : value > high ? high : value;

export const smooth = (from: number, to: number, value: number) => {
  const part = clamp((value - from) / (to - from));
  return part * part * (3 - 2 * part);
};

export const mixInto = (out: Float32Array, r: number, g: number, b: number, part: number) => {
  out[0] = out[0]! + (r - out[0]!) * part;
  out[1] = out[1]! + (g - out[1]!) * part;
  out[2] = out[2]! + (b - out[2]!) * part;
};

export const addInto = (out: Float32Array, r: number, g: number, b: number, part: number) => {
  out[0] = out[0]! + r * part;
  out[1] = out[1]! + g * part;
  out[2] = out[2]! + b * part;
};
