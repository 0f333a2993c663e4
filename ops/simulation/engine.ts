// The simulated engines of one GPU: loads and runs in the order they were ordered, and room made for what is
// to be loaded, as the real arbiter does. But nobody here keeps to the number of slots: that is the runtime's promise, and counted.
import type { FailureCode } from '../../machines/contract/failures.ts';
import type { Random } from './random.ts';
import type { Owner } from './scheduler.ts';
import type { World } from './world.ts';

export type Ending = 'finished' | 'cancelled' | { readonly code: FailureCode };

export interface Run {
  readonly key: string;
  /** The engine call: its own, or the one that it shares with others. */
  readonly call: string;
  readonly model: string;
  readonly timeLimitMs: number;
  readonly isPoisonous: boolean;
  readonly started: () => void;
  readonly ended: (how: Ending, runMs: number) => void;
}

interface Running {
  readonly run: Run;
  readonly stop: (how: Ending) => void;
  /** The runtime was told that it ended, and need not wait until it has really stopped. */
  isForgotten: boolean;
}

export interface EngineEvents {
  loaded(model: string, loadMs: number): void;
  loadFailed(model: string): void;
  unloaded(model: string): void;
  /** It took the whole worker down. */
  crashed(): void;
  /** So many calls at once. */
  running(count: number): void;
}

type Order =
  | { readonly kind: 'load' | 'unload'; readonly model: string }
  | { readonly kind: 'run'; readonly model: string; readonly run: Run };

const FAILURES: readonly FailureCode[] = [
  'outOfMemory',
  'engineCrashed',
  'engineUnreachable',
  'engineError',
  'outputInvalid',
  'invalidInput',
  'unsupported',
];

export class SimulatedEngine {
  readonly #world: World;
  readonly #owner: Owner;
  readonly #random: Random;
  readonly #events: EngineEvents;
  readonly loaded: string[] = [];
  /** Models that fit at once. */
  readonly #room: number;
  #queue: Order[] = [];
  #isChanging = false;
  /** By the run's key: when it began, and how to stop it. */
  readonly #running = new Map<string, Running>();

  constructor(world: World, owner: Owner, random: Random, room: number, events: EngineEvents) {
    this.#world = world;
    this.#room = room;
    this.#owner = owner;
    this.#random = random;
    this.#events = events;
  }

  order(kind: 'load' | 'unload', model: string): void {
    this.#queue.push({ kind, model });
    this.#pump();
  }

  run(run: Run): void {
    this.#queue.push({ kind: 'run', model: run.model, run });
    this.#pump();
  }

  /**
   * Takes it out of the queue, or stops it; an engine may take its time over that.
   * @returns false when nothing of it is here
   */
  cancel(key: string): boolean {
    const waiting = this.#queue.find((order) => order.kind === 'run' && order.run.key === key);
    if (waiting?.kind === 'run') {
      this.#queue = this.#queue.filter((order) => order !== waiting);
      waiting.run.ended('cancelled', 0);
      this.#pump();
      return true;
    }
    const running = this.#running.get(key);
    if (!running) return false;
    const ignores = this.#world.befalls('engineIgnoresCancel', this.#random, this.#owner.name);
    const delayMs = ignores ? this.#random.between(1_000, 10_000) : this.#random.between(1, 50);
    if (ignores) this.#world.seen('An engine takes its time over a cancel.');
    this.#world.scheduler.after(delayMs, this.#owner, 'stops a run', () =>
      running.stop('cancelled'),
    );
    return true;
  }

  /** As `cancel`, for a run that nobody waits for any more. */
  forget(key: string): void {
    const running = this.#running.get(key);
    if (running) running.isForgotten = true;
    this.cancel(key);
  }

  #pump(): void {
    while (!this.#isChanging) {
      const isThere = (model: string) => this.loaded.includes(model);
      const next = this.#queue.find(({ kind, model }) => kind !== 'run' || isThere(model));
      if (!next) {
        // Its model had to make room for another since it was ordered.
        const [waiting] = this.#queue;
        if (!waiting) return;
        this.#change('load', waiting.model);
        return;
      }
      if (next.kind === 'unload' && this.#isBusy(next.model)) return;
      if (next.kind === 'load' && !isThere(next.model) && this.loaded.length >= this.#room) {
        const evicted = this.loaded.find((model) => !this.#isBusy(model));
        if (evicted !== undefined) this.#change('unload', evicted);
        return;
      }
      this.#queue = this.#queue.filter((order) => order !== next);
      if (next.kind === 'run') this.#begin(next.run);
      else this.#change(next.kind, next.model);
    }
  }

  #isBusy(model: string): boolean {
    return [...this.#running.values()].some(({ run }) => run.model === model);
  }

  #change(kind: 'load' | 'unload', model: string): void {
    this.#isChanging = true;
    const isThere = this.loaded.includes(model);
    const takesMs = isThere === (kind === 'load') ? 1 : this.#random.logarithmic(20, 2_000);
    this.#world.scheduler.after(takesMs, this.#owner, `${kind}s ${model}`, () => {
      this.#isChanging = false;
      const fails =
        kind === 'load' &&
        !isThere &&
        this.#world.befalls('loadFails', this.#random, this.#owner.name);
      if (isThere && kind === 'unload') this.loaded.splice(this.loaded.indexOf(model), 1);
      if (!isThere && kind === 'load' && !fails) this.loaded.push(model);
      if (kind === 'unload') this.#events.unloaded(model);
      else if (fails) this.#giveUp(model);
      else this.#events.loaded(model, takesMs);
      this.#pump();
    });
  }

  #giveUp(model: string): void {
    this.#events.loadFailed(model);
    const doomed = this.#queue.filter((order) => order.kind === 'run' && order.model === model);
    this.#queue = this.#queue.filter((order) => !doomed.includes(order));
    for (const order of doomed)
      if (order.kind === 'run') order.run.ended({ code: 'modelLoadFailed' }, 0);
  }

  #begin(run: Run): void {
    const { scheduler } = this.#world;
    const startedAt = scheduler.now;
    let isOver = false;
    const stop = (how: Ending): void => {
      if (isOver) return;
      isOver = true;
      this.#running.delete(run.key);
      run.ended(how, scheduler.now - startedAt);
      this.#pump();
    };
    this.#running.set(run.key, { run, stop, isForgotten: false });
    const { name } = this.#owner;
    const counted = [...this.#running.values()].filter(
      (each) => !each.isForgotten && !this.#world.auditor.isUnclaimed(name, each.run.key),
    );
    this.#events.running(new Set(counted.map(({ run: { call } }) => call)).size);
    run.started();
    const { how, afterMs } = this.#fate(run);
    scheduler.after(Math.min(afterMs, run.timeLimitMs), this.#owner, 'engine', () => {
      if (isOver) return;
      if (how === 'crash') return this.#events.crashed();
      stop(afterMs > run.timeLimitMs ? { code: 'timedOut' } : how);
    });
  }

  #fate(run: Run): { how: Ending | 'crash'; afterMs: number } {
    const random = this.#random;
    const afterMs = random.logarithmic(30, 6_000);
    if (run.isPoisonous) return { how: 'crash', afterMs: random.between(1, 500) };
    if (this.#world.befalls('engineHangs', random, this.#owner.name))
      return { how: 'finished', afterMs: Infinity };
    // Somebody beside the GPU stops it, whom nobody had asked to.
    if (this.#world.befalls('runGivenBack', random, this.#owner.name))
      return { how: 'cancelled', afterMs };
    if (this.#world.befalls('engineFails', random, this.#owner.name))
      return { how: { code: random.pick(FAILURES) }, afterMs };
    return { how: 'finished', afterMs };
  }
}
