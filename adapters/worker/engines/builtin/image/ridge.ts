// A skyline: height over x, sampled once, looked up for every pixel.
import type { Field } from './atlas.ts';
import { clamp } from './scene.ts';

export interface Ridge {
  /** The y of the line at x. */
  at(x: number): number;
  /** How steeply it falls (positive) or rises (negative) to the right. */
  slope(x: number): number;
}

const SAMPLES = 2048;
const MARGIN = 0.3;

export function createRidge(aspect: number, height: (x: number) => number): Ridge {
  const width = aspect + 2 * MARGIN;
  const table = Float32Array.from({ length: SAMPLES + 1 }, (_, index) =>
    height((index / SAMPLES) * width - MARGIN),
  );
  const at = (x: number) => {
    const place = clamp((x + MARGIN) / width, 0, 0.9999) * SAMPLES;
    const left = place | 0;
    return table[left]! + (table[left + 1]! - table[left]!) * (place - left);
  };
  const step = 0.012;
  return { at, slope: (x) => (at(x + step) - at(x - step)) / (2 * step) };
}

/** Peaks of a range: sharp crests from ridged noise under a rolling envelope. */
export function mountainRidge(
  aspect: number,
  field: Field,
  shape: {
    base: number;
    rise: number;
    frequency: number;
    row: number;
    shift: number;
    peakX?: number;
  },
): Ridge {
  const { base, rise, frequency, row, shift, peakX } = shape;
  return createRidge(aspect, (x) => {
    const envelope = 0.62 + 0.5 * field(x * frequency * 0.23 + shift + 0.5, row + 0.33);
    const crest = field(x * frequency * 0.5 + shift, row);
    const detail = field(x * frequency * 1.9 + shift, row + 0.17);
    // One summit that the others look up to.
    const summit = peakX === undefined ? 0 : Math.exp(-Math.abs(x - peakX) * 3) * 0.62 - 0.16;
    return base - rise * (envelope * (0.55 + 0.62 * crest) + 0.1 * detail + summit);
  });
}
