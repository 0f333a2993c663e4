// Test equipment: a short, complete life of two runtimes on one store, and the people and the worker who
// use them and do not give up. Whatever single thing goes wrong on the way, it has to end the same.
import { MemoryStore } from '../db/memory-store.ts';
import { type Store, StoreUnavailable, UnknownOutcome } from '../db/store.ts';
import type { ActorEvent } from '../machines/contract/events.ts';
import { jobRef } from '../machines/contract/ids.ts';
import type { Ids } from './clock.ts';
import { makeCore, type Core } from './core.ts';
import { Overloaded } from './mailbox.ts';
import { everyFileIsStored, ManualClock, spec } from './testing.ts';

export const ACCOUNT = 'acc_a';
export const AGAIN_MS = 200;
/** A life without a fault takes 20 s; one of the late requests holds a part of it up for that long. */
const GIVE_UP_MS = 180_000;
export const LATE_MS = 7_000;

/** The same in every life, so that a fault meets the call that it was meant for. */
function plainIds(): Ids {
  let number = 0;
  const next = (prefix: string) => `${prefix}_${++number}`;
  return { make: next, uuid: () => next('uuid'), random: () => 0.5 };
}

export class SmallWorld {
  readonly clock = new ManualClock();
  readonly memory = new MemoryStore({ now: this.clock.now });
  readonly log: string[] = [];
  /** Where people and the worker find a runtime; null while none is up. */
  current: Core | null = null;
  readonly #ids = plainIds();
  #store: Store = this.memory;

  /** @param wrap puts faults around the store */
  constructor(wrap: (memory: Store, clock: ManualClock) => Store = (memory) => memory) {
    this.#store = wrap(this.memory, this.clock);
  }

  /** A process that cannot start ends, and is started again by whoever watches over it. */
  async start(runtimeId: string): Promise<Core> {
    return this.insist(async () => {
      const core = makeCore({
        ...{ runtimeId, store: this.#store, clock: this.clock, ids: this.#ids },
        isStored: everyFileIsStored,
        version: 'test',
        log: (message) => this.log.push(`${this.clock.now()} ${runtimeId}: ${message}`),
      });
      try {
        await core.start();
        return core;
      } catch (error) {
        await core.stop(); // the end of the process
        throw error;
      }
    });
  }

  /** Asks again after every error that asks for it. */
  async insist<T>(ask: () => Promise<T>): Promise<T> {
    for (;;) {
      try {
        return await ask();
      } catch (error) {
        const passes = [StoreUnavailable, UnknownOutcome, Overloaded];
        if (!passes.some((kind) => error instanceof kind)) throw error;
        await this.clock.sleep(AGAIN_MS);
      }
    }
  }

  post = (core: Core, job: string, event: ActorEvent) =>
    this.insist(() => core.turns.post(jobRef(ACCOUNT, job), event));

  submit = (core: Core, id: string, change: Parameters<typeof spec>[1] = {}) =>
    this.post(core, id, {
      type: 'job.submitRequested',
      spec: spec(id, { accountId: ACCOUNT, ...change }),
      impossible: null,
    });

  /** Waits, in store time, until it is so. */
  async until(what: string, isSo: () => boolean): Promise<void> {
    const end = this.clock.now() + GIVE_UP_MS;
    while (!isSo()) {
      if (this.clock.now() > end) throw new Error(`Never: ${what}.\n${this.log.join('\n')}`);
      await this.clock.sleep(AGAIN_MS);
    }
  }

  /** Lets time pass while the story is told. */
  async tell(story: Promise<void>): Promise<void> {
    let isOver = false;
    const end = story.finally(() => (isOver = true));
    end.catch(() => undefined); // told below
    while (!isOver) await this.clock.advance(AGAIN_MS);
    await end;
  }
}
