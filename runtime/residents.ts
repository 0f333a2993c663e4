// Actors kept in memory between turns: least recently used first out. What is here is what was last
// committed by this runtime. Another one may have committed since: the commit checks the revision of
// everything that was read, and a component that is lost is computed again from the store.
import type { Store } from '../db/store.ts';
import { quotaRef, refKey, workerRef, type ActorRef } from '../machines/contract/ids.ts';
import { isSettled, type Actor } from './actor.ts';
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
  /** Read from the store for this batch; null: there is none. */
  readonly #fresh = new Map<string, Actor | null>();
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
    if (to.kind === 'job' || to.kind === 'subscription') own.push(quotaRef(to.accountId));
    if (event.type === 'job.dispatched') own.push(workerRef(event.worker));
    return own;
  }

  has(key: string): boolean {
    return this.#actors.has(key) || this.#fresh.has(key);
  }

  async load(refs: readonly ActorRef[]): Promise<void> {
    await this.#fetch(refs.filter((ref) => !this.has(refKey(ref))));
  }

  async #fetch(refs: readonly ActorRef[]): Promise<void> {
    const missing = new Map(refs.map((ref) => [refKey(ref), ref]));
    if (missing.size === 0) return;
    const rows = await this.#store.load([...missing.values()]);
    for (const key of missing.keys()) this.#fresh.set(key, null);
    for (const row of rows) {
      const actor = this.#reader.read(row);
      this.#fresh.set(actor.key, actor);
      // One that rests is read anew each time: an operator, or newer code, may have set it going.
      if (!actor.parked) this.#keep(actor);
    }
  }

  /** Null when the actor does not exist. */
  read(ref: ActorRef, key: string, isTakenToBeNew: boolean): Actor | null {
    const actor = this.#actors.get(key);
    if (actor) return actor;
    if (isTakenToBeNew || this.#fresh.has(key)) return this.#fresh.get(key) ?? null;
    throw new NotResident(ref);
  }

  /** As it was just committed. */
  put(actor: Actor): void {
    this.#fresh.delete(actor.key);
    this.#keep(actor);
  }

  /** An actor that was used goes to the end of the line of those that may have to leave. */
  #keep(actor: Actor): void {
    const known = this.#actors.get(actor.key);
    // A read may have been under way while a newer turn was committed.
    if (known && known.revision > actor.revision) return;
    this.#actors.delete(actor.key);
    // What has ended is hardly asked for again.
    if (!isSettled(actor)) this.#actors.set(actor.key, actor);
  }

  evict(keys: Iterable<string>): void {
    for (const key of keys) {
      this.#actors.delete(key);
      this.#fresh.delete(key);
    }
  }

  endBatch(): void {
    this.#fresh.clear();
    for (const key of this.#actors.keys()) {
      if (this.#actors.size <= this.#actorsMax) break;
      this.#actors.delete(key);
    }
  }
}
