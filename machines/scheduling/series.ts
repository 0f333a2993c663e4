// One thing measured again and again: what it usually is, and within which range. Robust: one odd
// measurement moves next to nothing, and a true change is believed once it has been seen eight times.
//
// All on a logarithmic scale, where twice as long and half as long are equally far away.

/** More say nothing new of what is usual, and would be slow to forget. */
const KEPT_MAX = 64;
/** From here on only what was measured counts, not what had been expected. */
const ENOUGH = 12;
/** Below this a median may be one odd measurement. */
const FEW = 3;
/** A change that is smaller than a tenth is waited out. */
const CHANGE_MIN = 0.1;
/** How many in a row, and how far off their median, in standard deviations: by chance once in a thousand times. */
const CHANGES = [
  [8, 1.5],
  [16, 1.1],
] as const;
/** Eight of ten would lie between these in a large number; of few, the outermost lie too far inside. */
const [LOWEST, HIGHEST] = [0.08, 0.92];
/** From the lowest to the highest tenth of a normal distribution, in standard deviations. */
const TENTH_TO_TENTH = 2.56;

/** Eight of ten lie from `low` to `high`. */
export interface Spread {
  readonly median: number;
  readonly low: number;
  readonly high: number;
}

export interface StoredSeries {
  readonly seen: number;
  /** Logarithms, to a thousandth. */
  readonly values: readonly number[];
}

export const around = (median: number, factor: number): Spread => ({
  median,
  low: median - Math.log(factor),
  high: median + Math.log(factor),
});

export const moved = ({ median, low, high }: Spread, by: number): Spread => ({
  median: median + by,
  low: low + by,
  high: high + by,
});

export const widened = ({ median, low, high }: Spread, factor: number): Spread => ({
  median,
  low: low - Math.log(factor),
  high: high + Math.log(factor),
});

const ascending = (values: readonly number[]) => Float64Array.from(values).sort();

/** @param sorted not empty */
function quantile(sorted: Float64Array, part: number): number {
  const place = part * (sorted.length - 1);
  const below = Math.floor(place);
  const [low, high] = [sorted[below]!, sorted[Math.ceil(place)]!];
  return low + (place - below) * (high - low);
}

/** Of several, the middle one in each respect; null of none. */
export function middle(spreads: readonly Spread[]): Spread | null {
  if (spreads.length === 0) return null;
  return {
    median: medianOf(spreads.map(({ median }) => median)),
    low: medianOf(spreads.map(({ low }) => low)),
    high: medianOf(spreads.map(({ high }) => high)),
  };
}

export const medianOf = (values: readonly number[]): number => quantile(ascending(values), 0.5);

export class Series {
  /** Newest last. */
  #values: number[];
  #seen: number;
  #median: number | null = null;
  #spread: Spread | null = null;

  constructor(values: readonly number[] = [], seen = values.length) {
    this.#values = values.slice(-KEPT_MAX);
    this.#seen = Math.max(seen, this.#values.length);
  }

  static from({ values, seen }: StoredSeries): Series {
    return new Series(values, seen);
  }

  toJSON(): StoredSeries {
    return { seen: this.#seen, values: [...this.#values] };
  }

  /** How many were ever noted. */
  get seen(): number {
    return this.#seen;
  }

  get isKnown(): boolean {
    return this.#values.length >= FEW;
  }

  get isWellKnown(): boolean {
    return this.#values.length >= ENOUGH;
  }

  /** Of what was measured alone; there must be something. */
  get median(): number {
    return (this.#median ??= medianOf(this.#values));
  }

  note(value: number): void {
    this.#seen += 1;
    this.#values.push(Math.round(value * 1000) / 1000);
    this.#median = this.#spread = null;
    const changed = CHANGES.find(([count, deviations]) => this.#hasMoved(count, deviations));
    if (changed) this.#values = this.#values.slice(-changed[0]);
    else if (this.#values.length > KEPT_MAX) this.#values.shift();
  }

  /** Do the newest say something else than all before them? */
  #hasMoved(count: number, deviations: number): boolean {
    if (this.#values.length < count + FEW) return false;
    const before = ascending(this.#values.slice(0, -count));
    const deviation = (quantile(before, 0.9) - quantile(before, 0.1)) / TENTH_TO_TENTH;
    const distance = medianOf(this.#values.slice(-count)) - quantile(before, 0.5);
    return Math.abs(distance) > Math.max(CHANGE_MIN, deviations * deviation);
  }

  /** @param expected what to say before anything was measured; it counts for less with each measurement */
  spread(expected: () => Spread): Spread {
    if (this.isWellKnown) return (this.#spread ??= this.#measured());
    return this.#values.length === 0 ? expected() : this.#leaningOn(expected());
  }

  #measured(): Spread {
    const sorted = ascending(this.#values);
    const [low, median, high] = [LOWEST, 0.5, HIGHEST].map((part) => quantile(sorted, part));
    return { median: median!, low: low!, high: high! };
  }

  /**
   * What was expected counts like two measurements, so that the first one, often odd because everything is
   * cold, does not decide alone; the third is believed. The range moves over from the one to the other.
   */
  #leaningOn({ median: usual, low, high }: Spread): Spread {
    const sorted = ascending(this.#values);
    const median = medianOf([...this.#values, usual, usual]);
    // The outermost on either side may be the odd one.
    const inner = sorted.length > 4 ? sorted.slice(1, -1) : [median];
    const part = inner.length / ENOUGH;
    const between = (expected: number, measured: number) =>
      (1 - part) * expected + part * Math.max(0, measured);
    return {
      median,
      low: median - between(usual - low, median - inner[0]!),
      high: median + between(high - usual, inner.at(-1)! - median),
    };
  }
}
