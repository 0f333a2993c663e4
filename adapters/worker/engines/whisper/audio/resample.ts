// Any rate to the 16 kHz that Whisper hears, piece by piece: each output sample is a weighted sum of the input
// around its place in time (a windowed sinc), so what is above 8 kHz is left out and does not fold back.
import type { Pcm } from './pcm.ts';

export const WHISPER_RATE = 16_000;

export interface Sound {
  /** In samples at 16 kHz. */
  readonly length: number;
  read(from: number, to: number): Float32Array;
}

/** Zero crossings of the sinc on each side: enough that speech keeps what makes it understood. */
const CROSSINGS = 8;
/** Places between two input samples that have weights of their own; finer than anybody hears. */
const PHASES_MAX = 512;

export function soundOf(pcm: Pcm): Sound {
  const length = Math.floor((pcm.length * WHISPER_RATE) / pcm.rate);
  if (pcm.rate === WHISPER_RATE) return { length, read: (from, to) => pcm.mono(from, to) };
  const step = pcm.rate / WHISPER_RATE;
  const phases = Math.min(WHISPER_RATE / commonDivisor(pcm.rate, WHISPER_RATE), PHASES_MAX);
  const cutoff = Math.min(1, 1 / step);
  const reach = Math.ceil(CROSSINGS / cutoff);
  const kernels = Array.from({ length: phases }, (_, phase) =>
    kernelOf(phase / phases, cutoff, reach),
  );
  const read = (from: number, to: number): Float32Array => {
    const first = Math.floor(from * step) - reach;
    const last = Math.ceil(to * step) + reach + 1;
    const start = Math.max(0, first);
    const input = pcm.mono(start, Math.max(start, Math.min(pcm.length, last)));
    const output = new Float32Array(to - from);
    for (let index = 0; index < output.length; index += 1) {
      const at = (from + index) * step;
      const place = Math.round(at * phases);
      const kernel = kernels[place % phases]!;
      // Outside of the recording there is silence.
      const left = Math.floor(place / phases) - reach - start;
      const begin = Math.max(0, -left);
      const end = Math.min(kernel.length, input.length - left);
      let sum = 0;
      for (let tap = begin; tap < end; tap += 1) sum += input[left + tap]! * kernel[tap]!;
      output[index] = sum;
    }
    return output;
  };
  return { length, read };
}

/** Weights of the input samples from `reach` before to `reach + 1` after a place between two of them. */
function kernelOf(offset: number, cutoff: number, reach: number): Float64Array {
  const weights = new Float64Array(2 * reach + 2);
  for (let tap = 0; tap < weights.length; tap += 1) {
    const distance = tap - reach - offset;
    const window =
      Math.abs(distance) > reach ? 0 : 0.5 + 0.5 * Math.cos((Math.PI * distance) / reach);
    weights[tap] = window * sinc(distance * cutoff);
  }
  // A constant stays what it is.
  const sum = weights.reduce((total, weight) => total + weight, 0);
  return weights.map((weight) => weight / sum);
}

const sinc = (x: number) => (x === 0 ? 1 : Math.sin(Math.PI * x) / (Math.PI * x));

function commonDivisor(a: number, b: number): number {
  return b === 0 ? a : commonDivisor(b, a % b);
}
