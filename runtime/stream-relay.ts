// Wakes who watches once job events are committed. Their `seq` was given in the commit, so a watcher reads
// on from its own and misses nothing, whoever wakes it and however often.
import type { Store } from '../db/store.ts';
import type { Clock } from './clock.ts';
import type { Component } from './component.ts';
import type { Live } from './live.ts';

/** For rows that another runtime committed. */
const POLL_MS = 500;

export class StreamRelay {
  readonly #seams: { store: Store; clock: Clock; live: Live };
  readonly #stop = new AbortController();
  #head = 0;
  #loop: Promise<void> = Promise.resolve();

  constructor(seams: { store: Store; clock: Clock; live: Live }) {
    this.#seams = seams;
  }

  start(): void {
    this.#loop = this.#run();
  }

  committed(component: Component): void {
    for (const { after } of component.turned.values())
      if (after.ref.kind === 'job') this.#seams.live.published(after.ref.accountId);
  }

  async #run(): Promise<void> {
    while (!this.#stop.signal.aborted) {
      await this.runOnce().catch(() => undefined); // the store is away: looked at again soon
      await this.#seams.clock.sleep(POLL_MS, this.#stop.signal);
    }
  }

  async runOnce(): Promise<void> {
    const { store, live } = this.#seams;
    const head = await store.streamHead();
    if (head !== this.#head)
      for (const accountId of live.watchedAccounts) live.published(accountId);
    this.#head = head;
  }

  async stop(): Promise<void> {
    this.#stop.abort();
    await this.#loop;
  }
}
