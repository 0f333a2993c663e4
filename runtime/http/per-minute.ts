// Counts what each of many does within a minute: how often one may be wrong before it is not heard any more.
const MINUTE_MS = 60_000;
const NAMES_MAX = 2_000;

export class PerMinute {
  readonly #now: () => number;
  readonly #max: number;
  readonly #counts = new Map<string, { readonly until: number; count: number }>();

  constructor(now: () => number, max: number) {
    this.#now = now;
    this.#max = max;
  }

  /** @returns whether that was within the limit, and how many of the minute before were not */
  take(name: string): { readonly isWithin: boolean; readonly leftOut: number } {
    const now = this.#now();
    const known = this.#counts.get(name);
    if (known && known.until > now)
      return { isWithin: (known.count += 1) <= this.#max, leftOut: 0 };
    this.#counts.delete(name);
    // The oldest goes first: a map keeps the order in which its keys came.
    const [oldest] = this.#counts.keys();
    if (this.#counts.size >= NAMES_MAX && oldest !== undefined) this.#counts.delete(oldest);
    this.#counts.set(name, { until: now + MINUTE_MS, count: 1 });
    return { isWithin: true, leftOut: Math.max(0, (known?.count ?? 0) - this.#max) };
  }
}
