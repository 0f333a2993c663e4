// The policy of machines/scheduling as the scheduling evaluator wants it: it only translates, so that what
// is measured there is what runs here. `--policy ops/bench/scheduler-policy.ts` loads it directly.
import {
  decide,
  type Decision,
  type FleetWorker,
  type WaitingJob,
} from '../../machines/scheduling/policy.ts';
import { Queue } from '../../runtime/queue.ts';
import type { Fleet, Job, Policy, View, WorkerView } from './scheduler-contract.ts';

/** @param options the queue, for whoever wants to look into it */
export function createPolicy(fleet: Fleet, options?: { readonly queue?: Queue }): Policy {
  const queue = options?.queue ?? new Queue();
  const jobs = new Map<string, Job>();
  return {
    name: 'tessera',

    onSubmit(job, _now, view) {
      jobs.set(String(job.id), job);
      queue.set(waitingOf(job, view));
    },

    onIdle(worker, now, view) {
      const workers = view.workers.map((each) => workerOf(each, fleet, view));
      const decision = decide(queue, workers, now).find((each) => each.worker.id === worker.id);
      if (!decision) return null;
      const run = callOf(decision, worker, view, jobs);
      for (const { id } of run) queue.take(String(id));
      return { run: run.map(({ id }) => id) };
    },

    onDone({ jobs: done, exec_ms }, now) {
      for (const { user } of done) queue.usage.note(user, exec_ms / done.length, now);
    },
  };
}

export function waitingOf(job: Job, view: View): WaitingJob {
  const cannot = view.workers.filter((worker) => !view.canRun(worker, job));
  return {
    ...{ id: String(job.id), accountId: job.user, model: job.model, plan: job.tier },
    ...{ queuedAt: job.t, work: 1, runMs: job.est_ms, batchKey: job.batch_key },
    ...{ failedOn: cannot.map(({ id }) => id), isFirst: false },
  };
}

export function workerOf(worker: WorkerView, fleet: Fleet, view: View): FleetWorker {
  const { models = [] } = fleet.workers.find(({ id }) => id === worker.id) ?? {};
  const isIdle = worker.state === 'idle';
  return {
    ...{ id: worker.id, epoch: '', freeSlots: isIdle ? 1 : 0, busy: !isIdle, pinned: [] },
    models: new Map(
      models.map((model) => {
        const { batch_max: batchMax, batch_cost: batchCost } = fleet.models[model]!;
        const loadMs = view.loadMs(worker, model);
        return [model, { loadMs, pace: 1 / worker.speed, batchMax, batchCost }];
      }),
    ),
    loaded: worker.resident,
    loading: worker.state === 'load' ? worker.model : null,
    freeAt: worker.eta,
    running: worker.jobs.map(({ id, user, model, est_ms }) => ({
      ...{ job: String(id), accountId: user, model, runMs: est_ms },
    })),
  };
}

/** As many of the batch as the worker has memory for. */
export function callOf(
  { job, batch = [] }: Decision,
  worker: WorkerView,
  view: View,
  jobs: Map<string, Job>,
) {
  const call: Job[] = [jobs.get(job.id)!];
  for (const { id } of batch) {
    const other = jobs.get(id)!;
    if (view.canBatch(worker, [...call, other])) call.push(other);
  }
  return call;
}
