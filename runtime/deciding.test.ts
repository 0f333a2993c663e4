// What the policy promises whatever waits and whoever works: over the real index, by chance and over hours.
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { decide, type FleetWorker, type WaitingJob } from '../machines/scheduling/policy.ts';
import { fleetWorker, NOW, queueOf, waitingJob } from '../machines/scheduling/testing.ts';
import { Queue } from './queue.ts';

const MODELS = ['sdxl', 'flux', 'whisper', 'wan'];
const HOUR_MS = 3_600_000;
const HEAVY_MS = 600_000;

const anyJob = fc.record({
  ...{ accountId: fc.constantFrom('acc_a', 'acc_b', 'acc_c'), model: fc.constantFrom(...MODELS) },
  ...{ plan: fc.constantFrom('free' as const, 'starter' as const, 'pro' as const) },
  ...{ queuedAt: fc.integer({ min: NOW - HOUR_MS, max: NOW }) },
  ...{ runMs: fc.integer({ min: 1, max: 300_000 }) },
  ...{ batchKey: fc.constantFrom(null, '512', '1024') },
  ...{ failedOn: fc.constantFrom([], [], ['wrk_0'], ['wrk_0', 'wrk_1']), isFirst: fc.boolean() },
});

const anyWorker = fc.record({
  ...{ models: fc.subarray(MODELS, { minLength: 1 }), inMemory: fc.subarray(MODELS) },
  ...{ freeSlots: fc.nat(3), busy: fc.boolean(), isLoading: fc.boolean() },
  ...{ pace: fc.constantFrom(0.5, 1, 2), batchMax: fc.integer({ min: 1, max: 4 }) },
  ...{ loadMs: fc.constantFrom(2_000, 40_000, Infinity), busyMs: fc.nat(60_000) },
});

const anyFleet = fc.array(anyWorker, { maxLength: 4 }).map((fleet) =>
  fleet.map(({ models, inMemory, freeSlots, busy, isLoading, busyMs, ...cost }, n) =>
    fleetWorker(
      `wrk_${n}`,
      Object.fromEntries(models.map((model) => [model, { ...cost, batchCost: 0.7 }])),
      {
        ...{ freeSlots, busy: busy || isLoading, freeAt: NOW + (busy ? busyMs : 0) },
        loaded: inMemory.filter((model) => models.includes(model)),
        loading: isLoading ? models[0]! : null,
      },
    ),
  ),
);

const anyJobs = fc
  .array(anyJob, { maxLength: 60 })
  .map((jobs) => jobs.map((each, n) => waitingJob(`job_${n}`, each)));

const filled = (jobs: readonly WaitingJob[]): Queue => {
  const queue = new Queue();
  // As they were asked for: one that comes late takes no part in turns counted before.
  for (const job of jobs.toSorted((a, b) => a.queuedAt - b.queuedAt || (a.id < b.id ? -1 : 1)))
    queue.set(job);
  return queue;
};

test('no job twice, no slot too many, nothing that the worker cannot start', () => {
  const leaves = fc.array(fc.nat(59), { maxLength: 30 });
  fc.assert(
    fc.property(anyJobs, anyFleet, leaves, (jobs, fleet, gone) => {
      const queue = filled(jobs);
      for (const n of gone) queue.remove(`job_${n}`);
      const waiting = new Set([...queue.jobs].map(({ id }) => id));
      for (const { job, batch = [], worker } of decide(queue, fleet, NOW)) {
        const cost = worker.models.get(job.model)!;
        expect(batch.length).toBeLessThan(Math.max(1, cost.batchMax));
        for (const each of [job, ...batch]) {
          expect(waiting.delete(each.id)).toBe(true);
          expect([each.model, each.batchKey]).toEqual([job.model, job.batchKey]);
          const others = fleet.filter(({ id }) => !each.failedOn.includes(id));
          if (each.failedOn.includes(worker.id))
            expect(others.some(({ models }) => models.has(each.model))).toBe(false);
        }
        const isThere = worker.loading === job.model || worker.loaded.includes(job.model);
        if (worker.loading !== null) expect(job.model).toBe(worker.loading);
        if (worker.busy || cost.loadMs === Infinity) expect(isThere).toBe(true);
      }
      const given = Map.groupBy(decide(queue, fleet, NOW), ({ worker }) => worker.id);
      for (const { id, freeSlots } of fleet)
        expect(given.get(id)?.length ?? 0).toBeLessThanOrEqual(freeSlots);
    }),
  );
});

test('the index leads to the same decisions as counting everything anew', () => {
  fc.assert(
    fc.property(anyJobs, anyFleet, (jobs, fleet) => {
      const said = (queue: Parameters<typeof decide>[0]) =>
        decide(queue, fleet, NOW).map(({ worker, why }) => [worker.id, why.score.toPrecision(9)]);
      expect(said(filled(jobs))).toEqual(said(queueOf(jobs)));
    }),
  );
});

test('a worker is idle only while nothing that waits could start on it', () => {
  fc.assert(
    fc.property(anyJobs, anyFleet, (jobs, fleet) => {
      const queue = filled(jobs);
      const free = new Map(fleet.map((worker) => [worker.id, worker.freeSlots]));
      for (const { job, batch = [], worker } of decide(queue, fleet, NOW)) {
        for (const { id } of [job, ...batch]) queue.take(id);
        free.set(worker.id, 0); // it may load now, and takes nothing else
      }
      for (const worker of fleet)
        for (const { model, failedOn } of queue.jobs) {
          const hasModel = worker.loaded.includes(model);
          const canStart = worker.models.has(model) && !worker.busy && hasModel;
          if (canStart && failedOn.length === 0) expect(free.get(worker.id)).toBe(0);
        }
    }),
  );
});

/** One worker, job after job, until `until` is taken; more comes as soon as something is taken. */
function hoursUntil(
  until: WaitingJob,
  worker: FleetWorker,
  more: (n: number, now: number) => WaitingJob,
): number {
  const queue = filled([until, more(0, NOW), more(1, NOW)]);
  let now = NOW;
  for (let n = 2; n < 80_000; n += 1) {
    const [decision] = decide(queue, [worker], now);
    if (!decision) throw new Error('There was work, and the worker got none.');
    for (const each of [decision.job, ...(decision.batch ?? [])]) {
      if (each.id === until.id) return (now - NOW) / HOUR_MS;
      queue.take(each.id);
      queue.usage.note(each.accountId, each.runMs, now + each.runMs);
      now += each.runMs;
    }
    queue.set(more(n, now));
  }
  return Infinity;
}

test('nobody starves: a free video has its turn while paying people never stop asking', () => {
  const video = waitingJob('video', { model: 'wan', runMs: 240_000, queuedAt: NOW });
  const worker = fleetWorker('w', { sdxl: {}, wan: { loadMs: 42_000 } });
  const paid = (n: number, queuedAt: number) => waitingJob(`p${n}`, { plan: 'pro', queuedAt });
  const free = (n: number, queuedAt: number) => waitingJob(`f${n}`, { queuedAt });
  expect(hoursUntil(video, worker, free)).toBeLessThan(2);
  expect(hoursUntil(video, worker, paid)).toBeLessThan(120);
});

// Of one tier and model, whatever the lengths, and whenever it was asked for.
test('between two jobs of a person at most one batch of another, who got more, runs', () => {
  const job = fc.record({
    ...{ accountId: fc.constantFrom('a', 'b', 'c'), runMs: fc.integer({ min: 1, max: 300_000 }) },
    ...{ queuedAt: fc.integer({ min: NOW - HOUR_MS, max: NOW }) },
    ...{ batchKey: fc.constantFrom(null, 'same') },
  });
  const given = {
    jobs: fc.array(job, { maxLength: 60 }),
    got: fc.record({ a: fc.nat(900_000), b: fc.nat(900_000), c: fc.nat(900_000) }),
    workers: fc.integer({ min: 1, max: 3 }),
    batchMax: fc.integer({ min: 1, max: 4 }),
  };
  fc.assert(
    fc.property(fc.record(given), ({ jobs, got, workers, batchMax }) => {
      const queue = filled(jobs.map((each, n) => waitingJob(`job_${n + 100}`, each)));
      for (const [accountId, ms] of Object.entries(got)) queue.usage.note(accountId, ms, NOW);
      /** How many calls each had since each other one was served. */
      const since = new Map<string, number>();
      for (const { first, people, served, hadMs, waiting } of servedInTurn(
        queue,
        workers,
        batchMax,
      )) {
        for (const other of waiting) {
          const key = `${first} since ${other}`;
          const isHeavy = hadMs(first) > hadMs(other);
          if (isHeavy && !people.has(other)) expect(since.get(key) ?? 0, key).toBe(0);
          if (served.has(other)) since.set(key, (since.get(key) ?? 0) + 1);
        }
        for (const person of people)
          for (const each of ['a', 'b', 'c']) since.delete(`${each} since ${person}`);
      }
    }),
    { numRuns: 1000 },
  );
});

// Whatever they wait for: who got ten minutes more is heavy beside the other.
test('between two jobs of a person at most one batch of a heavy one of the tier runs', () => {
  const people = ['a', 'b', 'c', ...Array.from({ length: 30 }, (_, n) => `other${n}`)];
  const job = fc.record({
    accountId: fc.oneof(fc.constantFrom('a', 'b', 'c'), fc.constantFrom(...people)),
    ...{ model: fc.constantFrom(...MODELS), runMs: fc.integer({ min: 1, max: 300_000 }) },
    ...{ queuedAt: fc.integer({ min: NOW - HOUR_MS, max: NOW }) },
    ...{ batchKey: fc.constantFrom(null, 'same') },
  });
  const given = {
    jobs: fc.array(job, { minLength: 20, maxLength: 90 }),
    got: fc.record({ a: fc.nat(4_000_000), b: fc.nat(4_000_000), c: fc.nat(900_000) }),
    workers: fc.integer({ min: 1, max: 3 }),
    batchMax: fc.integer({ min: 1, max: 4 }),
  };
  let kept = 0;
  fc.assert(
    fc.property(fc.record(given), ({ jobs, got, workers, batchMax }) => {
      const queue = filled(jobs.map((each, n) => waitingJob(`job_${n + 100}`, each)));
      for (const [accountId, ms] of Object.entries(got)) queue.usage.note(accountId, ms, NOW);
      const since = new Map<string, number>();
      for (const call of servedInTurn(queue, workers, batchMax)) {
        for (const other of call.waiting) {
          const key = `${call.first} since ${other}`;
          const isHeavy = call.hadMs(call.first) > call.hadMs(other) + HEAVY_MS;
          if (isHeavy && !call.people.has(other)) expect(since.get(key) ?? 0, key).toBe(0);
          if (isHeavy) kept += 1;
          if (call.served.has(other)) since.set(key, (since.get(key) ?? 0) + 1);
        }
        for (const each of people)
          for (const person of call.people) since.delete(`${each} since ${person}`);
      }
    }),
    { numRuns: 300 },
  );
  expect(kept).toBeGreaterThan(1_000);
});

interface Call {
  /** Whose call it is; others may go along in it. */
  readonly first: string;
  readonly people: ReadonlySet<string>;
  /** Whoever had work waiting, the served ones included. */
  readonly waiting: ReadonlySet<string>;
  /** Whoever had a call before, or went along in one. */
  readonly served: ReadonlySet<string>;
  /** GPU time lately and under way, as the decision knew it. */
  readonly hadMs: (person: string) => number;
}

/** The engine calls, one after the other, until nothing waits; all workers take as long as what they run. */
function* servedInTurn(queue: Queue, workers: number, batchMax: number): Generator<Call> {
  const ends = new Map<string, { at: number; jobs: WaitingJob[] }>();
  const loaded = new Map<string, string>();
  const served = new Set<string>();
  const people = new Set([...queue.jobs].map(({ accountId }) => accountId));
  const cost = { batchMax, batchCost: 0.7 };
  const models = Object.fromEntries(MODELS.map((model) => [model, cost]));
  let now = NOW;
  while (queue.size > 0) {
    const fleet = Array.from({ length: workers }, (_, n) => {
      const { at: freeAt = now, jobs = [] } = ends.get(`wrk_${n}`) ?? {};
      return fleetWorker(`wrk_${n}`, models, {
        loaded: [loaded.get(`wrk_${n}`) ?? 'sdxl'],
        ...{ freeSlots: jobs.length > 0 ? 0 : 1, busy: jobs.length > 0, freeAt },
        running: jobs.map((job) => ({ ...job, job: job.id })),
      });
    });
    const had = new Map<string, number>();
    for (const person of people) had.set(person, queue.servedMs(person, now));
    for (const { accountId, runMs } of fleet.flatMap(({ running }) => running))
      had.set(accountId, had.get(accountId)! + runMs);
    for (const { job, batch = [], worker, why } of decide(queue, fleet, now)) {
      const jobs = [job, ...batch];
      const waiting = new Set([...queue.jobs].map(({ accountId }) => accountId));
      for (const { id } of jobs) queue.take(id);
      const endAt = now + why.loadMs + job.runMs * (1 + batch.length * 0.7);
      ends.set(worker.id, { at: endAt, jobs });
      loaded.set(worker.id, job.model);
      const inCall = new Set(jobs.map(({ accountId }) => accountId));
      const hadMs = (person: string) => had.get(person)!;
      yield { first: job.accountId, people: inCall, served, waiting, hadMs };
      for (const person of inCall) served.add(person);
    }
    now = Math.min(...ends.values().map(({ at }) => at));
    for (const [worker, { at, jobs }] of ends) {
      if (at > now) continue;
      ends.delete(worker);
      for (const { accountId, runMs } of jobs) queue.usage.note(accountId, runMs, now);
    }
  }
}
