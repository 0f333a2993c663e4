// Which job runs next, and where. Pure: (queue, fleet, now) -> decisions, each with its reason.
//
// Paid tiers come first. A worker goes on with the model it has in memory, because a load costs more
// than most jobs, but only until the oldest job of another model has waited longer than its tier allows.
import type { Plan } from '../contract/events.ts';

export interface WaitingJob {
  readonly id: string;
  readonly accountId: string;
  readonly model: string;
  readonly plan: Plan;
  readonly queuedAt: number;
  /** Size in standard outputs. */
  readonly work: number;
  /** Expected run time on a worker of pace 1. */
  readonly runMs: number;
  /** Jobs of one model with the same key may share one engine call; null: always alone. */
  readonly batchKey: string | null;
  /** Workers that failed it: avoided while another one can do it. */
  readonly failedOn: readonly string[];
  /** An operator put it in front of all. */
  readonly isFirst: boolean;
}

/** What a model costs on one worker. */
export interface ModelOnWorker {
  /** Expected time until a job could start: 0 when the model is in memory. */
  readonly loadMs: number;
  /** The worker's run time over the job's `runMs`: 2 is half as fast. */
  readonly pace: number;
  /** Jobs that one engine call takes at most. */
  readonly batchMax: number;
  /** Time of each job of a full batch over its time alone. */
  readonly batchCost: number;
}

export interface RunningJob {
  readonly job: string;
  readonly accountId: string;
  readonly model: string;
  readonly runMs: number;
}

/** A worker that may be given work now or later; one without free slots is seen, not chosen. */
export interface FleetWorker {
  readonly id: string;
  readonly epoch: string;
  readonly freeSlots: number;
  readonly models: ReadonlyMap<string, ModelOnWorker>;
  readonly loaded: readonly string[];
  readonly loading: string | null;
  /** With work under way, only what fits the models in memory (or on their way there) may join. */
  readonly busy: boolean;
  /** Expected end of what it has; now when idle. */
  readonly freeAt: number;
  readonly running: readonly RunningJob[];
  /** Models that must stay in memory. */
  readonly pinned: readonly string[];
}

/** Waiting jobs of one model and plan, oldest first. */
export interface QueueGroup {
  readonly model: string;
  readonly plan: Plan;
  readonly jobs: Iterable<WaitingJob>;
}

/** What the policy sees of the queue; `runtime/queue.ts` is one. */
export interface WaitingQueue {
  readonly groups: readonly QueueGroup[];
}

/** The parts of a decision's score, for whoever asks "why this, now?". Times in milliseconds. */
export interface Why {
  readonly score: number;
  readonly waitedMs: number;
  /** How long it has waited beyond what the person's own earlier jobs explain. */
  readonly lateMs: number;
  /** Of the person: GPU time lately, under way and waiting before this job. */
  readonly servedMs: number;
  readonly runMs: number;
  readonly loadMs: number;
  /** Jobs of the model that pay for the load together with this one. */
  readonly behind: number;
  /** The best other model this worker could have turned to. */
  readonly runnerUp: { readonly model: string; readonly score: number } | null;
  /** One short sentence. */
  readonly words: string;
}

export interface Decision {
  readonly job: WaitingJob;
  readonly worker: FleetWorker;
  /** Jobs that go along in the same engine call. */
  readonly batch?: readonly WaitingJob[];
  readonly why: Why;
}

const RANK = { pro: 2, starter: 1, free: 0 } as const satisfies Record<Plan, number>;

/** How long a job may be passed over for the model in memory. */
export const AFFINITY_WAIT_MAX_MS = {
  pro: 15_000,
  starter: 45_000,
  free: 120_000,
} as const satisfies Record<Plan, number>;

/** Is the model in memory, on its way there, or free to be swapped in? */
const mayRun = (worker: FleetWorker, model: string): boolean => {
  if (!worker.models.has(model)) return false;
  if (worker.loading !== null) return worker.loading === model;
  return worker.loaded.includes(model) || !worker.busy;
};

const needsLoad = (worker: FleetWorker, model: string): boolean =>
  worker.loading !== model && !worker.loaded.includes(model);

/** The oldest job of the group that this worker should do. */
function headFor(
  group: QueueGroup,
  worker: FleetWorker,
  fleet: readonly FleetWorker[],
  taken: ReadonlySet<string>,
): WaitingJob | null {
  for (const job of group.jobs) {
    if (taken.has(job.id)) continue;
    const elsewhere = () =>
      fleet.some((other) => other.models.has(job.model) && !job.failedOn.includes(other.id));
    if (job.failedOn.includes(worker.id) && elsewhere()) continue;
    return job;
  }
  return null;
}

interface Candidate {
  readonly job: WaitingJob;
  readonly loads: boolean;
  readonly overdue: boolean;
}

/** Overdue first, then the paid tier, then no load, then age. */
const before = (a: Candidate, b: Candidate): boolean => {
  if (a.overdue !== b.overdue) return a.overdue;
  const rank = RANK[a.job.plan] - RANK[b.job.plan];
  if (rank !== 0) return rank > 0;
  if (!a.overdue && a.loads !== b.loads) return b.loads;
  return a.job.queuedAt < b.job.queuedAt;
};

const whyOf = ({ job, loads, overdue }: Candidate, worker: FleetWorker, now: number): Why => ({
  score: RANK[job.plan],
  waitedMs: now - job.queuedAt,
  lateMs: now - job.queuedAt,
  servedMs: 0,
  runMs: job.runMs * (worker.models.get(job.model)?.pace ?? 1),
  loadMs: loads ? (worker.models.get(job.model)?.loadMs ?? 0) : 0,
  behind: 0,
  runnerUp: null,
  words: overdue
    ? 'waited its longest'
    : loads
      ? 'needs its model loaded'
      : 'its model is in memory',
});

/** One job per free slot at most; the caller asks again after each commit. */
export function decide(
  { groups }: WaitingQueue,
  fleet: readonly FleetWorker[],
  now: number,
): Decision[] {
  const decisions: Decision[] = [];
  const taken = new Set<string>();
  for (let worker of fleet) {
    while (worker.freeSlots > 0) {
      let best: Candidate | null = null;
      for (const group of groups) {
        if (!mayRun(worker, group.model)) continue;
        const job = headFor(group, worker, fleet, taken);
        if (!job) continue;
        const overdue = now - job.queuedAt > AFFINITY_WAIT_MAX_MS[job.plan];
        const candidate = { job, loads: needsLoad(worker, job.model), overdue };
        if (!best || before(candidate, best)) best = candidate;
      }
      if (!best) break;
      taken.add(best.job.id);
      decisions.push({ job: best.job, worker, why: whyOf(best, worker, now) });
      worker = {
        ...worker,
        freeSlots: worker.freeSlots - 1,
        busy: true,
        loading: best.loads ? best.job.model : worker.loading,
      };
    }
  }
  return decisions;
}
