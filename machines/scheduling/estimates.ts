// How long things take, learned from what was seen. Exponential averages: recent work counts more, one
// odd job does not. Times in milliseconds, per standard output.

const WEIGHT_OF_NEWEST = 0.2;

interface Estimate {
  readonly mean: number;
  /** Average distance from the mean: half the width of a range. */
  readonly spread: number;
}

export class Estimates {
  readonly #byKey = new Map<string, Estimate>();

  note(key: string, value: number): void {
    const old = this.#byKey.get(key);
    if (!old) return void this.#byKey.set(key, { mean: value, spread: value * 0.25 });
    const distance = Math.abs(value - old.mean);
    this.#byKey.set(key, {
      mean: old.mean + WEIGHT_OF_NEWEST * (value - old.mean),
      spread: old.spread + WEIGHT_OF_NEWEST * (distance - old.spread),
    });
  }

  /** @param prior what to say before anything was seen; it is given a wide range */
  of(key: string, prior: number): Estimate {
    return this.#byKey.get(key) ?? { mean: prior, spread: prior * 0.5 };
  }
}
