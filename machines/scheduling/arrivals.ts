// How much work comes: of each plan, the share of the fleet's time that it asked for lately. Who waits will
// see as much again come meanwhile, and much of it goes first.
import type { Plan } from '../contract/events.ts';
import { PLANS_ABOVE } from './copied-queue.ts';

/** Bursts pass, a busy evening stays. */
const MEMORY_MS = 1_500_000;
/** Too little was seen before to speak of a rate. */
const SEEN_MS_MIN = 120_000;
/** Of equals about half goes first: shorter work, or of people who got less lately. */
const EQUALS_SHARE = 0.5;
/** More than this cannot go on for long. */
const LOAD_MAX = 2;

export class Arrivals {
  readonly #work = new Map<Plan, { ms: number; at: number }>();
  #since: number | null = null;

  note(plan: Plan, runMs: number, at: number): void {
    this.#since ??= at;
    // What is read anew at a start may be older than what has just come.
    const latest = Math.max(at, this.#work.get(plan)?.at ?? at);
    this.#work.set(plan, { ms: this.#workOf(plan, latest) + runMs, at: latest });
  }

  #workOf(plan: Plan, now: number): number {
    const { ms, at } = this.#work.get(plan) ?? { ms: 0, at: now };
    return ms * Math.exp((at - now) / MEMORY_MS);
  }

  /**
   * Work that comes and goes first, in seconds of the whole fleet a second.
   * @param slots engine calls that the fleet can run at once
   */
  load(plan: Plan, slots: number, now: number): number {
    const seenMs = Math.max(SEEN_MS_MIN, now - (this.#since ?? now));
    const span = MEMORY_MS * (1 - Math.exp(-seenMs / MEMORY_MS));
    const first = PLANS_ABOVE[plan].reduce((sum, above) => sum + this.#workOf(above, now), 0);
    const workMs = first + EQUALS_SHARE * this.#workOf(plan, now);
    return Math.min(LOAD_MAX, workMs / span / Math.max(1, slots));
  }
}
