// Who starts when, if the policy goes on as it does, all takes as long as expected and nobody else comes.
// The policy itself is played forward on a copy of the queue; what is too far away to be played is put
// behind, at the pace at which the play went.
import { byPlanAndAge, CopiedQueue } from './copied-queue.ts';
import { decide } from './policy.ts';
import type { Decision, FleetWorker, RunningJob, WaitingJob, WaitingQueue } from './waiting.ts';

/**
 * What one forecast may cost, in lines looked at: a decision looks at each. It is about 20 ms, and enough
 * for 300 decisions among 300 people.
 */
const EFFORT_MAX = 100_000;
/** A decision costs about as much as so many lines, however short the queue is. */
const EFFORT_OF_DECISION = 150;

export interface Turn {
  readonly job: WaitingJob;
  readonly startAt: number;
  /** Null: too far away to say. */
  readonly worker: string | null;
  /** Of its model, right before it starts; 0 when it is there. */
  readonly loadMs: number;
}

export interface Forecast {
  readonly at: number;
  /** In the order of starting. What no worker can run is missing. */
  readonly turns: readonly Turn[];
  /** What it cost, in lines looked at. */
  readonly effort: number;
}

/** What stays in memory when the worker loads the model. */
export type Keeps = (worker: FleetWorker, model: string) => readonly string[];

/** Where sizes are unknown, one model at a time is in memory. */
const keepsPinned: Keeps = ({ pinned }) => pinned;

interface Run {
  readonly jobs: readonly RunningJob[];
  readonly endAt: number;
  /** Of the engine call. */
  readonly ms: number;
}

/** A worker, as time passes. */
class Seat {
  worker: FleetWorker;
  readonly #slots: number;
  #runs: Run[] = [];
  /** When the model under way is there. */
  #loadedAt = Infinity;

  constructor(worker: FleetWorker, now: number) {
    this.worker = worker;
    const { running, freeSlots, freeAt, loading } = worker;
    this.#slots = worker.slots ?? Math.max(1, freeSlots + Math.sign(running.length));
    // Calls under way end one after the other, as far as anybody knows; those of one call end together.
    const calls = Math.max(1, this.#slots - freeSlots);
    const size = Math.max(1, Math.ceil(running.length / calls));
    for (let first = 0; first < running.length; first += size) {
      const jobs = running.slice(first, first + size);
      const part = Math.min(1, (first + size) / running.length);
      const endAt = now + part * Math.max(1, freeAt - now);
      this.#runs.push({ jobs, endAt, ms: jobs.reduce((sum, { runMs }) => sum + runMs, 0) });
    }
    const longestMs = Math.max(0, ...this.#runs.map(({ ms }) => ms));
    if (loading !== null) this.#loadedAt = Math.max(now + 1, freeAt - longestMs);
  }

  get nextAt(): number {
    return this.#runs.reduce((first, { endAt }) => Math.min(first, endAt), this.#loadedAt);
  }

  start({ job, batch = [], why }: Decision, now: number, keeps: Keeps): number {
    const { worker } = this;
    const { pace = 1, batchCost = 1 } = worker.models.get(job.model) ?? {};
    const isHere = worker.loaded.includes(job.model);
    const startAt = isHere ? now : Math.min(this.#loadedAt, now + why.loadMs);
    if (!isHere && worker.loading !== job.model) {
      this.#loadedAt = startAt;
      this.worker = { ...worker, loading: job.model, loaded: keeps(worker, job.model) };
    }
    const jobs = [job, ...batch];
    const longestMs = Math.max(...jobs.map(({ runMs }) => runMs));
    const sumMs = jobs.reduce((sum, { runMs }) => sum + runMs, 0);
    const ms = pace * (longestMs + batchCost * (sumMs - longestMs));
    const running = jobs.map(({ id, accountId, model, runMs }) => ({
      ...{ job: id, accountId, model, runMs },
    }));
    this.#runs.push({ jobs: running, endAt: startAt + Math.max(1, ms), ms });
    this.#refresh(now);
    return startAt;
  }

  /** @returns what has ended */
  passTo(now: number): Run[] {
    if (this.#loadedAt <= now) {
      const { loaded, loading } = this.worker;
      this.worker = { ...this.worker, loaded: [...loaded, loading!], loading: null };
      this.#loadedAt = Infinity;
    }
    const ended = this.#runs.filter(({ endAt }) => endAt <= now);
    this.#runs = this.#runs.filter(({ endAt }) => endAt > now);
    this.#refresh(now);
    return ended;
  }

  #refresh(now: number): void {
    const runs = this.#runs;
    this.worker = {
      ...this.worker,
      freeSlots: Math.max(0, this.#slots - runs.length),
      busy: runs.length > 0,
      running: runs.flatMap(({ jobs }) => jobs),
      freeAt: runs.reduce((last, { endAt }) => Math.max(last, endAt), now),
    };
  }
}

export function foretell(
  waiting: WaitingQueue,
  fleet: readonly FleetWorker[],
  at: number,
  keeps: Keeps = keepsPinned,
): Forecast {
  const queue = new CopiedQueue(waiting);
  const seats = new Map(fleet.map((worker) => [worker.id, new Seat(worker, at)]));
  const turns: Turn[] = [];
  let [now, effort, workMs] = [at, 0, 0];
  while (queue.size > 0 && effort < EFFORT_MAX) {
    const workers = [...seats.values()].map(({ worker }) => worker);
    if (workers.some(({ freeSlots }) => freeSlots > 0)) {
      effort += EFFORT_OF_DECISION + queue.lineCount;
      for (const decision of decide(queue, workers, now)) {
        const { job, batch = [], worker, why } = decision;
        const startAt = seats.get(worker.id)!.start(decision, now, keeps);
        for (const each of [job, ...batch]) {
          queue.take(each);
          turns.push({ job: each, startAt, worker: worker.id, loadMs: why.loadMs });
          workMs += each.runMs;
        }
      }
    }
    const nextAt = Math.min(...seats.values().map((seat) => seat.nextAt));
    if (nextAt === Infinity) break;
    now = nextAt;
    for (const seat of seats.values())
      for (const { jobs, ms } of seat.passTo(now))
        for (const { accountId } of jobs) queue.noteUsage(accountId, ms / jobs.length, now);
  }
  turns.sort((a, b) => a.startAt - b.startAt);
  const pace = workMs > 0 ? Math.max(1, now - at) / workMs : 1 / Math.max(1, fleet.length);
  return { at, turns: [...turns, ...laterTurns(queue, fleet, now, pace)], effort };
}

/** @param pace time that passes for each unit of work */
function laterTurns(
  queue: CopiedQueue,
  fleet: readonly FleetWorker[],
  from: number,
  pace: number,
): Turn[] {
  const canRun = new Set(fleet.flatMap(({ models }) => [...models.keys()]));
  const jobs = [...queue.jobs, ...queue.rest].filter(({ model }) => canRun.has(model));
  let startAt = from;
  return jobs.sort(byPlanAndAge).map((job) => {
    const turn = { job, startAt, worker: null, loadMs: 0 };
    startAt += job.runMs * pace;
    return turn;
  });
}
