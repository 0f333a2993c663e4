// Singletons: what only one runtime may do at a time. Held by database time and renewed; the term is
// checked again in every commit made under it, so a holder that slept too long cannot do harm.
import type { Lease, Store } from '../db/store.ts';
import type { Clock } from './clock.ts';

export const LEASE_NAMES = ['dispatcher', 'timers'] as const;
export type LeaseName = (typeof LEASE_NAMES)[number];

const TTL_MS = 15_000;
const RENEW_MS = 5_000;
/** Whoever held it may have died: nothing is dispatched until it is taken over. */
const ASK_AGAIN_MS = 500;
/** Time for a newer runtime to take over; and how long it then takes until we make room again. */
const ASIDE_MS = 10_000;
const ASIDE_EVERY_MS = 600_000;

/** Who else is alive, as far as the database can see. */
export interface Presence {
  /** Resolves when others can see us. */
  open(): Promise<void>;
  /** How many others there are; null while it cannot be told. */
  readonly others: number | null;
  /** Null while it cannot be told. */
  isHere(runtimeId: string): boolean | null;
  /** So that nobody waits for a lease of the dead to run out. */
  endLeasesOfTheGone(): Promise<void>;
  close(): Promise<void>;
}

export class Leases {
  readonly #store: Store;
  readonly #clock: Clock;
  readonly #holder: string;
  readonly #held = new Map<LeaseName, { lease: Lease; until: number }>();
  readonly #presence: Pick<Presence, 'endLeasesOfTheGone'>;
  readonly #stop = new AbortController();
  #wake = new AbortController();
  #isRetired = false;
  #loop: Promise<void> = Promise.resolve();
  #asideSince = -Infinity;
  #taken: (name: LeaseName) => void = () => undefined;

  constructor(
    store: Store,
    clock: Clock,
    holder: string,
    presence: Pick<Presence, 'endLeasesOfTheGone'>,
  ) {
    this.#store = store;
    this.#clock = clock;
    this.#holder = holder;
    this.#presence = presence;
  }

  /** The lease, if this process has reason to believe that it still holds it. */
  held(name: LeaseName): Lease | null {
    const held = this.#held.get(name);
    return held && held.until > this.#clock.now() && !this.#isRetired ? held.lease : null;
  }

  /** Somebody has just let go. */
  ask(): void {
    this.#wake.abort();
  }

  /** Nothing new is begun under a lease. They stay ours until `stop`, for what is still being committed. */
  retire(): void {
    this.#isRetired = true;
  }

  /**
   * A newer runtime is about, whose actors we can neither dispatch nor wake: it had better hold these. Should
   * it be gone again (a deploy that was rolled back), we take them back.
   */
  standAside(): void {
    const now = this.#clock.now();
    if (now - this.#asideSince > ASIDE_EVERY_MS) this.#asideSince = now;
  }

  get #isAside(): boolean {
    return this.#clock.now() - this.#asideSince < ASIDE_MS;
  }

  /** @param taken called when a lease was taken that was not held before */
  async start(taken: (name: LeaseName) => void): Promise<void> {
    this.#taken = taken;
    await this.runOnce(taken);
    this.#loop = this.#run(taken);
  }

  async runOnce(taken: (name: LeaseName) => void): Promise<void> {
    if (!this.#holdsAll) await this.#presence.endLeasesOfTheGone().catch(() => undefined); // they run out
    for (const name of LEASE_NAMES)
      if (this.#isAside) await this.#release(name);
      else await this.#acquire(name, taken);
  }

  async #acquire(name: LeaseName, taken: (name: LeaseName) => void): Promise<void> {
    const before = this.held(name);
    const asked = this.#clock.now();
    const lease = await this.#store.acquireLease(name, this.#holder, TTL_MS);
    if (!lease) this.#held.delete(name);
    else {
      this.#held.set(name, { lease, until: asked + TTL_MS });
      if (before?.term !== lease.term) taken(name);
    }
  }

  /** A commit under it was refused: is it still ours, and in which term? Never rejects. */
  async renew(name: LeaseName): Promise<void> {
    if (this.#isRetired || this.#isAside || this.#stop.signal.aborted) return;
    await this.#acquire(name, this.#taken).catch(() => undefined); // asked again soon, or it runs out
  }

  async #run(taken: (name: LeaseName) => void): Promise<void> {
    const { signal } = this.#stop;
    while (!signal.aborted) {
      const woken = AbortSignal.any([signal, this.#wake.signal]);
      await this.#clock.sleep(this.#holdsAll ? RENEW_MS : ASK_AGAIN_MS, woken);
      this.#wake = new AbortController();
      if (!signal.aborted) await this.runOnce(taken).catch(() => undefined); // tried again, or lapses
    }
  }

  get #holdsAll(): boolean {
    return LEASE_NAMES.every((name) => this.#held.has(name));
  }

  async stop(): Promise<void> {
    this.#stop.abort();
    await this.#loop;
    for (const name of LEASE_NAMES) await this.#release(name);
  }

  async #release(name: LeaseName): Promise<void> {
    const held = this.#held.get(name);
    this.#held.delete(name);
    if (held) await this.#store.releaseLease(held.lease, this.#holder).catch(() => undefined);
  }
}
