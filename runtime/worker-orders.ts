// The way to one agent: orders and settles in the order of the worker's turns, whichever runtime committed
// them. An agent that heard `cancel` before `run`, or `run` before the `settled` of the same attempt, would
// do work that nobody waits for, or drop work that somebody does.
import type { OutboxRow } from '../db/store.ts';
import { SYSTEM_ACCOUNT } from '../machines/contract/ids.ts';
import type { RuntimeFrame, WorkerCommand } from '../machines/contract/worker-protocol.ts';
import type { Component, Turned } from './component.ts';

/** What an outbox row for a worker holds. The account stays on this side of the wire. */
export interface OrderPayload {
  readonly frame: WorkerCommand;
  readonly accountId: string | null;
}

type Row = Pick<OutboxRow, 'id' | 'payload'>;

/** One thing to be said, with the turn that said it. */
interface Word {
  readonly revision: number;
  /** Among the words of one turn; settles come last. */
  readonly index: number;
  readonly row: Row | null;
  readonly frame: RuntimeFrame;
  readonly accountId: string | null;
}

export class WorkerOrders {
  readonly #workerId: string;
  readonly #send: (frame: RuntimeFrame, accountId: string | null) => void;
  /** Orders on their way: sent, not yet acknowledged. */
  readonly #sent = new Map<string, OrderPayload>();
  /** Not needed any more, and not yet cleared from the outbox. */
  readonly #done = new Set<string>();
  /** Settles that wait for orders of earlier turns. */
  #waiting: Word[] = [];
  /** The turn in which the agent was connected: older orders were answered for by it. */
  #since = Infinity;
  /** All up to this turn was said. */
  #seen = Infinity;
  /** A turn of ours whose orders have to be read, because turns of others lie before it. */
  #wanted = 0;

  constructor(workerId: string, send: (frame: RuntimeFrame, accountId: string | null) => void) {
    this.#workerId = workerId;
    this.#send = send;
  }

  /** The agent is connected by this turn; from it on it hears everything. */
  open(revision: number): void {
    this.#since = revision;
    this.#seen = revision - 1;
  }

  get isOpen(): boolean {
    return this.#since !== Infinity;
  }

  /**
   * The worker's turns of a component that was committed here.
   * @returns whether the outbox has to be read first
   */
  committed({ before, after }: Turned, component: Component): boolean {
    if (!this.isOpen) return false;
    const words = this.#wordsOf(component).filter(({ revision }) => revision >= this.#since);
    const isNext = (before?.revision ?? 0) <= this.#seen && this.#wanted <= this.#seen;
    if (isNext) {
      for (const word of words) this.#say(word);
      this.#seen = Math.max(this.#seen, after.revision);
      return false;
    }
    this.#waiting.push(...words.filter(({ row }) => row === null));
    this.#wanted = after.revision;
    return true;
  }

  #wordsOf({ outbox, settles }: Component): Word[] {
    const orders = outbox
      .filter(({ destination }) => destination === `worker:${this.#workerId}`)
      .map(wordOf);
    const settled = settles
      .filter(({ worker }) => worker.id === this.#workerId)
      .map(({ revision, attempt }) => ({
        revision,
        index: Infinity,
        row: null,
        frame: { type: 'settled' as const, ...attempt },
        accountId: null,
      }));
    return [...orders, ...settled].sort(byTurn);
  }

  /** Ask for it before the outbox is read, and give it to `take` with the rows. */
  get wanted(): number {
    return this.#wanted;
  }

  /** @param upTo a turn that was committed before the rows were read, so that no order of it is missing */
  take(rows: readonly Row[], upTo: number): void {
    if (!this.isOpen) return;
    const orders = rows.map(wordOf).sort(byTurn);
    this.#seen = Math.max(this.#seen, upTo, orders.at(-1)?.revision ?? 0);
    const due = this.#waiting.filter(({ revision }) => revision <= this.#seen);
    this.#waiting = this.#waiting.filter((word) => !due.includes(word));
    for (const word of [...orders, ...due].sort(byTurn)) this.#say(word);
  }

  #say({ revision, row, frame, accountId }: Word): void {
    if (row) {
      if (this.#sent.has(row.id) || this.#done.has(row.id)) return;
      if (revision < this.#since) return void this.#done.add(row.id);
      this.#sent.set(row.id, { frame: frame as WorkerCommand, accountId });
    }
    this.#send(frame, accountId);
  }

  /** @returns what was ordered under this id; null when it was acknowledged before */
  acknowledged(id: string): OrderPayload | null {
    const order = this.#sent.get(id) ?? null;
    if (order && this.#sent.delete(id)) this.#done.add(id);
    return order;
  }

  /** Rows that the outbox need not keep; after a crash they are merely sent again. */
  get done(): readonly Pick<OutboxRow, 'accountId' | 'id'>[] {
    return [...this.#done].map((id) => ({ accountId: SYSTEM_ACCOUNT, id }));
  }

  cleared(id: string): void {
    this.#done.delete(id);
  }
}

/** An order's id is `worker:revision:index`. */
function wordOf(row: Row): Word {
  const [revision = 0, index = 0] = row.id.split(':').slice(-2).map(Number);
  const { frame, accountId } = JSON.parse(row.payload) as OrderPayload;
  return { revision, index, row, frame, accountId };
}

const byTurn = (a: Word, b: Word): number => a.revision - b.revision || a.index - b.index || 0;
