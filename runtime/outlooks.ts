// What a waiting person is told: how many run before them, when it will be their turn, and why.
import type { JobSpec, Plan } from '../machines/contract/events.ts';
import type { EtaView } from '../machines/contract/views.ts';
import type { JobContext } from '../machines/job/context.ts';
import { Estimates } from '../machines/scheduling/estimates.ts';
import type { WaitingJob } from '../machines/scheduling/policy.ts';
import type { Fleet } from './fleet.ts';
import type { Queue } from './queue.ts';
import type { Outlook } from './views.ts';

const RANK = { pro: 2, starter: 1, free: 0 } as const satisfies Record<Plan, number>;

type Asked = Pick<WaitingJob, 'id' | 'model' | 'plan' | 'work' | 'queuedAt'>;

/** What goes before a job; times in milliseconds. */
interface Ahead {
  readonly count: number;
  readonly mean: number;
  readonly spread: number;
}

export class Outlooks {
  readonly #queue: Queue;
  readonly #fleet: Fleet;
  readonly #runTimes = new Estimates();

  constructor(queue: Queue, fleet: Fleet) {
    this.#queue = queue;
    this.#fleet = fleet;
  }

  /** A job ended: remember how long its model took, per standard output. */
  learn({ spec, run }: JobContext): void {
    if (run.runMs !== null && spec.work > 0)
      this.#runTimes.note(spec.model, run.runMs / Math.max(spec.work, 0.05));
  }

  of(jobId: string): Outlook {
    const job = this.#queue.get(jobId);
    if (!job) return { position: null, eta: null };
    const ahead = this.#aheadOf(job);
    return { position: ahead.count, eta: this.#eta(job, ahead) };
  }

  ifSubmitted(
    { model, work }: Pick<JobSpec, 'model' | 'work'>,
    plan: Plan,
    now: number,
  ): EtaView | null {
    const job: Asked = { id: '', model, work, plan, queuedAt: now };
    return this.#eta(job, this.#aheadOf(job));
  }

  /** Waiting jobs that go first and that compete for a worker this job could use; by group, at its mean. */
  #aheadOf(job: Asked): Ahead {
    let [count, mean, spread] = [0, 0, 0];
    for (const group of this.#queue.lines) {
      const rank = RANK[group.plan] - RANK[job.plan];
      if (rank < 0 || !this.#fleet.shareWorker(job.model, group.model)) continue;
      const first = rank > 0 ? group.size : group.before(job);
      const each = this.#time({ model: group.model, work: group.work / group.size });
      count += first;
      mean += first * each.mean;
      spread += first * each.spread;
    }
    return { count, mean, spread };
  }

  #eta(job: Asked, ahead: Ahead): EtaView | null {
    const place = this.#fleet.placeFor(job.model);
    if (!place) return { min_s: 0, max_s: 0, reason: 'no worker with this model is connected' };
    const own = this.#time(job);
    const loadMs = place.isLoaded ? 0 : place.loadMs;
    const mean = ahead.mean / place.slots + own.mean + loadMs + place.busyMs;
    const spread = ahead.spread / place.slots + own.spread + loadMs * 0.3 + place.busyMs * 0.5;
    const words = [
      ahead.count > 0 ? `${ahead.count} ahead` : null,
      place.isBusy ? 'the worker is busy' : null,
      place.isLoaded ? null : 'the model has to be loaded',
    ].filter((word) => word !== null);
    return {
      min_s: seconds(Math.max(0, mean - spread)),
      max_s: seconds(mean + spread),
      reason: words.join(', ') || 'next',
    };
  }

  #time({ model, work }: Pick<Asked, 'model' | 'work'>): { mean: number; spread: number } {
    const per = this.#runTimes.of(model, this.#fleet.runMs(model));
    const units = Math.max(work, 0.05);
    return { mean: per.mean * units, spread: per.spread * units };
  }
}

const seconds = (ms: number) => Math.round(ms / 100) / 10;
