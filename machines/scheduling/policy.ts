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
  /** Workers that failed it: avoided while another one can do it. */
  readonly failedOn: readonly string[];
}

export interface FleetWorker {
  readonly id: string;
  readonly epoch: string;
  readonly freeSlots: number;
  readonly models: ReadonlySet<string>;
  readonly loaded: readonly string[];
  readonly loading: string | null;
  /** With work under way, only what fits the model in memory (or on its way there) may join. */
  readonly busy: boolean;
}

/** Waiting jobs of one model and plan, oldest first. */
export interface QueueGroup {
  readonly model: string;
  readonly plan: Plan;
  readonly jobs: Iterable<WaitingJob>;
}

export interface Decision {
  readonly job: WaitingJob;
  readonly worker: FleetWorker;
  readonly reason: string;
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

const reasonOf = ({ loads, overdue }: Candidate): string =>
  overdue ? 'waited its longest' : loads ? 'needs its model loaded' : 'its model is in memory';

/** One job per free slot at most; the caller asks again after each commit. */
export function decide(
  groups: readonly QueueGroup[],
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
      decisions.push({ job: best.job, worker, reason: reasonOf(best) });
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
