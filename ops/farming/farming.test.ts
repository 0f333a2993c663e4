import { expect, test } from 'vitest';
import { STOPS_FREE } from '../../machines/pricing/brake.ts';
import { GRACE_MS } from '../../machines/pricing/settlement.ts';
import { FARMERS, harvest, manyAccounts, RULES } from './farming.ts';

const [free, graceOnly, braked] = RULES;
const ROUND = 20;

test.each(Object.entries(FARMERS))('%s: what is not paid for is bounded by the brake', (_, who) => {
  const withBrake = harvest(who, braked!);
  // The graces of a day, and those of the round in which the brake comes.
  const boundS = ((STOPS_FREE + ROUND) * GRACE_MS) / 1000;
  expect(withBrake.unpaidS).toBeLessThanOrEqual(boundS);
  expect(withBrake.unpaidS).toBeLessThanOrEqual(harvest(who, graceOnly!).unpaidS);
  expect(withBrake.stopped).toBeLessThan(harvest(who, free!).stopped / 100);
});

test('joined accounts of one person have one day', () => {
  expect([manyAccounts(5, 0), manyAccounts(5, 4)]).toEqual([100, 20]);
});
