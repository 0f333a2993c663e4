// People at a counter: how simulated servers keep requests waiting.

/** First come, first served, so many at once; whoever hangs up leaves. */
export class Line {
  readonly #places: number;
  #inside: (() => void)[] = [];

  constructor(places: number) {
    this.#places = places;
  }

  get length(): number {
    return this.#inside.length;
  }

  async enter(gone: AbortSignal): Promise<(() => void) | null> {
    const { promise, resolve } = Promise.withResolvers<void>();
    const leave = () => {
      this.#inside = this.#inside.filter((other) => other !== resolve);
      for (const next of this.#inside.slice(0, this.#places)) next();
    };
    this.#inside.push(resolve);
    if (this.#inside.length <= this.#places) resolve();
    gone.addEventListener('abort', () => resolve(), { once: true });
    await promise;
    if (!gone.aborted) return leave;
    leave();
    return null;
  }
}
