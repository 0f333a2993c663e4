// What was learned of each worker and model. Bounded: those that were quiet longest are forgotten first.
import { around, Series, widened, type Spread, type StoredSeries } from './series.ts';

export interface Declared {
  readonly id: string;
  readonly runMs: number;
  readonly loadMs: number;
}

/** What was learned of one worker and model; plain, to be stored. */
export interface Learned {
  readonly worker: string;
  readonly model: string;
  /** By size class: the exponent of two that is nearest to the work. */
  readonly runs: Readonly<Record<string, StoredSeries>>;
  readonly loads: StoredSeries;
}

export interface Pair {
  readonly worker: string;
  readonly model: string;
  /** By size class, of the time per standard output. */
  readonly runs: Map<number, Series>;
  loads: Series;
  declared: Declared | null;
  /** The count of notes when it changed last. */
  changed: number;
}

const PAIRS_MAX = 2_000;
/** A declared time is somebody's guess. */
const DECLARED_FACTOR = 2;
const UNKNOWN: Spread = around(Math.log1p(10_000), 4);
/** How much less sure a time is that was seen at half or twice the size. */
const NEXT_SIZE_FACTOR = 1.2;

const NONE: ReadonlySet<Pair> = new Set();

const keyOf = (worker: string, model: string) => `${worker} ${model}`;

export class Pairs {
  readonly #byKey = new Map<string, Pair>();
  readonly #byModel = new Map<string, Set<Pair>>();
  readonly #byWorker = new Map<string, Set<Pair>>();

  get all(): Iterable<Pair> {
    return this.#byKey.values();
  }

  of(worker: string, model: string): Pair | null {
    return this.#byKey.get(keyOf(worker, model)) ?? null;
  }

  ofModel(model: string): ReadonlySet<Pair> {
    return this.#byModel.get(model) ?? NONE;
  }

  ofWorker(worker: string): ReadonlySet<Pair> {
    return this.#byWorker.get(worker) ?? NONE;
  }

  /** Made where it is new; in any case the last to be forgotten. */
  touch(worker: string, model: string): Pair {
    const key = keyOf(worker, model);
    const pair = this.#byKey.get(key) ?? this.#make(worker, model);
    this.#byKey.delete(key);
    this.#byKey.set(key, pair);
    if (this.#byKey.size > PAIRS_MAX) this.#forget(this.#byKey.values().next().value!);
    return pair;
  }

  #make(worker: string, model: string): Pair {
    const runs = new Map<number, Series>();
    const pair: Pair = { worker, model, runs, loads: new Series(), declared: null, changed: 0 };
    entryOf(this.#byModel, model).add(pair);
    entryOf(this.#byWorker, worker).add(pair);
    return pair;
  }

  #forget(pair: Pair): void {
    const { worker, model } = pair;
    this.#byKey.delete(keyOf(worker, model));
    this.#byModel.get(model)?.delete(pair);
    this.#byWorker.get(worker)?.delete(pair);
  }
}

function entryOf(index: Map<string, Set<Pair>>, key: string): Set<Pair> {
  const entry = index.get(key) ?? new Set();
  index.set(key, entry);
  return entry;
}

export const learnedOf = ({ worker, model, runs, loads }: Pair): Learned => ({
  worker,
  model,
  runs: Object.fromEntries([...runs].map(([size, series]) => [size, series.toJSON()])),
  loads: loads.toJSON(),
});

export const declaredRun = (pair: Pair | null): Spread =>
  pair?.declared ? around(Math.log1p(pair.declared.runMs), DECLARED_FACTOR) : UNKNOWN;

export const declaredLoad = (pair: Pair | null): Spread =>
  pair?.declared ? around(Math.log1p(pair.declared.loadMs), DECLARED_FACTOR) : UNKNOWN;

/** What the pair showed at that size, or next to it; null where it has shown too little. */
export function seenRun(pair: Pair, size: number): Spread | null {
  const own = pair.runs.get(size);
  if (!own?.isKnown) return seenAtOtherSize(pair, size);
  return own.spread(() => seenAtOtherSize(pair, size) ?? declaredRun(pair));
}

export function seenAtOtherSize(pair: Pair, size: number): Spread | null {
  let [nearest, distance]: [Series | null, number] = [null, Infinity];
  for (const [each, series] of pair.runs) {
    const far = Math.abs(each - size);
    if (far > 0 && far < distance && series.isKnown) [nearest, distance] = [series, far];
  }
  return (
    nearest &&
    widened(
      nearest.spread(() => declaredRun(pair)),
      NEXT_SIZE_FACTOR ** distance,
    )
  );
}
