// The arithmetic, held against what TensorFlow.js computed from the same model and the same numbers.
import { expect, it } from 'vitest';
import { readModel } from './model.ts';
import { run, type Field } from './network.ts';

const SIDE = 224;
const fieldOf = (at: (y: number, x: number, channel: number) => number): Field => ({
  ...{ height: SIDE, width: SIDE, channels: 3 },
  values: Float32Array.from({ length: SIDE * SIDE * 3 }, (_, n) =>
    at(Math.floor(n / 3 / SIDE), Math.floor(n / 3) % SIDE, n % 3),
  ),
});

it.each([
  [
    'waves',
    (y: number, x: number, c: number) => (Math.sin(y / 9 + c) * Math.cos(x / 7) + 1) / 2,
    [0.015903, 0.000536, 0.983528, 0.000029, 0.000004],
  ],
  [
    'a gradient',
    (y: number, x: number, c: number) => (c === 0 ? y / 223 : c === 1 ? x / 223 : 0.5),
    [0.858358, 0.020686, 0.113942, 0.005638, 0.001375],
  ],
])(
  'says of %s what the library says',
  async (_, at, expected) => {
    const scores = run(await readModel(), fieldOf(at));
    expect(scores).toHaveLength(5);
    expect(scores.reduce((a, b) => a + b)).toBeCloseTo(1, 5);
    scores.forEach((score, n) => expect(score).toBeCloseTo(expected[n]!, 4));
  },
  60_000,
);
