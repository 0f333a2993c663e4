import { expect, test } from 'vitest';
import { StoreClock } from './clock.ts';

const HOUR_MS = 3_600_000;
const NOON = Date.UTC(2026, 0, 15, 12);

/** A clock beside a process clock that a test moves. */
function clockAt(storeTime: number) {
  let elapsed = 1_000;
  const clock = new StoreClock(() => elapsed);
  clock.sync(storeTime);
  return { clock, pass: (ms: number) => (elapsed += ms) };
}

test('goes on between two looks at the store', () => {
  const { clock, pass } = clockAt(NOON);
  expect(clock.now()).toBe(NOON);
  pass(250);
  expect(clock.now()).toBe(NOON + 250);
});

test('follows the store forward at once', () => {
  const { clock } = clockAt(NOON);
  clock.sync(NOON + HOUR_MS);
  expect(clock.now()).toBe(NOON + HOUR_MS);
});

test('set forward and back again it neither steps back nor stands still, and catches up', () => {
  const { clock, pass } = clockAt(NOON);
  clock.sync(NOON + HOUR_MS);
  let before = clock.now();
  clock.sync(NOON);
  expect(clock.now()).toBe(before);
  for (let minute = 1; minute <= 120; minute++) {
    pass(60_000);
    const now = clock.now();
    expect(now - before).toBe(30_000);
    before = now;
  }
  expect(clock.now()).toBe(NOON + 2 * HOUR_MS);
  pass(60_000);
  expect(clock.now()).toBe(NOON + 2 * HOUR_MS + 60_000);
});

test('every look at the store may be off by a little; time still only goes on', () => {
  const { clock, pass } = clockAt(NOON);
  let before = clock.now();
  for (let n = 1; n <= 1_000; n++) {
    pass(10);
    clock.sync(NOON + n * 10 - (n % 7)); // the answer was up to 6 ms on its way
    const now = clock.now();
    expect(now).toBeGreaterThan(before);
    expect(Math.abs(now - NOON - n * 10)).toBeLessThanOrEqual(6);
    before = now;
  }
});
