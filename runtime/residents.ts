// Actors kept in memory between turns: least recently used first out. What is here is what was last
// committed by this runtime; a lost compare-and-set evicts it.
import type { Store } from '../db/store.ts';
import { quotaRef, refKey, workerRef, type ActorRef } from '../machines/contract/ids.ts';
import type { Actor } from './actor.ts';
import type { Mail } from './mailbox.ts';
import { Reader } from './reader.ts';
import type { Registry } from './versions.ts';

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
  /** Forgotten after each batch: an operator, or a newer runtime, may have set them going. */
  readonly #resting = new Set<string>();
  readonly #reader: Reader;

  constructor(store: Store, actorsMax: number, reader = new Reader({ log: () => undefined })) {
    this.#store = store;
    this.#actorsMax = actorsMax;
    this.#reader = reader;
  }

  get registry(): Registry {
    return this.#reader.registry;
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
      const actor = this.#reader.read(row);
      this.#actors.set(key, actor);
      if (actor.parked) this.#resting.add(key);
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
    this.evict(this.#resting);
    this.#resting.clear();
    for (const key of this.#actors.keys()) {
      if (this.#actors.size <= this.#actorsMax) break;
      this.#actors.delete(key);
    }
  }
}
