// Answers of a look-up, kept for a few seconds. Short, because a revoked key must stop working.

interface Entry<T> {
  readonly value: T;
  readonly until: number;
}

const ENTRIES_MAX = 10_000;

export class Remembered<T> {
  readonly #entries = new Map<string, Entry<T>>();
  readonly #lookUp: (key: string) => Promise<T>;
  readonly #now: () => number;
  readonly #forMs: number;

  constructor(lookUp: (key: string) => Promise<T>, now: () => number, forMs: number) {
    this.#lookUp = lookUp;
    this.#now = now;
    this.#forMs = forMs;
  }

  async get(key: string): Promise<T> {
    const known = this.#entries.get(key);
    if (known && known.until > this.#now()) return known.value;
    const until = this.#now() + this.#forMs;
    const value = await this.#lookUp(key);
    this.#entries.delete(key);
    // The oldest goes first: a map keeps the order in which its keys came.
    const [oldest] = this.#entries.keys();
    if (this.#entries.size >= ENTRIES_MAX && oldest !== undefined) this.#entries.delete(oldest);
    this.#entries.set(key, { value, until });
    return value;
  }

  forget(key: string): void {
    this.#entries.delete(key);
  }

  forgetAll(): void {
    this.#entries.clear();
  }
}
