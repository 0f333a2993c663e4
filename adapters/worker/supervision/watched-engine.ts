// An engine, and what its supervisor has to know of the work in it: whether it is busy, what went wrong.
import type { Engine } from '../../../machines/contract/engine.ts';

export interface WatchedEngine {
  readonly engine: Engine;
  /** A load or an unload is under way: some servers do not answer meanwhile. */
  isChanging(): boolean;
  /** Resolves when no job is in it. */
  whenIdle(): Promise<void>;
  /** Until the signal. */
  onFailure(listener: (error: unknown) => void, signal: AbortSignal): void;
}

/** @param name tells two engines of one kind apart */
export function watchEngine(inner: Engine, name: string): WatchedEngine {
  const failed = new Set<(error: unknown) => void>();
  let changes = 0;
  let runs = 0;
  let idle = Promise.withResolvers<void>();
  idle.resolve();

  const telling = async <T>(work: Promise<T>, signal?: AbortSignal): Promise<T> => {
    try {
      return await work;
    } catch (error) {
      if (!signal?.aborted) for (const listener of failed) listener(error);
      throw error;
    }
  };
  const changing = async <T>(work: () => Promise<T>): Promise<T> => {
    changes += 1;
    try {
      return await telling(work());
    } finally {
      changes -= 1;
    }
  };
  const own: Partial<Engine> = {
    name,
    load: (model, signal) => changing(() => inner.load(model, signal)),
    unload: (model) => changing(() => inner.unload(model)),
    run: async (job, report, signal) => {
      if (runs === 0) idle = Promise.withResolvers();
      runs += 1;
      try {
        return await telling(inner.run(job, report, signal), signal);
      } finally {
        runs -= 1;
        if (runs === 0) idle.resolve();
      }
    },
  };
  // Not a copy: engines may be classes, and may have more than the port asks for.
  const engine = new Proxy(inner, {
    get: (target, key) => {
      if (Object.hasOwn(own, key)) return own[key as keyof Engine];
      const value: unknown = Reflect.get(target, key);
      return typeof value === 'function' ? value.bind(target) : value;
    },
  });
  return {
    engine,
    isChanging: () => changes > 0,
    whenIdle: () => idle.promise,
    onFailure: (listener, until) => {
      failed.add(listener);
      until.addEventListener('abort', () => failed.delete(listener), { once: true });
    },
  };
}

/** Of an error and all that caused it. */
export function wordsOf(error: unknown): string {
  const words: string[] = [];
  for (let at = error; at instanceof Error && words.length < 5; at = at.cause)
    words.push(at.message);
  return words.join(' ');
}
