// Rows become actors here. What this runtime cannot read (newer code wrote it, or it is damaged) it leaves
// alone: never dropped, reset or overwritten, for another runtime may run it. It is counted, and said once.
import type { StoredActor } from '../db/store.ts';
import { refKey } from '../machines/contract/ids.ts';
import { restore, unreadable, type Actor } from './actor.ts';
import { REGISTRY, UnknownVersion, type Registry } from './versions.ts';

/** More than this are counted again when they are met again; none is forgotten for that. */
const KNOWN_MAX = 10_000;

interface ReaderSeams {
  readonly registry?: Registry;
  readonly log: (message: string) => void;
  /** Told of each actor that is left alone, when it is first met. */
  readonly leftAlone?: (row: StoredActor) => void;
}

export class Reader {
  readonly registry: Registry;
  readonly #seams: ReaderSeams;
  readonly #met = new Set<string>();
  readonly #said = new Set<string>();

  constructor(seams: ReaderSeams) {
    this.registry = seams.registry ?? REGISTRY;
    this.#seams = seams;
  }

  /** Never throws: see `isUnreadable`. */
  read(row: StoredActor): Actor {
    try {
      return restore(row, this.registry);
    } catch (error) {
      this.#note(row, error as Error);
      return unreadable(row);
    }
  }

  #note(row: StoredActor, error: Error): void {
    const { log, leftAlone } = this.#seams;
    const key = refKey(row.ref);
    if (!this.#met.has(key)) {
      if (this.#met.size >= KNOWN_MAX) this.#met.clear();
      this.#met.add(key);
      leftAlone?.(row);
    }
    // One sentence per version, however many actors a deploy has moved on.
    const what = error instanceof UnknownVersion ? `${row.machine}@${row.version}` : key;
    if (this.#said.has(what) || this.#said.size >= KNOWN_MAX) return;
    this.#said.add(what);
    log(`left alone, as all others like it: ${error.message}`);
  }
}
