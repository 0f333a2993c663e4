// What the policy does, as a person who waits or who runs the place would put it.
import { describe, expect, test } from 'vitest';
import { decide, PATIENCE_MS, type FleetWorker, type WaitingJob } from './policy.ts';
import { fleetWorker, NOW, queueOf, waitingJob as job } from './testing.ts';

const HOUR_MS = 3_600_000;

const chosen = (jobs: WaitingJob[], fleet: FleetWorker[], served: Record<string, number> = {}) =>
  decide(queueOf(jobs, served), fleet, NOW).map(
    ({ job: { id }, worker, batch = [] }) =>
      `${[id, ...batch.map((other) => other.id)].join('+')}@${worker.id}`,
  );

const one = (jobs: WaitingJob[], served: Record<string, number> = {}) =>
  chosen(jobs, [fleetWorker('w')], served)[0];

describe('which job', () => {
  test('a higher tier goes first, all else equal', () => {
    const tiers = (['free', 'starter', 'pro'] as const).map((plan) => job(plan, { plan }));
    expect(one(tiers)).toBe('pro@w');
    expect(one(tiers.slice(0, 2))).toBe('starter@w');
  });

  test('the one that waited longer goes first, all else equal', () => {
    expect(one([job('new'), job('old', { queuedAt: NOW - 60_000 })])).toBe('old@w');
  });

  test('a short job goes before a long one', () => {
    expect(one([job('long', { runMs: 60_000 }), job('short')])).toBe('short@w');
  });

  test('until the long one is late: nothing is put off for ever', () => {
    const long = job('long', { runMs: 240_000, queuedAt: NOW - 6 * HOUR_MS });
    expect(one([long, job('short')])).toBe('long@w');
  });

  test('even a free job in the end goes before paid ones that have just come', () => {
    const paid = job('paid', { plan: 'pro' });
    expect(one([job('free', { queuedAt: NOW - 4 * HOUR_MS }), paid])).toBe('paid@w');
    expect(one([job('free', { queuedAt: NOW - 30 * HOUR_MS }), paid])).toBe('free@w');
  });

  test('whoever got less of the GPU lately goes first', () => {
    const jobs = [job('a', { accountId: 'heavy' }), job('b', { accountId: 'light' })];
    expect(one(jobs, { heavy: 300_000 })).toBe('b@w');
  });

  test('what runs for a person now counts as got', () => {
    const running = [{ job: 'r', accountId: 'heavy', model: 'sdxl', runMs: 60_000 }];
    const other = fleetWorker('busy', {}, { freeSlots: 0, busy: true, running });
    const jobs = [job('a', { accountId: 'heavy' }), job('b', { accountId: 'light' })];
    expect(chosen(jobs, [fleetWorker('w'), other])).toEqual(['b@w']);
  });

  test('the sixtieth job of a person is not late before the first could have been done', () => {
    const many = Array.from({ length: 60 }, (_, n) =>
      job(`many${n + 10}`, { accountId: 'many', queuedAt: NOW - 120_000 }),
    );
    const decisions = decide(
      queueOf([...many, job('single', { queuedAt: NOW - 115_000 })]),
      [fleetWorker('w', undefined, { freeSlots: 3 })],
      NOW,
    );
    expect(decisions.map(({ job: { id } }) => id)).toEqual(['many10', 'single', 'many11']);
    expect(decisions.map(({ why }) => why.lateMs)).toEqual([120_000, 115_000, 113_000]);
  });

  test('of one person and model, jobs run in the order of asking', () => {
    const own = { accountId: 'me' };
    const first = job('first', { ...own, runMs: 60_000, queuedAt: NOW - 2_000 });
    expect(one([job('second', own), first])).toBe('first@w');
  });

  test('an operator puts a job in front of everything', () => {
    const late = job('late', { plan: 'pro', queuedAt: NOW - 24 * HOUR_MS });
    expect(one([late, job('told', { model: 'flux', isFirst: true })])).toBe('told@w');
  });
});

describe('loads', () => {
  const flux = { model: 'flux' };

  test('the model in memory goes on', () => {
    expect(one([job('other', { ...flux, queuedAt: NOW - 2_000 }), job('same')])).toBe('same@w');
  });

  test('a load is paid for by the jobs that wait for it', () => {
    const waiting = Array.from({ length: 9 }, (_, n) => job(`f${n}`, flux));
    const fluxes = waiting.map((each) => ({ ...each, queuedAt: NOW - PATIENCE_MS.free }));
    expect(one([fluxes[0]!, job('same')])).toBe('same@w');
    expect(one([...fluxes, job('same')])).toMatch(/^f/);
  });

  test('a paying person does not wait for free jobs of the model in memory', () => {
    expect(one([job('free'), job('paid', { ...flux, plan: 'pro' })])).toBe('paid@w');
  });

  test('a busy worker takes only what needs no load', () => {
    const busy = fleetWorker('w', undefined, { busy: true });
    expect(chosen([job('a', flux)], [busy])).toEqual([]);
    expect(chosen([job('a')], [busy])).toEqual(['a@w']);
  });

  test('while it loads, only what waits for the same load', () => {
    const loading = fleetWorker('w', undefined, { busy: true, loading: 'flux' });
    expect(chosen([job('a'), job('b', flux)], [loading])).toEqual(['b@w']);
  });

  test('what would push a pinned model out is not loaded', () => {
    const pinned = { sdxl: {}, flux: { loadMs: Infinity } };
    const worker = fleetWorker('w', pinned, { pinned: ['sdxl'] });
    expect(chosen([job('a', flux)], [worker])).toEqual([]);
  });
});

describe('batches', () => {
  const same = { batchKey: '1024' };
  const four = { sdxl: { batchMax: 4, batchCost: 0.8 }, flux: {} };
  const batch = (jobs: WaitingJob[]) => chosen(jobs, [fleetWorker('w', four)])[0];

  test('take jobs of the same key, as many as the engine can', () => {
    const jobs = ['a', 'b', 'c', 'd', 'e'].map((id) => job(id, same));
    expect(batch(jobs)).toBe('a+b+c+d@w');
    expect(batch([job('a', same), job('b', { batchKey: '512' }), job('c', same)])).toBe('a+c@w');
    expect(batch([job('a'), job('b')])).toBe('a@w');
  });

  test('make nobody wait for jobs that are worth much less than what is next', () => {
    const paid = { model: 'flux', plan: 'pro' } as const;
    const jobs = [job('a', { ...same, plan: 'pro' }), job('b', same), job('next', paid)];
    expect(batch(jobs)).toBe('a@w');
  });
});

describe('several workers', () => {
  test('no job is given away twice', () => {
    expect(chosen([job('a')], [fleetWorker('v'), fleetWorker('w')])).toEqual(['a@v']);
  });

  test('every free worker that can do something gets something', () => {
    const fleet = ['u', 'v', 'w'].map((id) => fleetWorker(id));
    const jobs = [job('a'), job('b', { model: 'flux' }), job('c')];
    expect(chosen(jobs, fleet)).toHaveLength(3);
  });

  test('the one that has the model does the job', () => {
    const cold = fleetWorker('cold', undefined, { loaded: [] });
    expect(chosen([job('a')], [cold, fleetWorker('warm')])).toEqual(['a@warm']);
  });

  test('a worker that failed the job is avoided while another one can do it', () => {
    const failed = [job('a', { failedOn: ['v'] })];
    expect(chosen(failed, [fleetWorker('v'), fleetWorker('w')])).toEqual(['a@w']);
    expect(chosen(failed, [fleetWorker('v')])).toEqual(['a@v']);
    const busy = fleetWorker('w', undefined, { freeSlots: 0, busy: true });
    expect(chosen(failed, [fleetWorker('v'), busy])).toEqual([]);
  });

  test('a large card leaves to a small one what that can do as well', () => {
    const large = fleetWorker('large', { sdxl: {}, wan: {} }, { loaded: ['sdxl', 'wan'] });
    const small = fleetWorker('small', { sdxl: {} }, { freeAt: NOW + 5_000, freeSlots: 0 });
    const jobs = [job('video', { model: 'wan', runMs: 20_000 }), job('image')];
    expect(chosen(jobs, [large])).toEqual(['image@large']);
    expect(chosen(jobs, [large, small])).toEqual(['video@large']);
  });
});

test('every decision says why', () => {
  const jobs = [job('a', { model: 'flux', plan: 'pro' }), job('b')];
  const [decision] = decide(queueOf(jobs), [fleetWorker('w')], NOW);
  expect(decision?.why).toMatchObject({
    ...{ waitedMs: 1_000, lateMs: 1_000, servedMs: 0, runMs: 7_000, loadMs: 8_000, behind: 1 },
    runnerUp: { model: 'sdxl' },
    words: 'loads flux in 8.0 s, waited 1.0 s, before sdxl',
  });
});
