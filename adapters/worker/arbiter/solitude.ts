// A run that ran out of memory is tried again alone: whoever is under way may end, nobody begins meanwhile.
// One at a time; those that wait for the same do not wait for each other.

export interface Solitude {
  /** Nothing new may begin. */
  isWanted(): boolean;
  /** Something ended: perhaps the next one is alone now. */
  noteEnd(): void;
  /** @param key of the run that asks, which is under way itself */
  alone<T>(key: string, signal: AbortSignal, work: () => Promise<T>): Promise<T>;
}

export function createSolitude(running: () => Iterable<string>, onFree: () => void): Solitude {
  const waiting = new Set<string>();
  let last: Promise<void> = Promise.resolve();
  let ended = Promise.withResolvers<void>();

  const noteEnd = () => {
    ended.resolve();
    ended = Promise.withResolvers();
  };

  const untilAlone = async () => {
    while ([...running()].some((each) => !waiting.has(each))) await ended.promise;
  };

  return {
    isWanted: () => waiting.size > 0,
    noteEnd,
    alone: async (key, signal, work) => {
      waiting.add(key);
      // One that went on as if alone may have to end first for another.
      noteEnd();
      const place = Promise.withResolvers<void>();
      const before = last;
      last = place.promise;
      try {
        // Called off while it waits, it leaves; what is under way then ends by its own signal.
        await Promise.race([aborted(signal), before.then(untilAlone)]);
        return await work();
      } finally {
        waiting.delete(key);
        void before.then(place.resolve);
        onFree();
      }
    },
  };
}

const aborted = (signal: AbortSignal): Promise<never> =>
  new Promise((_, reject) => {
    const stop = () => reject(signal.reason as Error);
    if (signal.aborted) stop();
    else signal.addEventListener('abort', stop, { once: true });
  });
