// A worker's agent without engines, as far as the charts can tell. Only tests load this.
import type { ActorEvent } from './contract/events.ts';
import type { WorkerOrder } from './contract/worker-protocol.ts';
import { output } from './job/testing.ts';

export type Report = 'run.finished' | 'run.failed' | 'run.cancelled';
interface Attempt {
  readonly job: string;
  readonly attempt: number;
  readonly model: string;
  readonly started: boolean;
  /** How it ended; repeated until it is settled. */
  readonly report: Report | null;
}

/** What `adapters/worker` does, without the engines: obeys orders in turn, keeps ends until settled. */
export class Agent {
  readonly id: string;
  boot = 1;
  isConnected = false;
  readonly orders: WorkerOrder[] = [];
  readonly attempts = new Map<string, Attempt>();
  readonly loading: string[] = [];
  loaded: string[] = [];
  /** Frames that have left and not arrived. */
  readonly frames: ActorEvent[] = [];

  constructor(id: string) {
    this.id = id;
  }

  get epoch(): string {
    return `${this.id}-${this.boot}`;
  }

  set(attempt: Attempt): void {
    this.attempts.set(`${attempt.job} ${attempt.attempt}`, attempt);
  }

  say(event: object): void {
    if (this.isConnected)
      this.frames.push({ ...event, epoch: this.epoch } as unknown as ActorEvent);
  }

  sayEnd({ job, attempt, report }: Pick<Attempt, 'job' | 'attempt' | 'report'>): void {
    const failure = { code: 'engineError', message: 'It broke.' };
    const rest = { 'run.finished': { outputs: [output], runMs: 5 }, 'run.failed': failure };
    if (report) this.say({ type: report, job, attempt, ...rest[report as keyof typeof rest] });
  }

  /** True when an order to run was taken: its acknowledgement goes to the job. */
  obey(order: WorkerOrder): boolean {
    if (order.type === 'load') {
      // One model at a time, as on a small card.
      const evicted = this.loaded.filter((each) => each !== order.model);
      this.loaded = this.loaded.filter((each) => each === order.model);
      for (const model of evicted) this.say({ type: 'model.unloaded', model });
      this.loading.push(order.model);
    }
    if (order.type !== 'run' && order.type !== 'cancel') return false;
    const { job, attempt } = order;
    const known = this.attempts.get(`${job} ${attempt}`);
    if (order.type === 'run') {
      if (known?.report) this.sayEnd(known);
      else if (!known) this.set({ job, attempt, model: order.model, started: false, report: null });
      return true;
    }
    const report = known?.report ?? 'run.cancelled';
    if (known) this.set({ ...known, report });
    this.sayEnd({ job, attempt, report });
    return false;
  }

  crash(): void {
    this.hangUp();
    this.boot += 1;
    this.attempts.clear();
    this.loading.length = 0;
    this.loaded = [];
  }

  hangUp(): void {
    this.isConnected = false;
    this.frames.length = 0;
  }
}
