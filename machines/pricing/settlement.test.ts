import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { MODALITIES } from '../contract/models.ts';
import { PARAMS } from '../contract/requests.ts';
import { brakeOf, brakeWords, JOBS_MAX_BRAKED, STOPS_FREE, STOPS_MANY } from './brake.ts';
import { delivered, type Asked, type Came } from './delivered.ts';
import { COST_MIN_MT } from './price.ts';
import { cancelMt, cancelWords, GRACE_MS, secondMtOf, settle, type Ended } from './settlement.ts';

const AGAIN = { seed: 20_260_101, numRuns: 500 };

const asked = (
  modality: Asked['modality'],
  params: object,
  change: Partial<Asked> = {},
): Asked => ({
  ...{ modality, params: PARAMS[modality].parse(params), count: 1, costMt: 1000 },
  ...change,
});
const came = (change: Partial<Came> = {}): Came => ({ bytes: 400, facts: {}, ...change });

describe('what was delivered', () => {
  const four = asked('image', {}, { count: 4, costMt: 4000 });
  const film = asked('video', { seconds: 4 }, { costMt: 4000 });
  const text = asked('text', { max_tokens: 900 });
  const tape = asked('transcript', {}, { costMt: 10_000 });
  const told = { prompt_tokens: 80, completion_tokens: 300 };
  test.each([
    ['all images', four, Array(4).fill(came()), 4000, null],
    ['three of four', four, Array(3).fill(came()), 3000, '3 of 4 images'],
    ['more than asked for', four, Array(9).fill(came()), 4000, null],
    ['a shorter film', film, [came({ seconds: 2.96 })], 3000, '3 of 4 s of film'],
    ['a film that nobody measured', film, [came()], 4000, null],
    ['what was written', text, [came({ facts: told })], 380, '380 of 1000 LLM tokens'],
    ['what an engine does not count', text, [came({ bytes: 400 })], 200, '200 of 1000 LLM tokens'],
    [
      'a text of nonsense numbers',
      text,
      [came({ facts: { completion_tokens: -5 } })],
      200,
      '200 of 1000 LLM tokens',
    ],
    [
      'more than there was room for',
      text,
      [came({ facts: { completion_tokens: 1e9 } })],
      1000,
      null,
    ],
    ['speech', asked('audio', {}), [came({ seconds: 3 })], 1000, null],
    [
      'half the sound',
      asked('audio', { seconds: 10 }),
      [came({ seconds: 5 })],
      500,
      '5 of 10 s of sound',
    ],
    [
      'a shorter recording',
      tape,
      [came({ facts: { recorded_seconds: 299.4 } })],
      5000,
      '300 of 600 s heard',
    ],
    [
      'one that rounding made shorter',
      tape,
      [came({ facts: { recorded_seconds: 599.98 } })],
      10_000,
      null,
    ],
  ] as const)('%s', (_, wish, outputs, chargedMt, words) => {
    expect(delivered(wish, outputs)).toEqual({ chargedMt, words });
  });
});

const anyEnd: fc.Arbitrary<Ended> = fc
  .record({
    ending: fc.constantFrom('succeeded' as const, 'failed', 'cancelled', 'expired'),
    by: fc.constantFrom('person' as const, 'system'),
    modality: fc.constantFrom(...MODALITIES),
    count: fc.integer({ min: 1, max: 8 }),
    costMt: fc.integer({ min: 1, max: 1_000_000 }),
    came: fc.array(
      fc.record(
        {
          bytes: fc.integer({ min: 1, max: 1e7 }),
          seconds: fc.double({ min: 0.001, max: 1e5, noNaN: true }),
          facts: fc.dictionary(
            fc.constantFrom('completion_tokens', 'prompt_tokens', 'recorded_seconds'),
            fc.oneof(fc.double(), fc.string()),
          ),
        },
        { requiredKeys: ['bytes', 'facts'] },
      ),
      { maxLength: 10 },
    ),
    graceMs: fc.constantFrom(0, GRACE_MS),
    secondMt: fc.integer({ min: 1, max: 10_000 }),
    ranMs: fc.option(fc.integer({ min: 0, max: 1e8 })),
  })
  .map(({ modality, count, costMt, came: outputs, graceMs, secondMt, ...ended }) => ({
    ...ended,
    came: outputs,
    asked: asked(modality, modality === 'audio' ? { seconds: 9 } : {}, { count, costMt }),
    terms: { graceMs, secondMt, costMt },
  }));

describe('the settlement', () => {
  test('whatever an engine says: capture and release make the hold, in whole millitokens', () => {
    const seen = new Set<string>();
    fc.assert(
      fc.property(anyEnd, (ended) => {
        const { chargedMt, returnedMt, reason } = settle(ended);
        const { costMt } = ended.asked;
        expect(Number.isSafeInteger(chargedMt)).toBe(true);
        expect(chargedMt).toBeGreaterThanOrEqual(0);
        expect(chargedMt + returnedMt).toBe(costMt);
        expect(reason).toMatch(/^(Charged for|Returned: )/);
        if (ended.ending === 'failed' || ended.ending === 'expired') expect(chargedMt).toBe(0);
        if (ended.ending === 'cancelled' && ended.by === 'system') expect(chargedMt).toBe(0);
        if (ended.ending === 'succeeded')
          expect(chargedMt).toBeGreaterThanOrEqual(Math.min(COST_MIN_MT, costMt));
        seen.add(`${ended.ending} ${chargedMt === 0 ? 0 : chargedMt === costMt ? 'all' : 'some'}`);
      }),
      { ...AGAIN, numRuns: 3000 },
    );
    expect([...seen].sort()).toEqual([
      ...['cancelled 0', 'cancelled all', 'cancelled some', 'expired 0', 'failed 0'],
      ...['succeeded all', 'succeeded some'],
    ]);
  });

  const cancelled = (change: Partial<Ended>) =>
    settle({
      ...{ ending: 'cancelled', by: 'person', asked: asked('image', {}), came: [], ranMs: null },
      terms: { graceMs: 5000, secondMt: 100, costMt: 1000 },
      ...change,
    });
  test.each([
    [{}, 0, 'Returned: you cancelled the job before it ran', false],
    [{ ranMs: 5000 }, 0, 'Returned: you cancelled the job after 5 s', true],
    [
      { ranMs: 7500 },
      250,
      'Charged for 7.5 s of a job that you cancelled, the first 5 s free; 0.75 tokens returned',
      true,
    ],
    [
      { ranMs: 60_000 },
      1000,
      'Charged for 60 s of a job that you cancelled, the first 5 s free',
      true,
    ],
    [
      { ranMs: 1000, terms: { graceMs: 0, secondMt: 100, costMt: 1000 } },
      100,
      'Charged for 1 s of a job that you cancelled; 0.9 tokens returned',
      true,
    ],
    [{ ranMs: 60_000, by: 'system' }, 0, 'Returned: the job was stopped, and not by you', false],
    [{ ranMs: 60_000, ending: 'expired' }, 0, 'Returned: the job did not finish in time', true],
    [{ ending: 'expired' }, 0, 'Returned: the job did not finish in time', false],
    [{ ranMs: 60_000, ending: 'failed' }, 0, 'Returned: the job failed', false],
  ] as const)('%o', (change, chargedMt, reason, isStopped) => {
    expect(cancelled(change as Partial<Ended>)).toEqual({
      ...{ chargedMt, returnedMt: 1000 - chargedMt, reason, isStopped },
    });
  });

  test('a longer run never costs less, and the rule says what it will be', () => {
    const terms = { graceMs: 5000, secondMt: secondMtOf(1000, 8000), costMt: 1000 };
    const costs = Array.from({ length: 30 }, (_, s) => cancelMt(terms, s * 1000));
    expect(costs).toEqual([...costs].sort((a, b) => a - b));
    expect(costs.at(-1)).toBe(1000);
    expect(cancelWords(terms)).toBe(
      'Cancelling returns everything until the job has run for 5 s; after that each further second of the run ' +
        'costs 0.125 tokens, 1 token at most.',
    );
    expect(cancelWords({ ...terms, graceMs: 0 })).toMatch(/^.*until the job runs; each second of/);
  });

  test('a job of no time at all has a price a second all the same', () => {
    expect([secondMtOf(50, 0), secondMtOf(1000, 1e9)]).toEqual([50, 1]);
  });
});

describe('the brake', () => {
  test.each([
    [0, false, GRACE_MS, 500],
    [STOPS_FREE - 1, false, GRACE_MS, 500],
    [STOPS_FREE, false, 0, 500],
    [STOPS_MANY - 1, false, 0, 500],
    [STOPS_MANY, false, 0, JOBS_MAX_BRAKED],
    [0, true, 0, JOBS_MAX_BRAKED],
  ])('%i stopped, limited %s', (stopped, isLimited, graceMs, jobsMax) => {
    expect(brakeOf(stopped, isLimited, 500)).toEqual({ graceMs, jobsMax });
    expect(brakeWords(stopped, isLimited) === null).toBe(graceMs > 0);
  });

  test('never allows more than the plan does', () => {
    expect(brakeOf(STOPS_MANY, true, 2).jobsMax).toBe(2);
  });
});
