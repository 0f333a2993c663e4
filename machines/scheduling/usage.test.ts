import { expect, test } from 'vitest';
import { Usage, USAGE_HALF_LIFE_MS } from './usage.ts';

const NOW = 1_760_000_000_000;

test('half is forgotten after a half-life, for all alike', () => {
  const usage = new Usage();
  usage.note('a', 8_000, NOW);
  usage.note('b', 4_000, NOW + USAGE_HALF_LIFE_MS);
  expect(usage.of('a', NOW)).toBeCloseTo(8_000);
  expect(usage.of('a', NOW + USAGE_HALF_LIFE_MS)).toBeCloseTo(4_000);
  expect(usage.of('b', NOW + USAGE_HALF_LIFE_MS)).toBeCloseTo(4_000);
  expect(usage.of('nobody', NOW)).toBe(0);
});

test('goes on for years, and forgets who has been gone for long', () => {
  const usage = new Usage();
  usage.note('gone', 600_000, NOW);
  for (let times = 1; times <= 5_000; times += 1)
    usage.note('here', 1_000, NOW + times * USAGE_HALF_LIFE_MS);
  const end = NOW + 5_000 * USAGE_HALF_LIFE_MS;
  expect(usage.of('here', end)).toBeCloseTo(2_000);
  expect(usage.of('gone', end)).toBe(0);
});
