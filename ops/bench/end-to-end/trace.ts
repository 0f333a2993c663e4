// A trace in the format of the outside evaluator: who asked for what and when, what was expected of it, and
// how long it really took. And the fleet that it was made for.
import type { Plan } from '../../../machines/contract/events.ts';

export interface TracedJob {
  readonly id: number;
  /** Of its submit, in milliseconds from the beginning. */
  readonly t: number;
  readonly user: string;
  readonly tier: Plan;
  readonly kind: string;
  readonly model: string;
  /** What the policy may know beforehand. */
  readonly est_ms: number;
  /** The truth. */
  readonly actual_ms: number;
  readonly batch_key: string;
  /** Memory on top of the model's own while it runs. */
  readonly act_mb: number;
}

export interface TracedModel {
  readonly kind: string;
  readonly vram_mb: number;
  readonly file_mb: number;
  /** From the disk, and from the system's cache of files. */
  readonly load_ms: number;
  readonly warm_ms: number;
  readonly unload_ms: number;
  readonly batch_max: number;
  readonly batch_cost: number;
  readonly typ_ms: number;
}

export interface TracedWorker {
  readonly id: string;
  readonly vram_mb: number;
  readonly page_cache_mb: number;
  readonly speed: number;
  readonly load_scale: number;
  readonly models: readonly string[];
}

export interface TracedFleet {
  readonly models: Readonly<Record<string, TracedModel>>;
  readonly workers: readonly TracedWorker[];
}

export interface Trace {
  readonly header: Readonly<Record<string, unknown>> & { readonly seed: string };
  readonly jobs: readonly TracedJob[];
  readonly fleet: TracedFleet;
}

/** Its first jobs: the same morning, as far as it goes. */
export const firstJobs = (trace: Trace, count: number): Trace => ({
  ...trace,
  jobs: trace.jobs.slice(0, count),
});

/** Kinds of which several can share an engine call; the runtime lets no others. */
const SHARING = new Set(['image', 'video', 'tts', 'audio']);

/** With a fleet that shares calls as the runtime does, so that both sides play by the same rules. */
export const asServed = ({ fleet, ...trace }: Trace): Trace => ({
  ...trace,
  fleet: {
    ...fleet,
    models: Object.fromEntries(
      Object.entries(fleet.models).map(([id, model]) => [
        id,
        SHARING.has(model.kind) ? model : { ...model, batch_max: 1, batch_cost: 1 },
      ]),
    ),
  },
});
