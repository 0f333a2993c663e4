import { describe, expect, test } from 'vitest';
import type { JobView } from '../../../../machines/contract/views.ts';
import { announcement, countdown, wordsOf } from './job-words.ts';
import { duration, estimate, took } from './time.ts';
import { amount, settlement, tokens } from './tokens.ts';

const NOW = Date.parse('2026-11-23T10:00:30Z');
const CANCEL = {
  ...{ free_s: 5, free_until: null, millitokens_per_s: 100, max_millitokens: 1000 },
  words: '',
};
const job = (fields: Partial<JobView> = {}): JobView => ({
  id: 'job_1',
  object: 'job',
  state: 'queued',
  phase: 'waiting',
  modality: 'image',
  model: 'sketch',
  prompt: 'a heron',
  params: {},
  count: 1,
  position: 2,
  eta: {
    ...{ min_s: 10, max_s: 20, start_min_s: 8, start_max_s: 15 },
    reason: '2 ahead, the worker is busy',
  },
  cost: { tokens: 1, millitokens: 1000, charged_millitokens: null },
  attempt: 1,
  cancellable: true,
  cancel: CANCEL,
  receipt: null,
  outputs: [],
  failure: null,
  origin: null,
  created_at: '2026-11-23T10:00:00Z',
  started_at: null,
  finished_at: null,
  deadline_at: '2026-11-23T11:00:00Z',
  kept_until: null,
  ...fields,
});
const ended = {
  finished_at: '2026-11-23T10:01:00Z',
  phase: 'settled',
  cancellable: false,
  cancel: null,
} as const;
const words = (fields: Partial<JobView>, elapsedS = 0, live?: { fraction: number }) =>
  wordsOf({ job: job(fields), live, modelName: 'Sketch', elapsedS, now: NOW });

describe('amounts', () => {
  test.each([
    [0, '0'],
    [4, '<0.01'],
    [1000, '1'],
    [1500, '1.5'],
    [13_570, '13.57'],
    [1_000_000, '1,000'],
  ])('%i millitokens are %s', (millitokens, expected) => {
    expect(amount(millitokens)).toBe(expected);
  });

  test('one token is singular, everything else is not', () => {
    expect([tokens(1000), tokens(0), tokens(400)]).toEqual(['1 token', '0 tokens', '0.4 tokens']);
  });

  test.each([
    [1000, null, '1 token held until it is done'],
    [1000, 0, 'Nothing charged, 1 token returned'],
    [1000, 400, '0.4 tokens charged, 0.6 returned'],
    [2000, 2000, '2 tokens charged'],
    [0, 0, 'Free'],
  ])('held %i, charged %s: %s', (millitokens, charged_millitokens, expected) => {
    expect(settlement({ millitokens, charged_millitokens })).toBe(expected);
  });
});

describe('time', () => {
  test.each([
    [-3, '0 s'],
    [59.4, '59 s'],
    [59.6, '1 min'],
    [80, '1 min 20 s'],
    [3600, '1 h'],
    [18_720, '5 h 12 min'],
  ])('%d s are %s', (seconds, expected) => expect(duration(seconds)).toBe(expected));

  test.each([
    [2140, '2.1 s'],
    [9_960, '10 s'],
    [61_000, '1 min 1 s'],
  ])('%i ms took %s', (ms, expected) => expect(took(ms)).toBe(expected));

  test.each([
    [10, 20, 0, 'about 10 to 20 s'],
    [10, 20, 5, 'about 5 to 15 s'],
    [10, 20, 9.5, 'up to 11 s'],
    [10, 20, 60, 'any moment now'],
    [7, 7, 0, 'about 7 s'],
    [62, 185, 0, 'about 1 min to 3 min'],
  ])('%i to %i s, %d s ago: %s', (min_s, max_s, elapsed, expected) => {
    expect(estimate({ min_s, max_s }, elapsed)).toBe(expected);
  });

  test('a countdown ticks in minutes until the last one', () => {
    const now = Date.parse('2026-11-23T23:00:30Z');
    expect(countdown('2026-11-24T00:00:00Z', now)).toBe('1 h');
    expect(countdown('2026-11-23T23:01:00Z', now)).toBe('30 s');
    expect(countdown('2026-11-23T22:00:00Z', now)).toBe('0 s');
  });
});

describe('a job in words', () => {
  test('waiting: its place, how long, and why', () => {
    expect(words({}, 4)).toEqual({
      tone: 'waiting',
      headline: '2 jobs ahead',
      detail: 'About 6 to 16 s · the worker is busy',
      money: '1 token held until it is done',
      cancel: 'Returns 1 token',
    });
    const eta = { min_s: 5, max_s: 8, start_min_s: null, start_max_s: null, reason: 'paused' };
    expect(words({ eta }).detail).toBe('paused');
    expect(words({ position: 0 }).headline).toBe('Next in line');
    expect(words({ position: 1 }).headline).toBe('1 job ahead');
    expect(words({ position: null, eta: null })).toMatchObject({
      headline: 'Starting',
      detail: '',
    });
  });

  test.each([
    [{ phase: 'loading_model' }, 'Loading Sketch'],
    [{ phase: 'executing' }, 'Working'],
    [{ phase: 'storing', cancellable: false, cancel: null }, 'Saving the result'],
    [{ phase: 'retrying', attempt: 2 }, 'Trying again'],
  ] as const)('%o: %s', (fields, headline) => {
    expect(words({ state: 'running', position: null, ...fields }).headline).toBe(headline);
  });

  test('working: how far, and which attempt when it is not the first', () => {
    const running = { state: 'running', phase: 'executing', position: null } as const;
    const live = { fraction: 0.254, step: 3, steps: 12 };
    expect(words(running, 0, live).headline).toBe('25 % · step 3 of 12');
    expect(words({ ...running, attempt: 2 }, 0, live).detail).toBe('Attempt 2');
  });

  test('ended: what came of it, what it cost, and no cancel any more', () => {
    const cost = { tokens: 1, millitokens: 1000, charged_millitokens: 0 };
    const failure = { code: 'outOfMemory', message: 'Out of memory.' } as const;
    expect(words({ ...ended, state: 'failed', cost, failure })).toEqual({
      tone: 'failed',
      headline: 'Did not work out',
      detail: 'Out of memory.',
      money: 'Nothing charged, 1 token returned',
      cancel: null,
    });
    const started_at = '2026-11-23T10:00:57Z';
    expect(words({ ...ended, state: 'succeeded', started_at }).detail).toBe('3.0 s');
    expect(words({ ...ended, state: 'cancelled' })).toMatchObject({ tone: 'stopped', detail: '' });
    const receipt = {
      ...{ held_millitokens: 1000, charged_millitokens: 250, returned_millitokens: 750 },
      reason: 'Charged for 7.5 s of a job that you cancelled',
    };
    expect(words({ ...ended, state: 'cancelled', receipt }).detail).toBe(`${receipt.reason}.`);
    expect(words({ ...ended, state: 'expired' }).headline).toBe('Ran out of time');
    expect(words({ ...ended, state: 'refused' }).headline).toBe('Refused');
  });

  test.each([
    [-4000, 'Returns 1 token for the next 4 s'],
    [2000, 'Costs 0.2 tokens, returns 0.8'],
    [60_000, 'Costs all of its 1 token'],
  ])('%i ms after the free time of a run, cancelling says what it does', (ms, expected) => {
    const cancel = { ...CANCEL, free_until: new Date(NOW - ms).toISOString() };
    expect(words({ state: 'running', phase: 'executing', cancel }).cancel).toBe(expected);
  });

  test('announcements change with the quarter, not with every step', () => {
    const running = job({ state: 'running', phase: 'executing' });
    const said = [0, 0.2, 0.26, 0.3, 0.49, 0.9].map((fraction) =>
      announcement(running, { fraction }),
    );
    expect(new Set(said).size).toBe(3);
    expect(announcement(job({ ...ended, state: 'succeeded' }), undefined)).toBe('Done: a heron');
  });
});
