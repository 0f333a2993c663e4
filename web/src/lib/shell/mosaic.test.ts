import { expect, test } from 'vitest';
import { stones } from './mosaic.ts';

test('the same words lay the same floor, other words another one', () => {
  expect(stones('heron', 8, 8)).toEqual(stones('heron', 8, 8));
  expect(stones('heron', 8, 8)).not.toEqual(stones('otter', 8, 8));
});

test('every stone has its own turn, so that progress lays them one by one', () => {
  const floor = stones('heron', 8, 6);
  expect(floor).toHaveLength(48);
  const laid = (fraction: number) => floor.filter(({ turn }) => turn <= fraction).length;
  expect([laid(0), laid(0.5), laid(1)]).toEqual([0, 24, 48]);
  expect(new Set(floor.map(({ turn }) => turn)).size).toBe(48);
  expect(floor.every(({ hue }) => hue >= 0 && hue < 5)).toBe(true);
});
