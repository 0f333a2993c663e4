// Due timers become events. A timer's row is deleted by the turn it causes, so one that fires twice, or
// late, meets an arming id that is no longer current and changes nothing.
import type { DueTimer, Store } from '../db/store.ts';
import { refKey } from '../machines/contract/ids.ts';
import type { Clock } from './clock.ts';
import type { Component } from './component.ts';
import type { Leases } from './leases.ts';
import { LeftAlone } from './parking.ts';
import type { Turns } from './turn.ts';

const BATCH_MAX = 500;
/** Looks at least this often, for timers that other runtimes armed. */
const POLL_MS = 1_000;
/** Workers come back to a runtime that was away: till then no lease runs out, nor the time of a run. */
export const BOOT_GRACE_MS = 10_000;

/** A runtime that is new enough takes the lease meanwhile. */
const LEFT_ALONE_MS = 60_000;

export class TimerLoop {
  readonly #seams: { store: Store; clock: Clock; leases: Leases; post: Turns['post'] };
  readonly #stop = new AbortController();
  #wake = new AbortController();
  /** Timers of actors that a newer version wrote, by when to try again: they take nobody else's place. */
  readonly #leftAlone = new Map<string, number>();
  #nextDueAt = Infinity;
  #sleepsUntil = 0;
  #startedAt = 0;
  #loop: Promise<void> = Promise.resolve();

  constructor(seams: { store: Store; clock: Clock; leases: Leases; post: Turns['post'] }) {
    this.#seams = seams;
  }

  start(): void {
    this.#startedAt = this.#seams.clock.now();
    this.#loop = this.#run();
  }

  /** Something was armed: maybe it is due sooner than what was waited for. */
  committed(component: Component): void {
    for (const { armed } of component.timers.values()) {
      if (!armed) continue;
      const dueAt = this.#seams.clock.now() + armed.delayMs;
      this.#nextDueAt = Math.min(this.#nextDueAt, dueAt);
      if (dueAt < this.#sleepsUntil) this.#wake.abort();
    }
  }

  async #run(): Promise<void> {
    const { clock } = this.#seams;
    while (!this.#stop.signal.aborted) {
      const progressed = await this.runOnce().catch(() => false);
      if (this.#stop.signal.aborted) return;
      const now = clock.now();
      const pauseMs = Math.min(Math.max(progressed ? 0 : this.#nextDueAt - now, 5), POLL_MS);
      this.#wake = new AbortController();
      this.#sleepsUntil = now + pauseMs;
      await clock.sleep(pauseMs, this.#wake.signal);
      this.#sleepsUntil = 0; // it looks anyway
    }
  }

  /** @returns whether anything was fired that worked */
  async runOnce(): Promise<boolean> {
    const { store, clock, leases } = this.#seams;
    this.#nextDueAt = Infinity;
    if (!leases.held('timers')) return false;
    for (const [key, until] of this.#leftAlone)
      if (until <= clock.now()) this.#leftAlone.delete(key);
    const found = await store.dueTimers(BATCH_MAX + this.#leftAlone.size);
    const due = found.filter(
      (timer) => !this.#isInGrace(timer) && !this.#leftAlone.has(refKey(timer.ref)),
    );
    const fired = await Promise.all(due.map((timer) => this.#fire(timer)));
    const nextMs = await store.nextTimerInMs();
    if (nextMs !== null)
      this.#nextDueAt = Math.min(this.#nextDueAt, clock.now() + Math.max(nextMs, 250));
    return fired.some(Boolean);
  }

  #isInGrace({ ref, name }: DueTimer): boolean {
    // The run may have ended in time, and only its report found nobody.
    const waitsForWorker = ref.kind === 'worker' || name.includes('attemptTimeout');
    return waitsForWorker && this.#seams.clock.now() - this.#startedAt < BOOT_GRACE_MS;
  }

  /** A timer that cannot fire now (its actor is parked, the store is away) stays due. */
  async #fire({ ref, name, armingId }: DueTimer): Promise<boolean> {
    const { post, clock } = this.#seams;
    try {
      const timer = { name, armingId };
      const outcome = await post(ref, { type: 'timer.fired' }, { timer });
      return outcome.ok && outcome.changed;
    } catch (error) {
      if (error instanceof LeftAlone) this.#leftAlone.set(refKey(ref), clock.now() + LEFT_ALONE_MS);
      return false;
    }
  }

  async stop(): Promise<void> {
    this.#stop.abort();
    this.#wake.abort();
    await this.#loop;
  }
}
