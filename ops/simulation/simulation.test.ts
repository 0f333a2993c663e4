// A short run of the simulation, in every test run; the long ones are `npm run simulate`.
import { afterAll, describe, expect, test } from 'vitest';
import { Pool } from './pool.ts';
import { replayCommand } from './shrink.ts';
import { SOMETIMES } from './sometimes.ts';
import { NO_LIMITS } from './limits.ts';

const SEEDS = 40;
const TWICE = [3, 17, 29];

const pool = new Pool(null, 2);
afterAll(() => pool.close());

const run = (seed: number) => pool.run({ seed, limits: NO_LIMITS, isTold: false });

test(`${SEEDS} seeds break no invariant`, async () => {
  const seeds = Array.from({ length: SEEDS }, (_, n) => n + 1);
  const results = await Promise.all(seeds.map(run));
  const broken = results.flatMap(({ seed, violation }) =>
    violation
      ? [`${violation.invariant}: ${violation.sentence}\n${replayCommand(seed, NO_LIMITS)}`]
      : [],
  );
  expect(broken).toEqual([]);
  const median = (of: readonly number[]) => of.toSorted((a, b) => a - b)[SEEDS / 2]!;
  expect(median(results.map(({ turns }) => turns))).toBeGreaterThanOrEqual(500);
  expect(Math.min(...results.map(({ runtimes }) => runtimes))).toBeGreaterThanOrEqual(3);
  const faults = results.map((each) => Object.values(each.faults).reduce((sum, n) => sum + n, 0));
  expect(Math.min(...faults)).toBeGreaterThanOrEqual(5);
}, 240_000);

describe('a seed is one story', () => {
  test.each(TWICE)(
    'seed %i twice, in two threads',
    async (seed) => {
      const [one, other] = await Promise.all([run(seed), run(seed)]);
      expect(one.hash).toBe(other.hash);
    },
    60_000,
  );

  test('another seed is another one', async () => {
    const [one, other] = await Promise.all([run(3), run(4)]);
    expect(one.hash).not.toBe(other.hash);
  }, 60_000);
});

test('at least a hundred rare situations have a name, each its own', () => {
  expect(SOMETIMES.length).toBeGreaterThanOrEqual(100);
  expect(new Set(SOMETIMES).size).toBe(SOMETIMES.length);
});
