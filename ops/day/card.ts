// A graphics card of 16 GB, as far as memory goes: who holds how much of it, and the most that was ever held.

export const GIB = 1024 ** 3;

export class SimulatedCard {
  readonly totalBytes: number;
  readonly #held = new Map<string, number>();
  mostBytes = 0;
  /** Times that somebody wanted more than there was. */
  overruns = 0;
  loads = 0;

  constructor(totalBytes = 16 * GIB) {
    this.totalBytes = totalBytes;
  }

  get usedBytes(): number {
    let sum = 0;
    for (const bytes of this.#held.values()) sum += bytes;
    return sum;
  }

  has(owner: string): boolean {
    return this.#held.has(owner);
  }

  /** @returns false when it does not fit; then nothing changes */
  take(owner: string, bytes: number): boolean {
    if (this.#held.has(owner)) return true;
    if (this.usedBytes + bytes > this.totalBytes) {
      this.overruns += 1;
      return false;
    }
    this.#held.set(owner, bytes);
    this.loads += 1;
    this.mostBytes = Math.max(this.mostBytes, this.usedBytes);
    return true;
  }

  release(owner: string): void {
    this.#held.delete(owner);
  }

  /** A process is gone, and what it held with it. */
  releaseAll(prefix: string): void {
    for (const owner of [...this.#held.keys()])
      if (owner.startsWith(prefix)) this.#held.delete(owner);
  }
}
