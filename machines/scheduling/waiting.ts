// What the policy sees of the queue and of the fleet, and what it answers. Times in milliseconds.
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
  /** Workers that failed it, or cannot take it: avoided while another one can do it. */
  readonly failedOn: readonly string[];
  /** An operator put it in front of all. */
  readonly isFirst: boolean;
}

/** A job in its line, with what does not change while it waits. */
export interface Ticket {
  readonly job: WaitingJob;
  /** What `worthOf(job)` said when it came. */
  readonly worth: number;
  /** When the person's own earlier jobs would have been done on a card of their own. */
  readonly ownTurnAt: number;
  /** The queue's `takes` when it came. */
  readonly since: number;
}

/** Waiting jobs of one person, plan, model and `failedOn`, in the order of asking. */
export interface Line {
  readonly accountId: string;
  readonly plan: Plan;
  readonly tickets: readonly Ticket[];
  /** The queue's `takes` when a job of the person was last taken; 0: none, as far as is remembered. */
  readonly lastTurn: number;
  /** Run time of all jobs of the person, of whatever model, that wait in front of this one. */
  aheadMs(ticket: Ticket): number;
}

/** The lines that ask the same of a worker. */
export interface Stock {
  readonly model: string;
  readonly failedOn: readonly string[];
  readonly lines: Iterable<Line>;
  /** The same lines with the figures of their first jobs: what a queue with many lines keeps at hand. */
  readonly firsts?: Firsts;
}

export interface Firsts {
  readonly lines: readonly Line[];
  readonly worth: Float64Array;
  /** By how much more it brings with each millisecond that it is late. */
  readonly growth: Float64Array;
  readonly turnAt: Float64Array;
}

/** `runtime/queue.ts` is one. */
export interface WaitingQueue {
  readonly size: number;
  /** Jobs taken so far: the order of turns, whatever the clock says. */
  readonly takes: number;
  readonly stocks: Iterable<Stock>;
  /** GPU time the person got lately. */
  servedMs(accountId: string, now: number): number;
}

/** What a model costs on one worker. */
export interface ModelOnWorker {
  /** Expected time until a job could start: 0 when in memory, Infinity when it cannot be loaded now. */
  readonly loadMs: number;
  /** The worker's run time over the job's `runMs`: 2 is half as fast. */
  readonly pace: number;
  /** Jobs that one engine call takes at most. */
  readonly batchMax: number;
  /** Time of each further job of a batch over its time alone. */
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
  /** Engine calls it can take now; a batch is one. */
  readonly freeSlots: number;
  /** Engine calls it can run at once, free or not; 1 where not said. */
  readonly slots?: number;
  readonly models: ReadonlyMap<string, ModelOnWorker>;
  readonly loaded: readonly string[];
  readonly loading: string | null;
  /** With work under way, only what fits the models in memory (or on their way there) may join. */
  readonly busy: boolean;
  /** Expected end of what it has; now when idle. */
  readonly freeAt: number;
  readonly running: readonly RunningJob[];
  /** Models that must stay in memory; what would push one out has a `loadMs` of Infinity. */
  readonly pinned: readonly string[];
}

/** The parts of a decision's score, for whoever asks "why this, now?". */
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
