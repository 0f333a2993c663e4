// Virtual time. Everything that happens is an event in one heap; between two events everything that is
// ready runs to its end. Events of the same moment come in drawn order, never in that of insertion.
import type { Random } from './random.ts';

/** Whose memory an event needs: gone when it is killed, late when it is paused. */
export class Owner {
  readonly name: string;
  isAlive = true;
  pausedUntil = 0;

  constructor(name: string) {
    this.name = name;
  }
}

interface Happening {
  at: number;
  /** When it was due before its owner was paused: what waited for the same moment keeps its order. */
  readonly dueAt: number;
  readonly tie: number;
  readonly owner: Owner | null;
  readonly what: string;
  readonly run: () => void;
}

const isBefore = (one: Happening, other: Happening): boolean =>
  one.at !== other.at
    ? one.at < other.at
    : one.dueAt !== other.dueAt
      ? one.dueAt < other.dueAt
      : one.tie < other.tie;

/** Node drains microtasks between two immediates of one turn of the event loop, so they go in packs. */
const PACK = 256;

export class Scheduler {
  now: number;
  /** Events that ran. */
  count = 0;
  readonly #random: Random;
  readonly #heap: Happening[] = [];
  readonly #told: (at: number, who: string, what: string) => void;

  constructor(
    now: number,
    random: Random,
    told: (at: number, who: string, what: string) => void = () => undefined,
  ) {
    this.now = now;
    this.#random = random;
    this.#told = told;
  }

  get size(): number {
    return this.#heap.length;
  }

  after(delayMs: number, owner: Owner | null, what: string, run: () => void): void {
    const at = this.now + Math.max(0, delayMs);
    this.#push({ at, dueAt: at, tie: this.#random.next(), owner, what, run });
  }

  /** Ends a pause early. What waited for its end comes now, before whatever is due later. */
  resume(owner: Owner): void {
    owner.pausedUntil = 0;
    for (const item of this.#heap.splice(0)) {
      if (item.owner === owner) item.at = Math.max(this.now, item.dueAt);
      this.#push(item);
    }
  }

  /** Nobody looks while time passes; what was due meanwhile is late. */
  jump(ms: number): void {
    this.now += ms;
  }

  /** Runs events until there are none, or until told to stop. */
  run(isOver: () => boolean): Promise<void> {
    return new Promise((resolve, reject) => {
      let pack = 0;
      let isDone = false;
      const next = (): void => {
        pack--;
        if (isDone) return;
        try {
          if (isOver() || !this.#step()) {
            isDone = true;
            return resolve();
          }
        } catch (error) {
          isDone = true;
          return reject(error);
        }
        if (pack > 0) return;
        pack = PACK;
        for (let n = 0; n < PACK; n++) setImmediate(next);
      };
      pack = 1;
      setImmediate(next);
    });
  }

  /** @returns false when nothing is left to do */
  #step(): boolean {
    for (;;) {
      const next = this.#pop();
      if (!next) return false;
      const { owner, what, run } = next;
      if (owner && !owner.isAlive) continue;
      if (owner && owner.pausedUntil > Math.max(this.now, next.at)) {
        next.at = owner.pausedUntil;
        this.#push(next);
        continue;
      }
      this.now = Math.max(this.now, next.at);
      this.count++;
      this.#told(this.now, owner?.name ?? '', what);
      run();
      return true;
    }
  }

  #push(item: Happening): void {
    const heap = this.#heap;
    let hole = heap.length;
    heap.push(item);
    while (hole > 0) {
      const parent = (hole - 1) >> 1;
      if (!isBefore(item, heap[parent]!)) break;
      heap[hole] = heap[parent]!;
      hole = parent;
    }
    heap[hole] = item;
  }

  #pop(): Happening | undefined {
    const heap = this.#heap;
    const top = heap[0];
    const last = heap.pop();
    if (!top || !last || heap.length === 0) return top;
    let hole = 0;
    for (;;) {
      let child = 2 * hole + 1;
      if (child >= heap.length) break;
      if (child + 1 < heap.length && isBefore(heap[child + 1]!, heap[child]!)) child++;
      if (!isBefore(heap[child]!, last)) break;
      heap[hole] = heap[child]!;
      hole = child;
    }
    heap[hole] = last;
    return top;
  }
}
