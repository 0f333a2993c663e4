// Where the work of a simulated server stops in its middle, until a test lets it go on.

export class Gate {
  #shut: { readonly reached: Passage; readonly opened: Passage } | null = null;

  /** What comes here stops until `open`. Resolves when something has come this far. */
  shut(): Promise<void> {
    this.#shut ??= { reached: Promise.withResolvers(), opened: Promise.withResolvers() };
    return this.#shut.reached.promise;
  }

  open(): void {
    this.#shut?.opened.resolve();
    this.#shut = null;
  }

  /** Null where nothing is in the way. */
  pass(): Promise<void> | null {
    this.#shut?.reached.resolve();
    return this.#shut?.opened.promise ?? null;
  }
}

type Passage = PromiseWithResolvers<void>;
