// Test equipment: time that passes when it is told to.
import type { Clock } from './governor.ts';

/** All that was going to happen without time passing has happened. */
export const settled = async (): Promise<void> => {
  for (let turn = 0; turn < 20; turn++) await Promise.resolve();
};

export class VirtualClock implements Clock {
  #now = 1_000_000;
  readonly #tasks = new Set<{ readonly at: number; readonly run: () => void }>();

  now(): number {
    return this.#now;
  }

  later(ms: number, run: () => void): () => void {
    const task = { at: this.#now + ms, run };
    this.#tasks.add(task);
    return () => void this.#tasks.delete(task);
  }

  /** One after the other, each at its own time. */
  async advance(ms: number): Promise<void> {
    const end = this.#now + ms;
    await settled();
    for (;;) {
      const [next] = [...this.#tasks].sort((a, b) => a.at - b.at);
      if (next === undefined || next.at > end) break;
      this.#tasks.delete(next);
      this.#now = next.at;
      next.run();
      await settled();
    }
    this.#now = end;
    await settled();
  }
}
