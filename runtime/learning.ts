// How long runs and loads take, learned from what this runtime commits: a worker's reports are committed where
// its socket is, so each is noted once. Now and then what is new is kept in the store, and what others have
// kept is taken over; a store that is away costs nothing but that.
import { z } from 'zod';
import type { Learned, Store } from '../db/store.ts';
import { batchTimes } from '../machines/contract/batching.ts';
import type { WorkerEvent } from '../machines/contract/events.ts';
import { SYSTEM_ACCOUNT, refKey, workerRef } from '../machines/contract/ids.ts';
import type { JobContext } from '../machines/job/context.ts';
import type * as pairs from '../machines/scheduling/pairs.ts';
import { Calibration, type StoredCalibration } from '../machines/scheduling/calibration.ts';
import { Times } from '../machines/scheduling/times.ts';
import type { WorkerContext } from '../machines/worker/context.ts';
import type { Clock } from './clock.ts';
import type { Component, Turned } from './component.ts';
import { contextOf } from './views.ts';

export const KEEP_EVERY_MS = 30_000;
const SUBJECT = 'times';
const WAITS = 'waits';
const ROWS_MAX = 2_000;
/** Rows of commits that overtook each other, and of a clock that was set. */
const MARGIN_MS = 60_000;

const series = z.strictObject({
  seen: z.number().int().nonnegative(),
  values: z.array(z.number().nonnegative()).max(1_000),
});
const kept = z.strictObject({
  worker: z.string(),
  model: z.string(),
  runs: z.record(z.string().regex(/^-?\d{1,2}$/), series),
  loads: series,
}) satisfies z.ZodType<pairs.Learned>;

const keptWaits = z.strictObject({
  plan: z.enum(['free', 'starter', 'pro']),
  seen: z.number().int().nonnegative(),
  lessons: z.array(z.tuple([z.number(), z.number()])).max(1_000),
}) satisfies z.ZodType<StoredCalibration>;

interface Seams {
  readonly store: Pick<Store, 'keepLearned' | 'learned'>;
  readonly clock: Clock;
  readonly log: (message: string) => void;
}

export class Learning {
  readonly times = new Times();
  /** How far off it was what waiting people were told. */
  readonly calibration = new Calibration();
  readonly #seams: Seams;
  readonly #stop = new AbortController();
  #loop: Promise<void> = Promise.resolve();
  /** The notes that are kept in the store. */
  #kept = 0;
  /** How many waits are. */
  #keptWaits = 0;
  /** The store time of the newest row that was read. */
  #read = 0;

  constructor(seams: Seams) {
    this.#seams = seams;
  }

  committed(component: Component): void {
    for (const each of component.turned.values())
      if (each.after.ref.kind === 'job') this.#noteRun(each, component);
      else if (each.after.ref.kind === 'worker') this.#noteLoads(each, component);
  }

  #noteRun({ before, after }: Turned, { turned }: Component): void {
    const { spec, run } = contextOf<JobContext>(after);
    const worker = before && contextOf<JobContext>(before).run.lease?.worker;
    if (run.runMs === null || run.finishedAt === null || !worker) return;
    const ran = turned.get(refKey(workerRef(worker)));
    const offer = ran && contextOf<WorkerContext>(ran.after).offer;
    const cost = offer?.models.find(({ id }) => id === spec.model)?.batch?.cost ?? 1;
    // Those that shared a call report what all of it took: noted is what the job would have taken alone.
    const aloneMs = run.runMs / batchTimes(run.batch?.size ?? 1, cost);
    this.times.noteRun(worker, spec.model, spec.work, aloneMs);
  }

  /** A model that is in memory may be reported again; its load was noted then. */
  #noteLoads({ before, after: { ref } }: Turned, { journal }: Component): void {
    let inMemory = before ? contextOf<WorkerContext>(before).run.loaded : [];
    for (const row of journal) {
      if (row.ref.id !== ref.id || !row.event.includes('"model.')) continue;
      const event = JSON.parse(row.event) as WorkerEvent;
      if (event.type === 'model.unloaded')
        inMemory = inMemory.filter((model) => model !== event.model);
      if (event.type !== 'model.loaded' || inMemory.includes(event.model)) continue;
      inMemory = [...inMemory, event.model];
      this.times.noteLoad(ref.id, event.model, event.loadMs);
    }
  }

  /** Reads what is known, and goes on from there. */
  async start(): Promise<void> {
    await this.#readNews().catch((error: Error) => this.#seams.log(`learning: ${error.message}`));
    this.#loop = this.#run();
  }

  async #run(): Promise<void> {
    const { clock, log } = this.#seams;
    const { signal } = this.#stop;
    while (!signal.aborted) {
      await clock.sleep(KEEP_EVERY_MS, signal);
      if (!signal.aborted)
        await this.runOnce().catch((error: Error) => log(`learning: ${error.message}`));
    }
  }

  async runOnce(): Promise<void> {
    await this.#keep();
    await this.#readNews();
  }

  async #keep(): Promise<void> {
    const { notes } = this.times;
    const rows = [...this.times.since(this.#kept).map(rowOf), ...this.#newWaits()];
    if (rows.length > 0) await this.#seams.store.keepLearned(rows);
    this.#kept = notes;
    this.#keptWaits = this.calibration.seen;
  }

  #newWaits(): Learned[] {
    if (this.calibration.seen === this.#keptWaits) return [];
    return this.calibration.toJSON().map((waits) => ({
      ...{ accountId: SYSTEM_ACCOUNT, subject: WAITS, id: waits.plan, seen: waits.seen },
      facts: JSON.stringify(waits),
    }));
  }

  async #readNews(): Promise<void> {
    const rows = await this.#seams.store.learned(SUBJECT, this.#read - MARGIN_MS, ROWS_MAX);
    // Oldest first: those that are read last are remembered longest.
    this.times.adopt(rows.toReversed().flatMap(({ facts }) => readFacts(kept, facts) ?? []));
    this.#read = rows[0]?.keptAt ?? this.#read;
    for (const { facts } of await this.#seams.store.learned(WAITS, 0, ROWS_MAX)) {
      const waits = readFacts(keptWaits, facts);
      if (waits) this.calibration.adopt(waits);
    }
  }

  /** What was learned last is kept, if the store is there. */
  async stop(): Promise<void> {
    this.#stop.abort();
    await this.#loop;
    await this.#keep().catch(() => undefined);
  }
}

/** What another version has written in other words is learned anew. */
function readFacts<T>(shape: z.ZodType<T>, facts: string): T | null {
  try {
    return shape.parse(JSON.parse(facts));
  } catch {
    return null;
  }
}

const rowOf = (learned: pairs.Learned): Learned => ({
  accountId: SYSTEM_ACCOUNT,
  subject: SUBJECT,
  id: `${learned.worker} ${learned.model}`,
  seen: [...Object.values(learned.runs), learned.loads].reduce((sum, { seen }) => sum + seen, 0),
  facts: JSON.stringify(learned),
});
