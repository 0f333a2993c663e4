import { expect, it } from 'vitest';
import { createManualClock } from '../clock-testing.ts';
import { withEstimate } from './progress-estimate.ts';

it('rises with time, never reaches the end, and stops when the work does', async () => {
  const clock = createManualClock();
  const told: number[] = [];
  const { promise, resolve } = Promise.withResolvers<string>();
  const estimated = withEstimate(promise, 10_000, clock, (fraction) => told.push(fraction));
  clock.advance(10_000);
  expect(told).toHaveLength(10);
  expect(told[9]).toBeCloseTo(0.62, 2);
  clock.advance(1_000_000);
  expect(told).toEqual([...told].sort((a, b) => a - b));
  expect(Math.max(...told)).toBeLessThan(1);
  resolve('done');
  expect(await estimated).toBe('done');
  const heard = told.length;
  clock.advance(60_000);
  expect(told).toHaveLength(heard);
});

it('stops when the work fails', async () => {
  const clock = createManualClock();
  const told: number[] = [];
  const work = Promise.reject(new Error('broken'));
  const estimated = withEstimate(work, 1000, clock, (fraction) => told.push(fraction));
  await expect(estimated).rejects.toThrow('broken');
  clock.advance(60_000);
  expect(told).toEqual([]);
});
