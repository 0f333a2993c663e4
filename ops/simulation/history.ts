// What the world outside was told and saw, kept apart from everything the runtimes believe. At the end,
// and at each telling, it has to agree with what is stored.
import { refKey, type ActorRef } from '../../machines/contract/ids.ts';
import type { StreamRow } from '../../db/store.ts';
import type { Check } from './check.ts';

interface Told {
  readonly ref: ActorRef;
  readonly bodyHash: string;
}

export class History {
  readonly #check: Check;
  readonly #exists: (key: string) => boolean;
  /** By account and idempotency key. */
  readonly jobs = new Map<string, Told>();
  /** Named events: how often they were sent, applied, and whether somebody was told so. */
  readonly #sent = new Set<string>();
  readonly #applied = new Set<string>();
  readonly #told = new Set<string>();
  /** Commands that are allowed to arrive at an agent: their rows were committed. */
  readonly #ordered = new Set<string>();

  constructor(check: Check, exists: (key: string) => boolean) {
    this.#check = check;
    this.#exists = exists;
  }

  /** A runtime lets this answer go. */
  acknowledged(accountId: string, key: string, ref: ActorRef, bodyHash: string): void {
    const check = this.#check;
    check('I6 durable before ack', this.#exists(refKey(ref)), () => `${ref.id} is not stored.`);
    const name = `${accountId} ${key}`;
    const before = this.jobs.get(name);
    if (!before) return void this.jobs.set(name, { ref, bodyHash });
    check(
      'I5 one job per key',
      before.ref.id === ref.id && before.bodyHash === bodyHash,
      () => `${key} was answered with ${before.ref.id} and with ${ref.id}.`,
    );
  }

  sent(name: string): void {
    this.#sent.add(name);
  }

  /** Read in the journal. */
  applied(name: string): void {
    this.#check('I11 effect once', !this.#applied.has(name), () => `${name} acted twice.`);
    this.#applied.add(name);
  }

  toldApplied(name: string): void {
    this.#check('I6 durable before ack', this.#applied.has(name), () => `${name} is not stored.`);
    this.#told.add(name);
  }

  orderCommitted(id: string): void {
    this.#ordered.add(id);
  }

  orderArrived(worker: string, id: string): void {
    this.#check(
      'I6 durable before ack',
      this.#ordered.has(id),
      () => `${worker} was given the command ${id} before it was committed.`,
    );
  }
}

/** Reads the stream like a frontend that comes and goes: on from the last seq it has seen. */
export class Subscriber {
  readonly #check: Check;
  readonly accountId: string | null;
  seen: StreamRow[] = [];
  after = 0;

  constructor(check: Check, accountId: string | null) {
    this.#check = check;
    this.accountId = accountId;
  }

  take(rows: readonly StreamRow[]): void {
    for (const row of rows) {
      if (row.seq <= this.after) continue; // read twice at once
      const { accountId } = this;
      this.#check(
        'I14 isolation',
        accountId === null || row.accountId === accountId,
        () => `${accountId} was shown a row of ${row.accountId}.`,
      );
      if (accountId === null)
        this.#check(
          'I15 delivery',
          row.seq === this.after + 1,
          () => `After ${this.after} a subscriber was shown ${row.seq}.`,
        );
      this.after = row.seq;
      this.seen.push(row);
    }
  }
}
