import { expect, it } from 'vitest';
import { DEFAULT_PLANS } from '../machines/contract/plans.ts';
import { parsePlans, planListView, readPlans } from './plans.ts';

const parse = (value: unknown) => parsePlans(JSON.stringify(value), 'plans.json');

it('is as usual without a file, and says so when a named one is missing', () => {
  expect(readPlans('/nowhere/plans.json', false, 30)).toEqual(DEFAULT_PLANS);
  expect(() => readPlans('/nowhere/plans.json', true, 30)).toThrow(
    'The plans cannot be read from /nowhere/plans.json (ENOENT). Mend the file, or TESSERA_PLANS.',
  );
});

it('takes what the file says over what is usual', () => {
  const { plans, currency, topUps } = parse({
    currency: 'eur',
    plans: { starter: { dailyTokens: 150 }, pro: { name: 'Atelier', filesKeptDays: 365 } },
    topUps: [],
  });
  expect(plans.free).toEqual(DEFAULT_PLANS.plans.free);
  expect(plans.starter).toMatchObject({ name: 'Starter', dailyTokens: 150, monthlyCents: 500 });
  expect(plans.pro).toMatchObject({ name: 'Atelier', dailyTokens: 300, filesKeptDays: 365 });
  expect([currency, topUps]).toEqual(['eur', []]);
});

it.each([
  ['{', /^plans\.json is not JSON: /],
  ['[]', /^plans\.json: the whole: /],
  ['{"plans": {"gold": {}}}', /^plans\.json: plans: Unrecognized key: "gold"\.$/],
  ['{"plans": {"pro": {"dailyTokens": 1.5}}}', /plans\.pro\.dailyTokens: /],
  ['{"plans": {"pro": {"jobsMax": 501}}}', /plans\.pro\.jobsMax: .*500/],
  ['{"plans": {"free": {"monthlyCents": 1}}}', /free\.monthlyCents must be 0/],
  [
    '{"topUps": [{"id":"a","name":"A","tokens":1,"cents":1},{"id":"a","name":"B","tokens":2,"cents":2}]}',
    /the id a is there twice/,
  ],
])('refuses %s', (text, sentence) => {
  expect(() => parsePlans(text, 'plans.json')).toThrow(sentence);
});

it('shows them in millitokens, files kept as is usual where a plan says nothing', () => {
  const view = planListView(
    parsePlans('{"plans": {"pro": {"filesKeptDays": 90}}}', 'plans.json', 7),
  );
  expect(
    view.data.map(({ id, daily_millitokens, files_kept_days }) => [
      id,
      daily_millitokens,
      files_kept_days,
    ]),
  ).toEqual([
    ['free', 20_000, 7],
    ['starter', 120_000, 7],
    ['pro', 300_000, 90],
  ]);
  expect(view.top_ups[0]).toMatchObject({ id: 'small', millitokens: 100_000, cents: 200 });
});
