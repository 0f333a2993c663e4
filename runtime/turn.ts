// The turn: event -> transition(machine, snapshot, event) -> [snapshot', actions] -> one commit.
//
// Events wait in the mailbox. One writer takes whatever arrived during the last commit, computes every
// turn in memory and commits them together. Nothing leaves before its commit: answers, commands and
// live updates all follow from it. The compare-and-set on `revision` is the only safety; that actors
// stay in memory is an optimisation.
import { StoreUnavailable, UnknownOutcome, type Lease, type Store } from '../db/store.ts';
import type { ActorEvent } from '../machines/contract/events.ts';
import { refKey, type ActorRef } from '../machines/contract/ids.ts';
import type { Clock, Ids } from './clock.ts';
import { rowsOf, type Component } from './component.ts';
import { compute } from './compute.ts';
import { Mailbox, Overloaded, type Mail, type Outcome } from './mailbox.ts';
import { lookUp } from './recovery.ts';
import type { Residents } from './residents.ts';

const MAILBOX_MAX = 10_000;
/** Large enough to fill a commit, small enough that its transitions take about 10 ms. */
const BATCH_MAX = 256;
const TRIES_MAX = 8;

export interface PostOptions {
  readonly timer?: NonNullable<Mail['timer']>;
  /** The turn may commit only while this lease is held. */
  readonly fence?: Lease;
}

export interface TurnSeams {
  readonly store: Store;
  readonly clock: Clock;
  readonly ids: Ids;
  readonly residents: Residents;
  /** Called once per committed component, before its callers are answered. */
  readonly committed: (component: Component) => void;
  readonly log: (message: string) => void;
}

export class Turns {
  readonly #mailbox = new Mailbox(MAILBOX_MAX);
  readonly #seams: TurnSeams;
  #running: Promise<void> | null = null;

  constructor(seams: TurnSeams) {
    this.#seams = seams;
  }

  /** Resolves after the commit. Rejects with `Overloaded`, `Parked`, `Poison` or `StoreUnavailable`. */
  post(to: ActorRef, event: ActorEvent, options: PostOptions = {}): Promise<Outcome> {
    return new Promise((settle, fail) => {
      this.#mailbox.put({ to, event, ...options, settle, fail, tries: 0, doubts: [] });
      this.#running ??= this.#run();
    });
  }

  /** Resolves when nothing is waiting and nothing is being committed. */
  async idle(): Promise<void> {
    while (this.#running) await this.#running;
  }

  async #run(): Promise<void> {
    await Promise.resolve(); // what is posted in the same tick shares the commit
    while (this.#mailbox.size > 0) {
      const mails = this.#mailbox.take(BATCH_MAX);
      try {
        const batch = await compute(mails, this.#seams);
        await this.#commit([...batch.components]);
      } catch (error) {
        await this.#tryAgain(mails, error as Error);
      }
      this.#seams.residents.endBatch();
    }
    // In the same step as the last look into the mailbox, so that no event is left lying.
    this.#running = null;
  }

  async #commit(components: readonly Component[]): Promise<void> {
    const { residents, committed } = this.#seams;
    const writing = components.filter((each) => !each.isEmpty);
    const lost = writing.length > 0 ? await this.#write(writing) : new Set<Component>();
    for (const component of components) {
      if (lost.has(component)) continue;
      for (const { after } of component.turned.values()) residents.put(after);
      residents.evict(component.parked.map(({ ref }) => refKey(ref)));
      committed(component);
      for (const mail of component.mails)
        if (mail.failure) mail.fail(mail.failure);
        else mail.settle(mail.outcome!);
    }
    for (const component of lost) residents.evict(component.touched);
    const mails = [...lost].flatMap((component) => component.mails);
    if (mails.length > 0)
      await this.#tryAgain(mails, new Overloaded('Others changed this too often.'));
  }

  /** @returns the components that were not written */
  async #write(components: readonly Component[]): Promise<Set<Component>> {
    const { store, clock, ids } = this.#seams;
    const batchId = ids.uuid();
    try {
      const { at, lost } = await store.commit(rowsOf(components, batchId));
      clock.sync(at);
      return new Set(lost.map((index) => components[index]!));
    } catch (error) {
      if (error instanceof UnknownOutcome) return lookUp(store, clock, batchId, components);
      if (error instanceof StoreUnavailable || components.length === 1) throw error;
      return this.#writeOneByOne(components);
    }
  }

  /** The store refused the batch for a reason that retrying cannot mend: find whose fault it is. */
  async #writeOneByOne(components: readonly Component[]): Promise<Set<Component>> {
    const lost = new Set<Component>();
    for (const component of components) {
      const own = await this.#write([component]).catch((error: Error) => {
        for (const mail of component.mails) mail.cause = error;
        return [component];
      });
      for (const each of own) lost.add(each);
    }
    return lost;
  }

  async #tryAgain(mails: readonly Mail[], error: Error): Promise<void> {
    const { clock, ids, log } = this.#seams;
    log(`${mails.length} events are tried again: ${error.message}`);
    const again = mails.filter((mail) => ++mail.tries < TRIES_MAX);
    for (const mail of mails) if (mail.tries >= TRIES_MAX) mail.fail(mail.cause ?? error);
    this.#mailbox.putBack(again);
    const pauseMs = error instanceof StoreUnavailable ? 500 : 2 ** (again[0]?.tries ?? 0);
    await clock.sleep(pauseMs * ids.random());
  }
}
