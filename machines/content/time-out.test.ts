import { expect, it } from 'vitest';
import { timeOutUntil } from './time-out.ts';

const MINUTE = 60_000;
const DAY = 1440 * MINUTE;
const NOW = 100 * DAY;
const lasts = (...agoMs: number[]) => {
  const until = timeOutUntil(
    agoMs.map((ago) => NOW - ago).sort((a, b) => a - b),
    NOW,
  );
  return until === null ? null : (until - NOW) / MINUTE;
};

it('begins with the third and grows', () => {
  expect(lasts()).toBeNull();
  expect(lasts(0, 0)).toBeNull();
  expect(lasts(0, 0, 0)).toBe(10);
  expect(lasts(0, 0, 0, 0)).toBe(60);
  expect(lasts(0, 0, 0, 0, 0)).toBe(1440);
  expect(lasts(0, 0, 0, 0, 0, 0, 0, 0)).toBe(7 * 1440);
});

it('ends, and is forgotten', () => {
  expect(lasts(4 * MINUTE, DAY, DAY)).toBe(6);
  expect(lasts(10 * MINUTE, DAY, DAY)).toBeNull();
  expect(lasts(0, 8 * DAY, 8 * DAY, 8 * DAY)).toBeNull();
});
