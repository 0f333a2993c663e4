// Gives committed job events their `seq`, in the order of their commits, and wakes who watches. Only the
// holder of the stream's lease stamps, after the commit, so that no reader can ever skip a row.
import type { Store } from '../db/store.ts';
import type { Clock } from './clock.ts';
import type { Component } from './component.ts';
import type { Leases } from './leases.ts';
import type { Live } from './live.ts';

const BATCH_MAX = 1_000;
/** For rows that another runtime committed. */
const POLL_MS = 500;

export class StreamRelay {
  readonly #seams: { store: Store; clock: Clock; leases: Leases; live: Live };
  readonly #stop = new AbortController();
  #wake = new AbortController();
  #isAsked = true;
  #loop: Promise<void> = Promise.resolve();

  constructor(seams: { store: Store; clock: Clock; leases: Leases; live: Live }) {
    this.#seams = seams;
  }

  start(): void {
    this.#loop = this.#run();
  }

  committed(component: Component): void {
    for (const { after } of component.turned.values())
      if (after.ref.kind === 'job') {
        this.#isAsked = true;
        this.#wake.abort();
        return;
      }
  }

  async #run(): Promise<void> {
    const { clock } = this.#seams;
    while (!this.#stop.signal.aborted) {
      this.#isAsked = false;
      const stamped = await this.runOnce().catch(() => 0);
      if (stamped === BATCH_MAX || this.#isAsked) continue;
      this.#wake = new AbortController();
      await clock.sleep(POLL_MS, this.#wake.signal);
    }
  }

  /** @returns how many rows were stamped */
  async runOnce(): Promise<number> {
    const { store, leases, live } = this.#seams;
    const lease = leases.held('stream');
    if (!lease) {
      // Somebody else stamps: whoever watches here has to look for itself.
      live.stamped(live.watchedAccounts);
      return 0;
    }
    const rows = await store.stampStream(lease, BATCH_MAX);
    live.stamped(rows.map(({ accountId }) => accountId));
    return rows.length;
  }

  async stop(): Promise<void> {
    this.#stop.abort();
    this.#wake.abort();
    await this.#loop;
  }
}
