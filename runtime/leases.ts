// Singletons: what only one runtime may do at a time. Held by database time and renewed; the term is
// checked again in every commit made under it, so a holder that slept too long cannot do harm.
import type { Lease, Store } from '../db/store.ts';
import type { Clock } from './clock.ts';

export const LEASE_NAMES = ['dispatcher', 'timers'] as const;
export type LeaseName = (typeof LEASE_NAMES)[number];

const TTL_MS = 15_000;
const RENEW_MS = 5_000;
/** Whoever held it may have died: nothing is dispatched until it is taken over. */
const ASK_AGAIN_MS = 1_000;

export class Leases {
  readonly #store: Store;
  readonly #clock: Clock;
  readonly #holder: string;
  readonly #held = new Map<LeaseName, { lease: Lease; until: number }>();
  readonly #stop = new AbortController();
  #loop: Promise<void> = Promise.resolve();

  constructor(store: Store, clock: Clock, holder: string) {
    this.#store = store;
    this.#clock = clock;
    this.#holder = holder;
  }

  /** The lease, if this process has reason to believe that it still holds it. */
  held(name: LeaseName): Lease | null {
    const held = this.#held.get(name);
    return held && held.until > this.#clock.now() ? held.lease : null;
  }

  /** @param taken called when a lease was taken that was not held before */
  async start(taken: (name: LeaseName) => void): Promise<void> {
    await this.runOnce(taken);
    this.#loop = this.#run(taken);
  }

  async runOnce(taken: (name: LeaseName) => void): Promise<void> {
    for (const name of LEASE_NAMES) {
      const before = this.held(name);
      const asked = this.#clock.now();
      const lease = await this.#store.acquireLease(name, this.#holder, TTL_MS);
      if (!lease) this.#held.delete(name);
      else {
        this.#held.set(name, { lease, until: asked + TTL_MS });
        if (before?.term !== lease.term) taken(name);
      }
    }
  }

  async #run(taken: (name: LeaseName) => void): Promise<void> {
    const { signal } = this.#stop;
    while (!signal.aborted) {
      const holdsAll = LEASE_NAMES.every((name) => this.held(name));
      await this.#clock.sleep(holdsAll ? RENEW_MS : ASK_AGAIN_MS, signal);
      if (!signal.aborted) await this.runOnce(taken).catch(() => undefined); // tried again, or lapses
    }
  }

  async stop(): Promise<void> {
    this.#stop.abort();
    await this.#loop;
    for (const { lease } of this.#held.values())
      await this.#store.releaseLease(lease, this.#holder).catch(() => undefined);
    this.#held.clear();
  }
}
