// A queue without an index, for tests of the policy and to hold the real index against; jobs and workers.
import { worthOf } from './policy.ts';
import type { FleetWorker, Line, ModelOnWorker, WaitingJob, WaitingQueue } from './waiting.ts';

export const NOW = 1_000_000_000;

export const waitingJob = (id: string, change: Partial<WaitingJob> = {}): WaitingJob => ({
  ...{ id, accountId: `acc_${id}`, model: 'sdxl', plan: 'free', queuedAt: NOW - 1_000, work: 1 },
  ...{ runMs: 7_000, batchKey: null, failedOn: [], isFirst: false },
  ...change,
});

const COST: ModelOnWorker = { loadMs: 8_000, pace: 1, batchMax: 1, batchCost: 1 };

/** @param models what is said of a model beyond a load of 8 s */
export const fleetWorker = (
  id: string,
  models: Record<string, Partial<ModelOnWorker>> = { sdxl: {}, flux: {} },
  change: Partial<FleetWorker> = {},
): FleetWorker => ({
  ...{ id, epoch: 'boot', freeSlots: 1, loaded: ['sdxl'], loading: null, busy: false, freeAt: NOW },
  ...{ running: [], pinned: [] },
  models: new Map(Object.entries(models).map(([model, cost]) => [model, { ...COST, ...cost }])),
  ...change,
});

const inOrder = (a: WaitingJob, b: WaitingJob) =>
  a.queuedAt - b.queuedAt || (a.id < b.id ? -1 : a.id > b.id ? 1 : 0);

/** Every figure counted anew from the list. */
export function queueOf(
  jobs: readonly WaitingJob[],
  served: Readonly<Record<string, number>> = {},
): WaitingQueue {
  const people = Map.groupBy(jobs.toSorted(inOrder), ({ accountId }) => accountId);
  const [ahead, turns] = [new Map<string, number>(), new Map<string, number>()];
  for (const own of people.values()) {
    let [aheadMs, end] = [0, 0];
    for (const { id, runMs, queuedAt } of own) {
      ahead.set(id, aheadMs);
      turns.set(id, Math.max(end, queuedAt));
      aheadMs += runMs;
      end = turns.get(id)! + runMs;
    }
  }
  const lineOf = (line: readonly WaitingJob[]): Line => ({
    ...{ accountId: line[0]!.accountId, plan: line[0]!.plan },
    tickets: line.map((job) => ({
      job,
      worth: worthOf(job),
      ownTurnAt: turns.get(job.id)!,
      since: 0,
    })),
    lastTurn: 0,
    aheadMs: ({ job }) => ahead.get(job.id)!,
  });
  const stocks = Map.groupBy(jobs, (job) => [job.model, ...job.failedOn].join(' '));
  return {
    ...{ size: jobs.length, takes: 0 },
    stocks: [...stocks.values()].map((stock) => ({
      ...{ model: stock[0]!.model, failedOn: stock[0]!.failedOn },
      lines: [
        ...Map.groupBy(stock, (job) => `${job.plan} ${job.accountId} ${job.isFirst}`).values(),
      ].map((line) => lineOf(line.toSorted(inOrder))),
    })),
    servedMs: (accountId) => served[accountId] ?? 0,
  };
}
