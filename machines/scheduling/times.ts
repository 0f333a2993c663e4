// How long runs and loads take, learned from those that were seen: for each worker, model and size. What a
// worker has not shown yet is taken from what is nearest to it: its own times at other sizes, those of
// other workers by how it compares with them, and at last what its offer declared.
import {
  declaredLoad,
  declaredRun,
  learnedOf,
  Pairs,
  seenAtOtherSize,
  seenRun,
  type Declared,
  type Learned,
  type Pair,
} from './pairs.ts';
import { medianOf, middle, moved, Series, widened, type Spread } from './series.ts';

/** In milliseconds. Eight of ten lie from `low` to `high`. */
export interface Span {
  readonly median: number;
  readonly low: number;
  readonly high: number;
}

/** What a worker could do with a model. */
export interface Ability {
  /** Until it could run, when it is not in memory. */
  readonly loadMs: number;
  /** Its run time over that of a worker of pace 1. */
  readonly pace: number;
}

interface Abilities {
  readonly byModel: ReadonlyMap<string, Ability>;
  readonly at: number;
}

/** Smaller jobs take as long as this: there is a fixed part in everything. In standard outputs. */
const WORK_MIN = 0.05;
const WORK_MAX = 2 ** 15;
/** How much less sure a time is that was seen on another worker. */
const OTHER_WORKER_FACTOR = 1.4;
/** Two workers, or one with all others, are compared again after so many notes. */
const COMPARED_FOR = 50;
const COMPARISONS_MAX = 10_000;

/** Times on a worker of pace 1, by size; looked at again after as many runs as there are workers. */
interface Typical {
  readonly bySize: Map<number, Spread>;
  runs: number;
}

const sizeOf = (work: number): number =>
  Math.round(Math.log2(Math.min(Math.max(work, WORK_MIN), WORK_MAX)));
const isAmount = (value: number): boolean => Number.isFinite(value) && value >= 0;

const spanOf = ({ median, low, high }: Spread, units = 1): Span => ({
  median: units * Math.max(0, Math.expm1(median)),
  low: units * Math.max(0, Math.expm1(low)),
  high: units * Math.max(0, Math.expm1(high)),
});

export class Times {
  readonly #pairs = new Pairs();
  /** Of one worker against another, and as of how many notes. */
  readonly #slowness = new Map<string, { readonly by: number | null; readonly at: number }>();
  /** By model. */
  readonly #typical = new Map<string, Typical>();
  /** By worker; forgotten with every note of it. */
  readonly #abilities = new Map<string, Abilities>();
  #notes = 0;

  // --- what is seen -------------------------------------------------------------------------------

  /** What the worker's offer says of its models. */
  noteOffer(worker: string, models: readonly Declared[]): void {
    for (const declared of models) {
      this.#pairs.touch(worker, declared.id).declared = declared;
      this.#typical.delete(declared.id);
    }
    this.#abilities.delete(worker);
  }

  /** @param work in standard outputs */
  noteRun(worker: string, model: string, work: number, runMs: number): void {
    if (!isAmount(runMs) || !isAmount(work) || work === 0) return;
    const { runs } = this.#changed(worker, model);
    const size = sizeOf(work);
    const series = runs.get(size) ?? new Series();
    runs.set(size, series);
    series.note(Math.log1p(runMs / Math.max(work, WORK_MIN)));
    const typical = this.#typical.get(model);
    if (typical && ++typical.runs >= this.#pairs.ofModel(model).size) this.#typical.delete(model);
  }

  noteLoad(worker: string, model: string, loadMs: number): void {
    if (isAmount(loadMs)) this.#changed(worker, model).loads.note(Math.log1p(loadMs));
  }

  #changed(worker: string, model: string): Pair {
    const pair = this.#pairs.touch(worker, model);
    this.#notes += 1;
    pair.changed = this.#notes;
    this.#abilities.delete(worker);
    return pair;
  }

  // --- what is asked ------------------------------------------------------------------------------

  /** @param worker null: on a worker of pace 1, the middle one of those that have the model */
  runMs(worker: string | null, model: string, work: number): Span {
    const size = sizeOf(work);
    const each = worker === null ? this.#typicalRun(model, size) : this.#run(worker, model, size);
    return spanOf(each, Math.max(work, WORK_MIN));
  }

  /** Usual on the slowest worker that has the model: what a time limit has to leave room for. */
  longestRunMs(model: string, work: number): number {
    const workers = [...this.#pairs.ofModel(model)].map(({ worker }) => worker);
    return Math.max(0, ...workers.map((worker) => this.runMs(worker, model, work).median));
  }

  /** From the order until it could run, when it is not in memory. */
  loadMs(worker: string, model: string): Span {
    const pair = this.#pairs.of(worker, model);
    const expected = () => this.#loadElsewhere(worker, model) ?? declaredLoad(pair);
    return spanOf(pair?.loads.spread(expected) ?? expected());
  }

  /** The worker's run time over that of a worker of pace 1. */
  pace(worker: string, model: string): number {
    const size = usualSize(this.#pairs.of(worker, model));
    const [own, typical] = [this.#run(worker, model, size), this.#typicalRun(model, size)];
    return Math.exp(own.median - typical.median);
  }

  /** All that the worker offers or has shown. The same map until something has changed. */
  abilities(worker: string): ReadonlyMap<string, Ability> {
    const known = this.#abilities.get(worker);
    if (known && this.#notes - known.at < COMPARED_FOR) return known.byModel;
    const models = [...this.#pairs.ofWorker(worker)].map(({ model }) => model);
    const byModel = new Map(models.map((model) => [model, this.#ability(worker, model)]));
    this.#abilities.set(worker, { byModel, at: this.#notes });
    return byModel;
  }

  #ability(worker: string, model: string): Ability {
    return { loadMs: this.loadMs(worker, model).median, pace: this.pace(worker, model) };
  }

  /** How many runs and loads were seen. */
  seen(worker: string, model: string): { readonly runs: number; readonly loads: number } {
    const pair = this.#pairs.of(worker, model);
    const runs = [...(pair?.runs.values() ?? [])].reduce((sum, { seen }) => sum + seen, 0);
    return { runs, loads: pair?.loads.seen ?? 0 };
  }

  // --- where an answer comes from -----------------------------------------------------------------

  #run(worker: string, model: string, size: number): Spread {
    const pair = this.#pairs.of(worker, model);
    const expected = () =>
      (pair && seenAtOtherSize(pair, size)) ??
      this.#runElsewhere(worker, model, size) ??
      (pair?.declared ? declaredRun(pair) : this.#typicalRun(model, size));
    return pair?.runs.get(size)?.spread(expected) ?? expected();
  }

  /** By those that can be compared with this worker; by all, as if they were as fast, if none can. */
  #runElsewhere(worker: string, model: string, size: number): Spread | null {
    const [compared, others]: [Spread[], Spread[]] = [[], []];
    for (const pair of this.#others(worker, model)) {
      const seen = seenRun(pair, size);
      const slower = seen && this.#slower(worker, pair.worker);
      if (seen) others.push(seen);
      if (seen && slower !== null) compared.push(moved(seen, slower));
    }
    const typical = middle(compared) ?? middle(others);
    return typical && widened(typical, OTHER_WORKER_FACTOR);
  }

  #loadElsewhere(worker: string, model: string): Spread | null {
    const known = this.#others(worker, model).filter(({ loads }) => loads.isKnown);
    const typical = middle(known.map((pair) => pair.loads.spread(() => declaredLoad(pair))));
    return typical && widened(typical, OTHER_WORKER_FACTOR);
  }

  #typicalRun(model: string, size: number): Spread {
    const known = this.#typical.get(model) ?? { bySize: new Map<number, Spread>(), runs: 0 };
    const kept = known.bySize.get(size);
    if (kept) return kept;
    const pairs = [...this.#pairs.ofModel(model)];
    if (pairs.length === 0) return declaredRun(null);
    const typical =
      middle(pairs.flatMap((pair) => seenRun(pair, size) ?? [])) ??
      middle(pairs.filter(({ declared }) => declared).map(declaredRun)) ??
      declaredRun(null);
    known.bySize.set(size, typical);
    this.#typical.set(model, known);
    return typical;
  }

  /** On the logarithmic scale: how much longer this worker takes than the other, over all that both ran. */
  #slower(worker: string, other: string): number | null {
    const key = `${worker} ${other}`;
    const kept = this.#slowness.get(key);
    if (kept && this.#notes - kept.at < COMPARED_FOR) return kept.by;
    const distances: number[] = [];
    for (const { model, runs } of this.#pairs.ofWorker(worker))
      for (const [size, own] of runs) {
        const its = this.#pairs.of(other, model)?.runs.get(size);
        if (own.isKnown && its?.isKnown) distances.push(own.median - its.median);
      }
    const by = distances.length === 0 ? null : medianOf(distances);
    if (this.#slowness.size >= COMPARISONS_MAX) this.#slowness.clear();
    this.#slowness.set(key, { by, at: this.#notes });
    return by;
  }

  #others(worker: string, model: string): Pair[] {
    return [...this.#pairs.ofModel(model)].filter((pair) => pair.worker !== worker);
  }

  // --- what is kept -------------------------------------------------------------------------------

  /** How many notes were taken; `since` tells what changed after so many. */
  get notes(): number {
    return this.#notes;
  }

  since(notes: number): Learned[] {
    return [...this.#pairs.all].filter(({ changed }) => changed > notes).map(learnedOf);
  }

  toJSON(): Learned[] {
    const isLearned = ({ runs, loads }: Pair) => runs.size > 0 || loads.seen > 0;
    return [...this.#pairs.all].filter(isLearned).map(learnedOf);
  }

  static from(rows: readonly Learned[]): Times {
    const times = new Times();
    times.adopt(rows);
    return times;
  }

  /** What somebody else, or an earlier process, has learned. It yields to who has seen more. */
  adopt(rows: readonly Learned[]): void {
    for (const { worker, model, runs, loads } of rows) {
      const pair = this.#pairs.touch(worker, model);
      for (const [size, stored] of Object.entries(runs))
        if ((pair.runs.get(Number(size))?.seen ?? 0) < stored.seen)
          pair.runs.set(Number(size), Series.from(stored));
      if (pair.loads.seen < loads.seen) pair.loads = Series.from(loads);
      this.#typical.delete(model);
      this.#abilities.delete(worker);
    }
  }
}

/** The size that the pair was seen at most often. */
function usualSize(pair: Pair | null): number {
  let [usual, most] = [0, 0];
  for (const [size, { seen }] of pair?.runs ?? []) if (seen > most) [usual, most] = [size, seen];
  return usual;
}
