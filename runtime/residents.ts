// Actors kept in memory between turns: least recently used first out. What is here is what was last
// committed by this runtime; a lost compare-and-set evicts it.
import type { Store } from '../db/store.ts';
import { quotaRef, refKey, workerRef, type ActorRef } from '../machines/contract/ids.ts';
import { restore, type Actor } from './actor.ts';
import type { Mail } from './mailbox.ts';

/** Thrown by a read: load the actor, then compute the turn again. */
export class NotResident extends Error {
  readonly ref: ActorRef;
  constructor(ref: ActorRef) {
    super(`${refKey(ref)} is not in memory.`);
    this.ref = ref;
  }
}

export class Residents {
  readonly #store: Store;
  readonly #actorsMax: number;
  readonly #actors = new Map<string, Actor>();
  /** Known not to exist, until the end of the batch. */
  readonly #absent = new Set<string>();

  constructor(store: Store, actorsMax: number) {
    this.#store = store;
    this.#actorsMax = actorsMax;
  }

  get size(): number {
    return this.#actors.size;
  }

  /** The actors that an event is about to need, so that one query fetches them for the batch. */
  static wantedBy(mail: Mail): ActorRef[] {
    const { to, event } = mail;
    // A new job's id is made for it, so it is taken to be new; if it is not, its insert is lost.
    const own = event.type === 'job.submitRequested' && mail.tries === 0 ? [] : [to];
    const quota = to.kind === 'job' ? [quotaRef(to.accountId)] : [];
    const worker = event.type === 'job.dispatched' ? [workerRef(event.worker)] : [];
    return [...own, ...quota, ...worker];
  }

  async load(refs: readonly ActorRef[]): Promise<void> {
    const missing = new Map<string, ActorRef>();
    for (const ref of refs) {
      const key = refKey(ref);
      if (!this.#actors.has(key) && !this.#absent.has(key)) missing.set(key, ref);
    }
    if (missing.size === 0) return;
    for (const row of await this.#store.load([...missing.values()])) {
      const key = refKey(row.ref);
      missing.delete(key);
      try {
        this.#actors.set(key, restore(row));
      } catch {
        // Written by newer code, or damaged: this runtime leaves it alone, another one may run it.
        this.#actors.set(key, { ...placeholder, ref: row.ref, key, revision: row.revision });
      }
    }
    for (const key of missing.keys()) this.#absent.add(key);
  }

  /** Null when the actor does not exist. */
  read(ref: ActorRef, isTakenToBeNew: boolean): Actor | null {
    const key = refKey(ref);
    const actor = this.#actors.get(key);
    if (actor) {
      this.#actors.delete(key);
      this.#actors.set(key, actor);
      return actor;
    }
    if (isTakenToBeNew || this.#absent.has(key)) return null;
    throw new NotResident(ref);
  }

  put(actor: Actor): void {
    this.#absent.delete(actor.key);
    this.#actors.delete(actor.key);
    this.#actors.set(actor.key, actor);
  }

  evict(keys: Iterable<string>): void {
    for (const key of keys) this.#actors.delete(key);
  }

  endBatch(): void {
    this.#absent.clear();
    for (const key of this.#actors.keys()) {
      if (this.#actors.size <= this.#actorsMax) break;
      this.#actors.delete(key);
    }
  }
}

const placeholder = { snapshot: null as never, timers: {}, parked: true };
