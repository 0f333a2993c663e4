// The attempts that workers have: how long each should take there, and since when it runs. So the policy can
// see when a worker comes free, and whose work is under way.
import type { JobContext } from '../machines/job/context.ts';
import { batchTimes } from '../machines/contract/batching.ts';
import type { Times } from '../machines/scheduling/times.ts';

export interface UnderWayRun {
  readonly worker: string;
  readonly attempt: number;
  /** Of the whole engine call, which a batch shares. */
  readonly callMs: number;
  /** Its part of the call. */
  readonly ownMs: number;
  /** Null: ordered, and perhaps waiting for its model. */
  readonly startedAt: number | null;
}

export class UnderWay {
  readonly #times: Times;
  readonly #byJob = new Map<string, UnderWayRun>();

  constructor(times: Times) {
    this.#times = times;
  }

  /** A job with a lease, as of its latest turn. */
  note({ spec, run }: JobContext, batchCost: number): void {
    const { lease, startedAt, batch } = run;
    if (!lease) return this.end(spec.id);
    const known = this.#byJob.get(spec.id);
    const { worker, attempt } = lease;
    if (known?.worker === worker && known.attempt === attempt) {
      if (known.startedAt !== startedAt) this.#byJob.set(spec.id, { ...known, startedAt });
      return;
    }
    const aloneMs = this.#times.runMs(worker, spec.model, spec.work).median;
    const size = batch?.size ?? 1;
    const callMs = aloneMs * batchTimes(size, batchCost);
    this.#byJob.set(spec.id, { worker, attempt, callMs, ownMs: callMs / size, startedAt });
  }

  end(jobId: string): void {
    this.#byJob.delete(jobId);
  }

  of(jobId: string): UnderWayRun | null {
    return this.#byJob.get(jobId) ?? null;
  }
}
