// Follows what is committed, so that who watches is woken and the dispatcher knows of every job. Our own
// commits are told as they happen. That others have committed shows as a gap in the stream's `seq`, which
// is then read; a runtime that is alone reads nothing but the head, now and then.
import type { Store } from '../db/store.ts';
import type { Clock } from './clock.ts';
import type { Component } from './component.ts';
import type { Dispatcher } from './dispatcher.ts';
import type { Live } from './live.ts';

const POLL_MS = 500;
const PAGE_ROWS = 1_000;
/** Polls between two looks for what the dispatcher may have missed. */
const POLLS_PER_LOOK = 20;

interface Seams {
  readonly store: Store;
  readonly clock: Clock;
  readonly live: Live;
  readonly dispatcher: Pick<Dispatcher, 'learn' | 'lookForMissed'>;
}

export class StreamRelay {
  readonly #seams: Seams;
  readonly #stop = new AbortController();
  /** Everything up to here has been told. */
  #seen = 0;
  #reading: Promise<void> | null = null;
  #loop: Promise<void> = Promise.resolve();

  constructor(seams: Seams) {
    this.#seams = seams;
  }

  /** Before the dispatcher takes its first view: what is committed meanwhile is told twice, not never. */
  async start(): Promise<void> {
    this.#seen = await this.#seams.store.streamHead();
    this.#loop = this.#run();
  }

  committed(component: Component): void {
    for (const { after } of component.turned.values())
      if (after.ref.kind === 'job') this.#seams.live.published(after.ref.accountId);
  }

  /** A commit of our own wrote this part of the stream. */
  published({ from, to }: { readonly from: number; readonly to: number }): void {
    if (from === this.#seen) this.#seen = to;
    else void this.runOnce().catch(() => undefined); // others came first; read again soon
  }

  async #run(): Promise<void> {
    const { clock, dispatcher } = this.#seams;
    for (let polls = 1; !this.#stop.signal.aborted; polls++) {
      await clock.sleep(POLL_MS, this.#stop.signal);
      const look = polls % POLLS_PER_LOOK === 0 ? dispatcher.lookForMissed() : Promise.resolve();
      await Promise.all([this.runOnce(), look]).catch(() => undefined); // looked at again soon
    }
  }

  /** Reads what others have committed. Asked while it reads, it reads once more. */
  async runOnce(): Promise<void> {
    await this.#reading;
    this.#reading ??= this.#read().finally(() => (this.#reading = null));
    await this.#reading;
  }

  async #read(): Promise<void> {
    const { store, live, dispatcher } = this.#seams;
    if ((await store.streamHead()) === this.#seen) return dispatcher.learn([]);
    for (;;) {
      const after = this.#seen;
      const entries = await store.streamEntries(after, PAGE_ROWS);
      for (const accountId of new Set(entries.map(({ ref }) => ref.accountId)))
        live.published(accountId);
      await dispatcher.learn(entries);
      this.#seen = Math.max(this.#seen, entries.at(-1)?.seq ?? 0);
      if (entries.length < PAGE_ROWS) return;
    }
  }

  async stop(): Promise<void> {
    this.#stop.abort();
    await this.#loop;
  }
}
