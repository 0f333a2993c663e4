// The turn: event -> transition(machine, snapshot, event) -> [snapshot', actions] -> one commit.
//
// Events wait in the mailbox. One writer computes their turns in memory and commits them together; while
// a commit is in flight it computes the next batch, on top of what is being written. Nothing leaves before
// its commit: answers, commands and live updates all follow from it. The compare-and-set on `revision` is
// the only safety; that actors stay in memory, and that batches overlap, is an optimisation.
import { StoreUnavailable, type CommitResult, type Store } from '../db/store.ts';
import type { ActorEvent } from '../machines/contract/events.ts';
import type { ActorRef } from '../machines/contract/ids.ts';
import { Batch } from './batch.ts';
import type { Clock, Ids } from './clock.ts';
import type { Component } from './component.ts';
import { compute, type Assigner } from './compute.ts';
import { NO_FLIGHT, send, type Failure, type Flight } from './flight.ts';
import { Mailbox, Overloaded, type Mail, type Outcome } from './mailbox.ts';
import type { Residents } from './residents.ts';

const MAILBOX_MAX = 10_000;
/** Computed in a few milliseconds: then the store's answer gets in. */
const CHUNK_MAX = 32;
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
  /** Aborted when this runtime ends and the store is away: whoever waits is told that it is. */
  readonly giveUp: AbortSignal;
}

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
        flight = send(batch, this.#seams);
        batch = new Batch(batch);
      } else if (this.#mailbox.size === 0 && !this.#isNudged) break;
    }
    // In the same step as the last look into the mailbox, so that no event is left lying.
    this.#running = null;
  }

  /**
   * Computes what has arrived, and while a flight is under way what arrives until it has landed. A store
   * that is idle gets half of what there is, and writes it while the other half is computed.
   */
  async #fill(batch: Batch, flight: Flight): Promise<Failure | null> {
    do {
      await this.#seams.clock.sleep(0); // what is ready now shares the commit; the store's answer gets in
      const mails = this.#mailbox.take(CHUNK_MAX);
      if (mails.length > 0 || this.#isNudged) {
        this.#isNudged = false;
        try {
          await compute(mails, batch, this.#seams);
        } catch (error) {
          return { components: [], mails: batch.without(mails), error: error as Error };
        }
      }
      if (this.#mailbox.size === 0 && !flight.isOver)
        await Promise.race([flight.landed, this.#mailbox.filled()]);
    } while (batch.size < BATCH_MAX && !(flight.isOver && batch.size >= this.#mailbox.size));
    return null;
  }

  /** Computed and not sent: the events go back, what was assigned is decided anew. */
  #withdraw(batch: Batch): void {
    this.#seams.assigner.withdrawn([...batch.components]);
    const { mails } = batch;
    this.#mailbox.putBack(mails.filter(({ fence }) => !fence));
    const error = new Overloaded('What it was computed on did not come about.');
    for (const mail of mails) if (mail.fence) mail.fail(error);
  }

  async #tryAgain({ components, mails, error }: Failure): Promise<void> {
    const { clock, ids, log, assigner, giveUp } = this.#seams;
    assigner.withdrawn(components);
    log(`${mails.length} events are tried again: ${error.message}`);
    const again: Mail[] = [];
    for (const mail of mails) {
      mail.tries += 1;
      // An assignment is not repeated: it was decided on a view that no longer holds.
      if (mail.fence || mail.tries >= TRIES_MAX || giveUp.aborted) mail.fail(mail.cause ?? error);
      else again.push(mail);
    }
    this.#mailbox.putBack(again);
    const pauseMs = error instanceof StoreUnavailable ? 500 : 2 ** (again[0]?.tries ?? 0);
    await clock.sleep(pauseMs * ids.random());
  }
}
