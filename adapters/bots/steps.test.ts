import { expect, it } from 'vitest';
import { isWorthTelling } from './steps.ts';

it('tells a long line seldom and a short one often', () => {
  let told: number | null = null;
  const said: number[] = [];
  for (let position = 505; position >= 0; position--) {
    if (told !== null && !isWorthTelling({ position: told, etaS: 1 }, { position, etaS: 1 }))
      continue;
    told = position;
    said.push(position);
  }
  expect(said.length).toBeLessThan(20);
  expect(said[0]).toBe(505);
  expect(said.at(-1)).toBe(0);
});

it('tells an estimate anew when it is another one', () => {
  const at = (etaS: number | null) => ({ position: 7, etaS });
  expect(isWorthTelling(at(60), at(70))).toBe(false);
  expect(isWorthTelling(at(60), at(100))).toBe(true);
  expect(isWorthTelling(at(600), at(60))).toBe(true);
  expect(isWorthTelling(at(10), at(20))).toBe(false);
  expect(isWorthTelling(at(null), at(20))).toBe(true);
});
