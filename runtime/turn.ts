// The turn: event -> transition(machine, snapshot, event) -> [snapshot', actions] -> one commit.
//
// Events wait in the mailbox. One writer computes their turns in memory and commits them together; while
// a commit is in flight it computes the next batch, on top of what is being written. Nothing leaves before
// its commit: answers, commands and live updates all follow from it. The compare-and-set on `revision` is
// the only safety; that actors stay in memory, and that batches overlap, is an optimisation.
import { StoreUnavailable, UnknownOutcome, type CommitResult, type Store } from '../db/store.ts';
import type { ActorEvent } from '../machines/contract/events.ts';
import { refKey, type ActorRef } from '../machines/contract/ids.ts';
import { Batch, rowsOf } from './batch.ts';
import type { Clock, Ids } from './clock.ts';
import type { Component } from './component.ts';
import { compute, type Assigner } from './compute.ts';
import { Mailbox, Overloaded, type Mail, type Outcome } from './mailbox.ts';
import { lookUp } from './recovery.ts';
import type { Residents } from './residents.ts';

const MAILBOX_MAX = 10_000;
/** Computed in a few milliseconds: then a store that is idle gets to work. */
const CHUNK_MAX = 128;
/** Large enough to fill a commit, small enough that a lost one is soon made good. */
const BATCH_MAX = 256;
const TRIES_MAX = 8;

export interface TurnSeams {
  readonly store: Store;
  readonly clock: Clock;
  readonly ids: Ids;
  readonly residents: Residents;
  readonly assigner: Assigner;
  /** Called once per committed component, before its callers are answered. */
  readonly committed: (component: Component) => void;
  /** The part of the stream that a commit wrote. */
  readonly published: (range: NonNullable<CommitResult['published']>) => void;
  readonly log: (message: string) => void;
}

/** Events that were not applied, and why. */
interface Failure {
  readonly components: readonly Component[];
  readonly mails: readonly Mail[];
  readonly error: Error;
}

interface Flight {
  isOver: boolean;
  /** Null: all of it is written. Never rejects. */
  readonly landed: Promise<Failure | null>;
}

const mailsOf = (components: Iterable<Component>): Mail[] =>
  [...components].flatMap(({ mails }) => mails);

const NO_FLIGHT: Flight = { isOver: true, landed: Promise.resolve(null) };

export class Turns {
  readonly #mailbox = new Mailbox(MAILBOX_MAX);
  readonly #seams: TurnSeams;
  #running: Promise<void> | null = null;
  #isNudged = false;

  constructor(seams: TurnSeams) {
    this.#seams = seams;
  }

  /** Resolves after the commit. Rejects with `Overloaded`, `Parked`, `Poison` or `StoreUnavailable`. */
  post(to: ActorRef, event: ActorEvent, options: Pick<Mail, 'timer'> = {}): Promise<Outcome> {
    return new Promise((settle, fail) => {
      this.#mailbox.put({ to, event, ...options, settle, fail, tries: 0, doubts: [] });
      this.#running ??= this.#run();
    });
  }

  /** There may be work to assign, though no event says so. */
  nudge(): void {
    this.#isNudged = true;
    this.#mailbox.wake();
    this.#running ??= this.#run();
  }

  /** Resolves when nothing is waiting and nothing is being committed. */
  async idle(): Promise<void> {
    while (this.#running) await this.#running;
  }

  async #run(): Promise<void> {
    let batch = new Batch(null);
    let flight = NO_FLIGHT;
    for (;;) {
      const failures = [await this.#fill(batch, flight), await flight.landed];
      if (failures.some((failure) => failure !== null)) {
        // What was computed on top of it may never have been so.
        this.#withdraw(batch);
        for (const failure of failures) if (failure) await this.#tryAgain(failure);
        [batch, flight] = [new Batch(null), NO_FLIGHT];
        continue;
      }
      batch.previousIsCommitted();
      if (batch.size > 0) {
        flight = this.#send(batch);
        batch = new Batch(batch);
      } else if (this.#mailbox.size === 0 && !this.#isNudged) break;
    }
    // In the same step as the last look into the mailbox, so that no event is left lying.
    this.#running = null;
  }

  /** Computes what has arrived, and while a flight is under way what arrives until it has landed. */
  async #fill(batch: Batch, flight: Flight): Promise<Failure | null> {
    while (batch.size < BATCH_MAX) {
      await this.#seams.clock.sleep(0); // what is ready now shares the commit; the store's answer gets in
      const mails = this.#mailbox.take(CHUNK_MAX);
      if (mails.length > 0 || this.#isNudged) {
        this.#isNudged = false;
        try {
          await compute(mails, batch, this.#seams);
        } catch (error) {
          const computed = new Set(mailsOf(batch.components));
          const left = mails.filter((mail) => !computed.has(mail));
          return { components: [], mails: left, error: error as Error };
        }
      }
      if (flight.isOver) break;
      if (this.#mailbox.size === 0) await Promise.race([flight.landed, this.#mailbox.filled()]);
    }
    return null;
  }

  #send(batch: Batch): Flight {
    const flight: Flight = {
      isOver: false,
      landed: this.#commit([...batch.components]).finally(() => (flight.isOver = true)),
    };
    return flight;
  }

  async #commit(components: readonly Component[]): Promise<Failure | null> {
    const { residents, committed } = this.#seams;
    let error: Error = new Overloaded('Others changed this too often.');
    const lost = await this.#write(components).catch((refused: Error) => {
      error = refused;
      return new Set(components);
    });
    for (const component of components) {
      if (lost.has(component)) continue;
      for (const { after } of component.turned.values()) residents.put(after);
      residents.evict(component.parked.map(({ ref }) => refKey(ref)));
      committed(component);
      for (const mail of component.mails)
        if (mail.failure) mail.fail(mail.failure);
        else mail.settle(mail.outcome!);
    }
    for (const component of lost) residents.evict(component.reads.keys());
    residents.endBatch();
    return lost.size === 0 ? null : { components: [...lost], mails: mailsOf(lost), error };
  }

  /** @returns the components that were not written */
  async #write(components: readonly Component[]): Promise<Set<Component>> {
    const { store, clock, ids, published } = this.#seams;
    const batchId = ids.uuid();
    try {
      const result = await store.commit(rowsOf(components, batchId));
      clock.sync(result.at);
      if (result.published) published(result.published);
      return new Set(result.lost.map((index) => components[index]!));
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

  /** Computed and not sent: the events go back, what was assigned is decided anew. */
  #withdraw(batch: Batch): void {
    this.#seams.assigner.withdrawn([...batch.components]);
    const mails = mailsOf(batch.components);
    this.#mailbox.putBack(mails.filter(({ fence }) => !fence));
    const error = new Overloaded('What it was computed on did not come about.');
    for (const mail of mails) if (mail.fence) mail.fail(error);
  }

  async #tryAgain({ components, mails, error }: Failure): Promise<void> {
    const { clock, ids, log, assigner } = this.#seams;
    assigner.withdrawn(components);
    log(`${mails.length} events are tried again: ${error.message}`);
    const again: Mail[] = [];
    for (const mail of mails) {
      mail.tries += 1;
      // An assignment is not repeated: it was decided on a view that no longer holds.
      if (mail.fence || mail.tries >= TRIES_MAX) mail.fail(mail.cause ?? error);
      else again.push(mail);
    }
    this.#mailbox.putBack(again);
    const pauseMs = error instanceof StoreUnavailable ? 500 : 2 ** (again[0]?.tries ?? 0);
    await clock.sleep(pauseMs * ids.random());
  }
}
