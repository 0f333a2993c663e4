// What operators have paused, as last read: the dispatcher gives none of it away, and people are told. Read
// before anything is given out, and then twice a second; what cannot be read now is as it was.
import type { Plan } from '../machines/contract/events.ts';
import type { Pause, PauseTarget } from '../machines/contract/pauses.ts';
import type { FleetWorker, WaitingQueue } from '../machines/scheduling/policy.ts';
import type { Clock } from './clock.ts';
import { oneAtATime } from './one-at-a-time.ts';

const LOOK_MS = 500;

export type ReadPauses = () => Promise<readonly Pause[]>;

interface Seams {
  readonly read: ReadPauses;
  readonly clock: Clock;
  /** Something is paused, or goes on. */
  readonly changed: () => void;
  readonly log: (message: string) => void;
}

const keyOf = ({ scope, name }: PauseTarget): string => `${scope} ${name}`;

export class Pauses {
  readonly #seams: Seams;
  readonly #stop = new AbortController();
  #all: readonly Pause[] = [];
  #keys: ReadonlySet<string> = new Set();
  #loop: Promise<void> = Promise.resolve();

  constructor(seams: Seams) {
    this.#seams = seams;
  }

  get all(): readonly Pause[] {
    return this.#all;
  }

  get isNothing(): boolean {
    return this.#all.length === 0;
  }

  get isEverything(): boolean {
    return this.#keys.has('queue ');
  }

  /** The whole queue is asked for apart: this is what a name of its own covers. */
  has(scope: 'model' | 'plan' | 'worker', name: string): boolean {
    return this.#keys.has(`${scope} ${name}`);
  }

  /** Whatever worker there may be, such a job is not given out. */
  holdsBack({ model, plan }: { readonly model: string; readonly plan: Plan }): boolean {
    return this.isEverything || this.has('model', model) || this.has('plan', plan);
  }

  /** The workers as the policy may see them. */
  fleet(workers: readonly FleetWorker[]): readonly FleetWorker[] {
    if (this.isNothing) return workers;
    return workers
      .filter(({ id }) => !this.has('worker', id))
      .map((worker) => ({
        ...worker,
        models: new Map([...worker.models].filter(([model]) => !this.has('model', model))),
      }));
  }

  /** What waits, as the policy may see it. */
  queue(queue: WaitingQueue): WaitingQueue {
    if (this.isNothing) return queue;
    const stocks = [...queue.stocks].map(({ model, failedOn, lines }) => ({
      ...{ model, failedOn },
      lines: [...lines].filter(({ plan }) => !this.has('plan', plan)),
    }));
    const { size, takes } = queue;
    return { size, takes, stocks, servedMs: (id, now) => queue.servedMs(id, now) };
  }

  async start(): Promise<void> {
    await this.runOnce();
    this.#loop = this.#run();
  }

  async #run(): Promise<void> {
    const { clock, log } = this.#seams;
    const { signal } = this.#stop;
    while (!signal.aborted) {
      await clock.sleep(LOOK_MS, signal);
      if (!signal.aborted)
        await this.runOnce().catch((error: Error) => log(`pauses: ${error.message}`));
    }
  }

  /** Whoever asks sees what was paused when they asked. */
  readonly runOnce = oneAtATime(() => this.#read());

  async #read(): Promise<void> {
    const all = await this.#seams.read();
    const keys = new Set(all.map(keyOf));
    const isNews = keys.size !== this.#keys.size || [...keys].some((key) => !this.#keys.has(key));
    [this.#all, this.#keys] = [all, keys];
    if (isNews) this.#seams.changed();
  }

  async stop(): Promise<void> {
    this.#stop.abort();
    await this.#loop;
  }
}
