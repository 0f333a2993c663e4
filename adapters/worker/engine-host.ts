// An engine together with what stands around it: who keeps its process alive, and what it must keep loaded.
// The arbiter knows engines only in this form; `supervision/` makes them.
import type { Engine } from '../../machines/contract/engine.ts';

export interface EngineHost {
  readonly engine: Engine;
  /** Models that are never evicted to make room for another. */
  readonly pinned: readonly string[];
  /**
   * Ends the engine's process, frees its memory and starts it again; resolves when it can serve. Null where
   * nobody here may do that, as with an external address. Calls that overlap are one restart.
   */
  readonly restart: ((reason: string) => Promise<void>) | null;
  /** Told each time the process went down by itself, or lost the card: nothing is loaded in it any more. */
  readonly onDown?: (listener: (reason: string) => void) => void;
}

/** An engine that nobody here keeps alive, such as the built-in one. */
export const bareHost = (engine: Engine): EngineHost => ({ engine, pinned: [], restart: null });
