// The arithmetic of the model, in the order of rows, columns, channels. Plain loops over plain arrays: what is innermost
// goes along memory.
import type { Step, Tensor } from './model.ts';

export interface Field {
  readonly height: number;
  readonly width: number;
  readonly channels: number;
  readonly values: Float32Array;
}

/** @param input of the model's size, from 0 to 1 */
export function run(steps: readonly Step[], input: Field): Float32Array {
  const fields = new Map<string, Field>();
  const lastUse = new Map(
    steps.flatMap(({ inputs }, n) => inputs.map((name) => [name, n] as const)),
  );
  let last = input;
  steps.forEach((step, n) => {
    const [first = input, second] = step.inputs.map((name) => fields.get(name) ?? input);
    last = apply(step, first, second);
    fields.set(step.name, last);
    for (const name of step.inputs) if (lastUse.get(name) === n) fields.delete(name);
  });
  return last.values;
}

function apply(step: Step, input: Field, second: Field | undefined): Field {
  switch (step.kind) {
    case 'pad':
      return padded(input, 0, 0, step.bottom, step.right);
    case 'convolve':
      return convolved(step.isSame ? surrounded(input, step.kernel.shape[0]!) : input, step);
    case 'convolveEach':
      return convolvedEach(step.isSame ? surrounded(input, step.kernel.shape[0]!) : input, step);
    case 'clip':
      return {
        ...input,
        values: input.values.map((value) => Math.min(Math.max(value, 0), step.max)),
      };
    case 'add':
      return { ...input, values: input.values.map((value, n) => value + second!.values[n]!) };
    case 'average':
      return averaged(input);
    case 'connect':
      return connected(input, step);
  }
}

type Convolution = Extract<Step, { kind: 'convolve' | 'convolveEach' }>;

/** With a stride of one, so that the field stays as large as it is. */
const surrounded = (input: Field, side: number): Field => {
  const edge = (side - 1) / 2;
  return edge === 0 ? input : padded(input, edge, edge, edge, edge);
};

function padded(input: Field, top: number, left: number, bottom: number, right: number): Field {
  const { height, width, channels, values } = input;
  const wide = width + left + right;
  const all = new Float32Array((height + top + bottom) * wide * channels);
  for (let y = 0; y < height; y++)
    all.set(
      values.subarray(y * width * channels, (y + 1) * width * channels),
      ((y + top) * wide + left) * channels,
    );
  return { height: height + top + bottom, width: wide, channels, values: all };
}

function convolved(input: Field, { kernel, bias, stride }: Convolution): Field {
  const [side = 1, , from = 1, to = 1] = kernel.shape;
  const height = Math.floor((input.height - side) / stride) + 1;
  const width = Math.floor((input.width - side) / stride) + 1;
  const out = new Float32Array(height * width * to);
  const rows = rowsOf(kernel);
  const length = side * side * from;
  const patch = new Float32Array(length);
  for (let y = 0; y < height; y++)
    for (let x = 0; x < width; x++) {
      const at = (y * width + x) * to;
      const corner = (y * stride * input.width + x * stride) * from;
      if (side === 1) {
        multiply(out, at, input.values, corner, rows, bias, length);
        continue;
      }
      for (let dy = 0; dy < side; dy++) {
        const row = corner + dy * input.width * from;
        patch.set(input.values.subarray(row, row + side * from), dy * side * from);
      }
      multiply(out, at, patch, 0, rows, bias, length);
    }
  return { height, width, channels: to, values: out };
}

/** Four results at once, each the sum along a row: so what is read is read in its order, and written once. */
function multiply(
  out: Float32Array,
  at: number,
  values: Float32Array,
  from: number,
  rows: Float32Array,
  bias: Float32Array,
  length: number,
): void {
  for (let n = 0; n + 4 <= bias.length; n += 4) {
    let [a, b, c, d] = [bias[n]!, bias[n + 1]!, bias[n + 2]!, bias[n + 3]!];
    const row = n * length;
    for (let k = 0; k < length; k++) {
      const value = values[from + k]!;
      a += value * rows[row + k]!;
      b += value * rows[row + length + k]!;
      c += value * rows[row + 2 * length + k]!;
      d += value * rows[row + 3 * length + k]!;
    }
    out[at + n] = a;
    out[at + n + 1] = b;
    out[at + n + 2] = c;
    out[at + n + 3] = d;
  }
}

const ROWS = new WeakMap<Tensor, Float32Array>();

/** The weights of each result one after the other. */
function rowsOf(kernel: Tensor): Float32Array {
  const known = ROWS.get(kernel);
  if (known) return known;
  const to = kernel.shape.at(-1)!;
  if (to % 4 !== 0) throw new Error(`A layer of ${to} channels cannot be computed by fours.`);
  const length = kernel.values.length / to;
  const rows = kernel.values.map(
    (_, n) => kernel.values[(n % length) * to + Math.floor(n / length)]!,
  );
  ROWS.set(kernel, rows);
  return rows;
}

/** Each channel by itself. */
function convolvedEach(input: Field, { kernel, bias, stride }: Convolution): Field {
  const [side = 1] = kernel.shape;
  const { channels, values } = input;
  const height = Math.floor((input.height - side) / stride) + 1;
  const width = Math.floor((input.width - side) / stride) + 1;
  const out = new Float32Array(height * width * channels);
  const weights = kernel.values;
  for (let y = 0; y < height; y++)
    for (let x = 0; x < width; x++) {
      const at = (y * width + x) * channels;
      out.set(bias, at);
      for (let dy = 0; dy < side; dy++)
        for (let dx = 0; dx < side; dx++) {
          const here = ((y * stride + dy) * input.width + x * stride + dx) * channels;
          const there = (dy * side + dx) * channels;
          for (let n = 0; n < channels; n++)
            out[at + n] = out[at + n]! + values[here + n]! * weights[there + n]!;
        }
    }
  return { height, width, channels, values: out };
}

/** Over the whole field: the model's last one is as large as what it averages. */
function averaged({ height, width, channels, values }: Field): Field {
  const sums = new Float32Array(channels);
  values.forEach((value, n) => (sums[n % channels]! += value));
  return { height: 1, width: 1, channels, values: sums.map((sum) => sum / (height * width)) };
}

function connected(
  input: Field,
  { kernel, bias, then }: Extract<Step, { kind: 'connect' }>,
): Field {
  const [, to = 1] = kernel.shape;
  const out = Float32Array.from(bias);
  input.values.forEach((value, n) => {
    for (let k = 0; k < to; k++) out[k]! += value * kernel.values[n * to + k]!;
  });
  const values = then === 'relu' ? out.map((value) => Math.max(value, 0)) : softmax(out);
  return { height: 1, width: 1, channels: to, values };
}

function softmax(values: Float32Array): Float32Array {
  const most = Math.max(...values);
  const powers = values.map((value) => Math.exp(value - most));
  const sum = powers.reduce((a, b) => a + b, 0);
  return powers.map((power) => power / sum);
}
