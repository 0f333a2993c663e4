import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { AccountView } from '../../../../machines/contract/views.ts';
import { dayStones } from './day.ts';

const account = (grant: number, allowance: number, held: number) =>
  ({
    daily_grant_millitokens: grant,
    allowance_millitokens: allowance,
    held_millitokens: held,
  }) as AccountView;

test('a free day is twenty stones: to spend, held, spent', () => {
  const stones = dayStones(account(20_000, 17_500, 1000));
  expect(stones).toHaveLength(20);
  expect(stones[16]).toEqual({ spendable: 1, held: 0 });
  expect(stones[17]).toEqual({ spendable: 0.5, held: 0.5 });
  expect(stones[18]).toEqual({ spendable: 0, held: 0.5 });
  expect(stones[19]).toEqual({ spendable: 0, held: 0 });
});

test('the stones add up to the balance, whatever the plan', () => {
  const plan = fc.constantFrom(20_000, 120_000, 300_000);
  const property = fc.property(plan, fc.nat(400_000), fc.nat(50_000), (grant, allowance, held) => {
    const stones = dayStones(account(grant, allowance, held));
    const each = grant / stones.length;
    const total = (part: 'spendable' | 'held') =>
      stones.reduce((sum, stone) => sum + stone[part] * each, 0);
    const spendable = Math.min(allowance, grant);
    expect(total('spendable')).toBeCloseTo(spendable, 3);
    expect(total('held')).toBeCloseTo(Math.min(held, grant - spendable), 3);
    expect(stones.every((stone) => stone.spendable + stone.held <= 1 + 1e-9)).toBe(true);
  });
  fc.assert(property);
});
