// An engine that somebody else runs: nothing can be done about it, but its absence is noticed.
import type { EngineHost } from '../engine-host.ts';
import { pause, type Log, type Timers } from '../seams.ts';
import { probe } from './health.ts';
import type { WatchedEngine } from './watched-engine.ts';

export interface ExternalOptions {
  readonly name: string;
  readonly watched: WatchedEngine;
  readonly pinned: readonly string[];
  readonly log: Log;
  readonly timers: Timers;
}

export interface External extends EngineHost {
  start(): void;
  stop(): Promise<void>;
}

const LOOK_EVERY_MS = 15_000;
/** One missed answer is a busy server; three in a row have lost what was loaded, or soon will have. */
const MISSES_MAX = 3;

export function externalHost(options: ExternalOptions): External {
  const { name, watched, log, timers } = options;
  const listeners = new Set<(reason: string) => void>();
  const stopping = new AbortController();
  let watching: Promise<void> | null = null;

  const watch = async (): Promise<void> => {
    // Unknown until it has answered: one that was never there did not go down.
    let misses = MISSES_MAX;
    for (;;) {
      const problem = watched.isChanging() ? null : await probe(options);
      if (problem === null) misses = 0;
      else if ((misses += 1) === MISSES_MAX) {
        log.warn({ engine: name, problem }, `The engine ${name} does not answer any more`);
        for (const listener of listeners) listener(problem);
      }
      await pause(timers, LOOK_EVERY_MS, stopping.signal);
    }
  };

  return {
    engine: watched.engine,
    pinned: options.pinned,
    restart: null,
    onDown: (listener) => void listeners.add(listener),
    start: () => {
      watching ??= watch().catch(() => undefined);
    },
    stop: async () => {
      stopping.abort(new Error('The worker stops.'));
      await watching;
    },
  };
}
