import { describe, expect, test } from 'vitest';
import {
  AFFINITY_WAIT_MAX_MS,
  decide,
  type FleetWorker,
  type QueueGroup,
  type WaitingJob,
} from './policy.ts';

const NOW = 1_000_000;

const job = (id: string, change: Partial<WaitingJob> = {}): WaitingJob => ({
  id,
  accountId: 'acc_a',
  model: 'sdxl',
  plan: 'free',
  queuedAt: NOW - 1000,
  work: 1,
  runMs: 1000,
  batchKey: null,
  failedOn: [],
  isFirst: false,
  ...change,
});

const worker = (change: Partial<FleetWorker> = {}): FleetWorker => ({
  id: 'wrk_1',
  epoch: 'boot',
  freeSlots: 1,
  models: new Map(
    ['sdxl', 'flux'].map((id) => [id, { loadMs: 8000, pace: 1, batchMax: 1, batchCost: 1 }]),
  ),
  loaded: ['sdxl'],
  loading: null,
  busy: false,
  freeAt: NOW,
  running: [],
  pinned: [],
  ...change,
});

const groupsOf = (jobs: WaitingJob[]): QueueGroup[] =>
  [...Map.groupBy(jobs, ({ plan, model }) => `${plan} ${model}`).values()].map((group) => ({
    model: group[0]!.model,
    plan: group[0]!.plan,
    jobs: group,
  }));

const chosen = (jobs: WaitingJob[], fleet: FleetWorker[]) =>
  decide({ groups: groupsOf(jobs) }, fleet, NOW).map(({ job, worker }) => `${job.id}@${worker.id}`);

describe('one worker', () => {
  test('goes on with the model in memory', () => {
    const older = job('old', { model: 'flux', queuedAt: NOW - 2000 });
    expect(chosen([older, job('new')], [worker()])).toEqual(['new@wrk_1']);
  });

  test('until the other model has waited its longest', () => {
    const overdue = job('old', {
      model: 'flux',
      queuedAt: NOW - AFFINITY_WAIT_MAX_MS.free - 1,
    });
    expect(chosen([overdue, job('new')], [worker()])).toEqual(['old@wrk_1']);
  });

  test('serves the paid tier first, even for a load', () => {
    const paid = job('paid', { model: 'flux', plan: 'pro' });
    expect(chosen([job('free'), paid], [worker()])).toEqual(['paid@wrk_1']);
  });

  test('joins no other model to work under way', () => {
    expect(chosen([job('a', { model: 'flux' })], [worker({ busy: true })])).toEqual([]);
    expect(chosen([job('a')], [worker({ busy: true })])).toEqual(['a@wrk_1']);
  });

  test('while it loads, only what it loads', () => {
    const loading = worker({ loading: 'flux', loaded: [] });
    expect(chosen([job('a'), job('b', { model: 'flux' })], [loading])).toEqual(['b@wrk_1']);
  });

  test('fills its slots with one model, oldest first', () => {
    const jobs = [job('a'), job('b', { model: 'flux' }), job('c')];
    expect(chosen(jobs, [worker({ freeSlots: 3 })])).toEqual(['a@wrk_1', 'c@wrk_1']);
  });

  test('gets nothing it cannot run', () => {
    expect(chosen([job('a', { model: 'wan' })], [worker()])).toEqual([]);
  });
});

describe('several workers', () => {
  test('no job is given away twice', () => {
    expect(chosen([job('a')], [worker(), worker({ id: 'wrk_2' })])).toEqual(['a@wrk_1']);
  });

  test('a worker that failed the job is avoided while another one can do it', () => {
    const failed = job('a', { failedOn: ['wrk_1'] });
    expect(chosen([failed], [worker(), worker({ id: 'wrk_2' })])).toEqual(['a@wrk_2']);
    expect(chosen([failed], [worker()])).toEqual(['a@wrk_1']);
  });
});
