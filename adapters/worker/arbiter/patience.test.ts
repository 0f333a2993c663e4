// How long is too long, and what follows from running out of memory.
import { describe, expect, it } from 'vitest';
import { UNLEARNED, withSample, type Estimate } from './measurements.ts';
import {
  afterOutOfMemory,
  afterRun,
  patienceOfLoad,
  patienceOfRun,
  startsSafe,
  UNSTRAINED,
} from './patience.ts';

const samples = (...values: number[]): Estimate => values.reduce(withSample, UNLEARNED.gapMs);

describe('patience with a run', () => {
  it('is a minute at least, and three times the longest usual silence', () => {
    const quick = { ...UNLEARNED, gapMs: samples(900, 1_000) };
    expect(patienceOfRun(quick, 8_000, 1).silentMs).toBe(60_000);
    const slow = { ...UNLEARNED, gapMs: samples(30_000, 40_000) };
    expect(patienceOfRun(slow, 8_000, 1).silentMs).toBe(120_000);
  });

  it('takes a whole expected run for one silence while nothing is learned', () => {
    expect(patienceOfRun(UNLEARNED, 180_000, 1).silentMs).toBe(540_000);
  });

  it('bounds the whole of it once twenty runs have shown how long they take', () => {
    const nineteen = { ...UNLEARNED, runMs: samples(...Array<number>(19).fill(50_000)) };
    expect(patienceOfRun(nineteen, 0, 2).totalMs).toBe(Infinity);
    const twenty = { ...UNLEARNED, runMs: samples(...Array<number>(20).fill(50_000)) };
    expect(patienceOfRun(twenty, 0, 2).totalMs).toBe(300_000);
  });
});

it('the first load may come from a cold disk; later ones are known', () => {
  expect(patienceOfLoad(UNLEARNED, 10_000)).toBe(300_000);
  expect(patienceOfLoad(UNLEARNED, 200_000)).toBe(600_000);
  expect(patienceOfLoad({ ...UNLEARNED, loadMs: samples(5_000) }, 200_000)).toBe(60_000);
  expect(patienceOfLoad({ ...UNLEARNED, loadMs: samples(5_000, 50_000) }, 0)).toBe(150_000);
});

describe('out of memory', () => {
  it('is tried once more, unless a person has read something', () => {
    expect(afterOutOfMemory(false, false)).toBe('retrySafe');
    expect(afterOutOfMemory(true, false)).toBe('restart');
    expect(afterOutOfMemory(false, true)).toBe('restart');
  });

  it('twice in a row at normal settings spares the model them for an hour', () => {
    const once = afterRun(UNSTRAINED, true, false, 0);
    expect(startsSafe(once, 0)).toBe(false);
    expect(afterRun(once, false, false, 0)).toEqual(UNSTRAINED);
    // Its second try was safe: that says nothing about the normal settings.
    const twice = afterRun(afterRun(once, false, true, 0), true, false, 1_000);
    expect(startsSafe(twice, 1_000)).toBe(true);
    expect(startsSafe(twice, 1_000 + 3_600_000)).toBe(false);
  });
});

it('an estimate follows what changes, and knows what few exceed', () => {
  const steady = samples(...Array<number>(60).fill(100));
  expect(steady).toMatchObject({ mean: 100, high: 100 });
  const moved = Array<number>(20).fill(200).reduce(withSample, steady);
  expect(moved.mean).toBeGreaterThan(190);
  expect(withSample(steady, 900).high).toBe(900);
});
