// GPU time each person got lately, forgotten by half every hour or so.

/** Long enough that an evening of heavy use counts, short enough that yesterday's does not. */
export const USAGE_HALF_LIFE_MS = 4_000_000;
/** Forgotten when it has decayed to less: it no longer changes any order. */
const NEGLIGIBLE_MS = 1_000;
/** Amounts are kept as of `#since`; past this many half-lives they are brought up to date. */
const HALF_LIVES_MAX = 200;

export class Usage {
  /** Growing instead of decaying: one scale for all, so that nothing is touched as time passes. */
  readonly #amounts = new Map<string, number>();
  #since = 0;
  #scaleAt = NaN;
  #scale = 1;

  note(accountId: string, ms: number, at: number): void {
    if ((at - this.#since) / USAGE_HALF_LIFE_MS > HALF_LIVES_MAX) this.#rebase(at);
    const scaled = ms / this.#scaleOf(at);
    this.#amounts.set(accountId, (this.#amounts.get(accountId) ?? 0) + scaled);
  }

  of(accountId: string, now: number): number {
    const amount = this.#amounts.get(accountId);
    return amount === undefined ? 0 : amount * this.#scaleOf(now);
  }

  /** What is left at `at` of one millisecond noted at `#since`. */
  #scaleOf(at: number): number {
    if (at !== this.#scaleAt) {
      this.#scaleAt = at;
      this.#scale = 2 ** ((this.#since - at) / USAGE_HALF_LIFE_MS);
    }
    return this.#scale;
  }

  #rebase(at: number): void {
    for (const [accountId, amount] of this.#amounts) {
      const left = amount * this.#scaleOf(at);
      if (left < NEGLIGIBLE_MS) this.#amounts.delete(accountId);
      else this.#amounts.set(accountId, left);
    }
    this.#since = at;
    this.#scaleAt = NaN;
  }
}
