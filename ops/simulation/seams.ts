// Clock and ids of one simulated runtime. Its clock runs a little wrong and follows the store's, exactly
// as `StoreClock` does: by an offset, told with each commit.
import type { Clock, Ids } from '../../runtime/clock.ts';
import type { Random } from './random.ts';
import type { Owner, Scheduler } from './scheduler.ts';

export class SimulatedClock implements Clock {
  readonly #scheduler: Scheduler;
  readonly #owner: Owner;
  readonly #rate: number;
  /** What this machine's own counter shows at virtual time 0; steps when a fault says so. */
  #ahead: number;
  #offset = 0;
  #last = 0;

  constructor(scheduler: Scheduler, owner: Owner, random: Random) {
    this.#scheduler = scheduler;
    this.#owner = owner;
    this.#rate = 1 + random.between(-2e-5, 2e-5);
    this.#ahead = random.between(-1e9, 1e9);
  }

  #counter(): number {
    return this.#scheduler.now * this.#rate + this.#ahead;
  }

  step(ms: number): void {
    this.#ahead += ms;
  }

  now(): number {
    this.#last = Math.max(this.#last, Math.floor(this.#counter() + this.#offset));
    return this.#last;
  }

  sync(storeTime: number): void {
    this.#offset = storeTime - this.#counter();
  }

  sleep(ms: number, signal?: AbortSignal): Promise<void> {
    if (signal?.aborted) return Promise.resolve();
    return new Promise((resolve) => {
      const wake = (): void => {
        signal?.removeEventListener('abort', wake);
        resolve();
      };
      signal?.addEventListener('abort', wake);
      this.#scheduler.after(ms, this.#owner, 'wakes', wake);
    });
  }
}

export class SimulatedIds implements Ids {
  readonly #random: Random;
  #number = 0;

  constructor(random: Random) {
    this.#random = random;
  }

  make(prefix: string): string {
    return `${prefix}_${this.#random.letters(16)}`;
  }

  uuid(): string {
    this.#number += 1;
    return `${this.#random.letters(12)}-${this.#number}`;
  }

  random(): number {
    return this.#random.next();
  }
}
