// What the operator says of the plans is what is shown, what is granted, and what the clock is about.
import { afterAll, beforeAll, expect, it } from 'vitest';
import { quotaRef } from '../../machines/contract/ids.ts';
import { parsePlans } from '../plans.ts';
import { offer } from '../testing.ts';
import { startTestRuntime, type TestRuntime } from './testing.ts';

let runtime: TestRuntime;
beforeAll(async () => {
  const plans = parsePlans(
    '{"plans": {"free": {"dailyTokens": 3}, "starter": {"name": "Atelier", "dailyTokens": 7}}}',
    'plans.json',
  );
  runtime = await startTestRuntime({ plans });
  await runtime.worker({ models: [offer('sketch')] });
});
afterAll(() => runtime.stop());

const account = async (key: string) => (await runtime.call({ url: '/v1/account', key })).json();

it('shows the plans to anybody', async () => {
  const answer = await runtime.call({ url: '/v1/plans' });
  expect(answer.statusCode).toBe(200);
  expect(answer.json()).toMatchObject({
    currency: 'usd',
    data: [
      { id: 'free', daily_millitokens: 3000, monthly_cents: 0, files_kept_days: 30 },
      { id: 'starter', name: 'Atelier', daily_millitokens: 7000 },
      { id: 'pro', daily_millitokens: 300_000, monthly_cents: 1200 },
    ],
  });
});

it('shows the day before the first event has granted it, and grants the same', async () => {
  const { key } = await runtime.key('user', 'acc_plans');
  const before = await account(key);
  expect(before).toMatchObject({ daily_grant_millitokens: 3000, available_millitokens: 3000 });
  const dear = { modality: 'image', prompt: 'a heron', count: 4 };
  const refused = await runtime.call({ url: '/v1/jobs', key, json: dear });
  expect(refused.json()).toMatchObject({
    code: 'insufficient_tokens',
    available_millitokens: 3000,
    resets_at: before.resets_at,
  });
  const taken = await runtime.call({ url: '/v1/jobs', key, json: { ...dear, count: 3 } });
  expect(taken.statusCode).toBe(202);
  expect(await account(key)).toMatchObject({ available_millitokens: 0, held_millitokens: 3000 });
});

it('adds the difference on a change of plan, and bought tokens beside it', async () => {
  const { key } = await runtime.key('user', 'acc_rises');
  const tell = (event: Parameters<typeof runtime.core.turns.post>[1]) =>
    runtime.core.turns.post(quotaRef('acc_rises'), event);
  await tell({ type: 'plan.changed', plan: 'free' });
  await tell({ type: 'plan.changed', plan: 'starter' });
  await tell({ type: 'topUp.credited', amountMt: 100_000, reason: 'Bought: 100 tokens' });
  expect(await account(key)).toMatchObject({
    plan: 'starter',
    allowance_millitokens: 7000,
    top_up_millitokens: 100_000,
  });
  const { data } = (await runtime.call({ url: '/v1/account/ledger', key })).json();
  expect(data.map((line: { reason: string }) => line.reason).slice(0, 2)).toEqual([
    'Bought: 100 tokens',
    'Plan changed to starter',
  ]);
});
