// What one event and all it set off are about to write. A component holds everything of the actors that
// told each other something: it is committed whole or not at all. Nothing here decides; turn.ts does.
import type { JournalWrite, LedgerWrite, OutboxWrite, ParkedWrite } from '../db/store.ts';
import type { ActorEvent } from '../machines/contract/events.ts';
import { SYSTEM_ACCOUNT, refKey, type ActorRef } from '../machines/contract/ids.ts';
import type { Effects, Refusal } from '../machines/effect.ts';
import { isSettled, type Actor } from './actor.ts';
import type { Mail } from './mailbox.ts';
import type { Plan } from './plan.ts';

/** A row that is told its component only when the batch is written: see batch.ts. */
export type Row<T> = Omit<T, 'component'> & { component: number };

export interface Read {
  readonly ref: ActorRef;
  /** 0: there was none. */
  readonly revision: number;
  /** Not to be verified: parked, which is said anyway, or ended, which is for ever. */
  readonly rests: boolean;
}

export interface Turned {
  /** As committed before this batch; null for a new actor. */
  readonly before: Actor | null;
  readonly after: Actor;
}

interface TimerChange {
  readonly ref: ActorRef;
  readonly name: string;
  /** Null: cancelled. */
  readonly armed: { readonly armingId: number; readonly delayMs: number } | null;
}

export class Component {
  readonly mails: Mail[];
  /** Actors as they were first read; those that did not change are checked in the commit. */
  readonly reads = new Map<string, Read>();
  readonly turned = new Map<string, Turned>();
  readonly journal: Row<JournalWrite>[] = [];
  readonly ledger: Row<LedgerWrite>[] = [];
  readonly outbox: Row<OutboxWrite>[] = [];
  readonly parked: Row<ParkedWrite>[] = [];
  readonly settles: {
    readonly worker: ActorRef;
    readonly revision: number;
    readonly attempt: Effects['worker.settle'];
  }[] = [];
  /** By actor and name, the last word. */
  readonly timers = new Map<string, TimerChange>();

  constructor(mail: Mail) {
    this.mails = [mail];
  }

  /** The caller is turned down: of all that was computed, only what was read still matters. */
  static refused(mail: Mail, computed: Component, refusal: Refusal): Component {
    const component = new Component(mail);
    for (const [key, read] of computed.reads) component.reads.set(key, read);
    mail.outcome = { ok: false, refusal };
    return component;
  }

  /** @param outside the actor before this component */
  read(ref: ActorRef, outside: (ref: ActorRef, key: string) => Actor | null): Actor | null {
    const key = refKey(ref);
    const turned = this.turned.get(key);
    if (turned) return turned.after;
    const actor = outside(ref, key);
    const rests = actor !== null && (actor.parked || isSettled(actor));
    if (!this.reads.has(key)) this.reads.set(key, { ref, revision: actor?.revision ?? 0, rests });
    return actor;
  }

  /** Takes over one turn's plan. */
  add(before: Actor | null, after: Actor, planned: Plan, journal: Row<JournalWrite>): void {
    const { ref, key, revision } = after;
    this.#turn(key, before, after);
    this.journal.push(journal);
    for (const name of planned.cancelled)
      this.timers.set(`${key} ${name}`, { ref, name, armed: null });
    for (const { name, delayMs } of planned.armed)
      this.timers.set(`${key} ${name}`, { ref, name, armed: { armingId: revision, delayMs } });
    for (const { posting, legs, reason, jobId } of planned.postings)
      for (const [index, { book, amountMt, balanceMt }] of legs.entries()) {
        const leg = { posting, leg: index + 1, book, amountMt, balanceMt, reason, jobId };
        this.ledger.push({ component: 0, accountId: ref.accountId, ...leg });
      }
    for (const [index, { order, accountId }] of planned.orders.entries()) {
      const id = `${ref.id}:${revision}:${index}`;
      this.outbox.push({
        component: 0,
        accountId: SYSTEM_ACCOUNT,
        id,
        destination: `worker:${ref.id}`,
        payload: JSON.stringify({ frame: { ...order, id }, accountId }),
      });
    }
    for (const attempt of planned.settles) this.settles.push({ worker: ref, revision, attempt });
  }

  /** Told by a turn of this component to an actor that is parked: it waits there with the rest. */
  keepForOperator(from: ActorRef, to: ActorRef, event: ActorEvent): void {
    const revision = this.turned.get(refKey(from))!.after.revision;
    this.parked.push({
      component: 0,
      ref: to,
      id: `${from.kind}:${from.id}:${revision}:${this.parked.length}`,
      event: JSON.stringify(event),
      reason: `Told by ${refKey(from)} while parked.`,
    });
  }

  /** Appends a later component that shares an actor with this one, or an earlier one that shares none. */
  absorb(other: Component): void {
    this.mails.push(...other.mails);
    for (const [key, read] of other.reads) {
      // The oldest counts: what was computed on it must not be written if it is no longer so.
      const known = this.reads.get(key);
      if (!known || read.revision < known.revision) this.reads.set(key, read);
    }
    for (const [key, { before, after }] of other.turned) this.#turn(key, before, after);
    this.journal.push(...other.journal);
    this.ledger.push(...other.ledger);
    this.outbox.push(...other.outbox);
    this.parked.push(...other.parked);
    this.settles.push(...other.settles);
    for (const [key, timer] of other.timers) this.timers.set(key, timer);
  }

  /** `before` stays what was committed, however many turns the actor takes in this batch. */
  #turn(key: string, before: Actor | null, after: Actor): void {
    const earlier = this.turned.get(key);
    this.turned.set(key, { before: earlier ? earlier.before : before, after });
  }

  /** Nothing happened: whoever asked is told how things are. */
  get isEmpty(): boolean {
    return this.turned.size === 0 && this.parked.length === 0;
  }
}
