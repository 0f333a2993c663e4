// How much of a seed happens: all of it, or less while it is shrunk to what still fails.

export interface Limits {
  readonly without: ReadonlySet<string>;
  readonly runtimes: number;
  readonly workers: number;
  readonly people: number;
  /** Wishes in all. */
  readonly wishes: number;
  /** Faults after this many no longer happen. */
  readonly faults: number;
}

export const NO_LIMITS: Limits = {
  without: new Set(),
  runtimes: Infinity,
  workers: Infinity,
  people: Infinity,
  wishes: Infinity,
  faults: Infinity,
};
