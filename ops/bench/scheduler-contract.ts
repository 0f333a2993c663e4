// What the scheduling evaluator says to a policy, as far as the adapter listens.
import type { Plan } from '../../machines/contract/events.ts';

export interface Job {
  readonly id: number;
  readonly t: number;
  readonly user: string;
  readonly tier: Plan;
  readonly model: string;
  readonly est_ms: number;
  readonly batch_key: string;
}

export interface WorkerView {
  readonly id: string;
  readonly speed: number;
  readonly resident: string[];
  readonly state: 'idle' | 'load' | 'exec';
  readonly model: string | null;
  readonly eta: number;
  readonly jobs: readonly Job[];
}

export interface View {
  readonly workers: readonly WorkerView[];
  loadMs(worker: WorkerView, model: string): number;
  canRun(worker: WorkerView, job: Job): boolean;
  canBatch(worker: WorkerView, jobs: readonly Job[]): boolean;
}

export interface Model {
  readonly batch_max: number;
  readonly batch_cost: number;
  readonly vram_mb: number;
  readonly load_ms: number;
  /** Its file is still in the page cache. */
  readonly warm_ms: number;
}

export interface Fleet {
  readonly models: Record<string, Model>;
  readonly workers: readonly {
    readonly id: string;
    readonly models: readonly string[];
    readonly vram_mb: number;
    readonly load_scale: number;
  }[];
}

export interface Policy {
  readonly name: string;
  onSubmit(job: Job, now: number, view: View): void;
  onIdle(worker: WorkerView, now: number, view: View): { run: number[] } | null;
  onDone(
    done: { readonly jobs: readonly Job[]; readonly exec_ms: number },
    now: number,
    view: View,
  ): void;
}

export interface Trace {
  readonly header: { readonly family: string; readonly rho: number };
  readonly fleet: Fleet;
  readonly jobs: readonly (Job & { readonly actual_ms: number })[];
}

/** Of the evaluator's modules, what is used here. */
export interface Evaluator {
  readTrace(file: string): Trace;
  simulate(
    fleet: Fleet,
    trace: Trace,
    createPolicy: (fleet: Fleet) => Policy,
  ): { readonly rec: readonly { readonly start: number }[] };
}
