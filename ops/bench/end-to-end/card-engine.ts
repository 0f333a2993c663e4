// One engine that serves every model of a traced worker, on one simulated card: loads and runs take the time
// that the trace says is true. It notes what the card did and when, which is all that is measured.
import {
  EngineFailure,
  type BatchMember,
  type Engine,
  type EngineOutput,
} from '../../../machines/contract/engine.ts';
import type { Modality, ModelOffer } from '../../../machines/contract/models.ts';
import { pause, type Timers } from '../../../adapters/worker/seams.ts';
import type { SimulatedCard } from '../../day/card.ts';
import type { Trace, TracedJob, TracedModel, TracedWorker } from './trace.ts';

export const MB = 1_000_000;

export interface Span {
  readonly what: 'load' | 'unload' | 'run';
  readonly model: string;
  readonly from: number;
  readonly to: number;
  /** Of a load: not from the system's cache of files. */
  readonly isCold: boolean;
  /** Of a run. */
  readonly jobs: readonly string[];
}

export interface CardEngineOptions {
  readonly trace: Trace;
  readonly worker: TracedWorker;
  readonly card: SimulatedCard;
  readonly timers: Timers;
  readonly jobOf: (id: string) => TracedJob;
  /** How much longer than usual the n-th load of a model takes. */
  readonly loadNoise: (model: string, count: number) => number;
  /** A run has ended, and its result is not on its way yet. */
  readonly made: (job: string) => void;
}

/** Real engines tell steps; one that is silent for long counts as hung. */
const PROGRESS_EVERY_MS = 15_000;

const MODALITIES: Readonly<Record<string, Modality>> = {
  image: 'image',
  video: 'video',
  text: 'text',
  stt: 'transcript',
  tts: 'audio',
  audio: 'audio',
};

export const modalityOf = (kind: string): Modality => {
  const modality = MODALITIES[kind];
  if (!modality) throw new Error(`The trace has jobs of a kind that is not known here: ${kind}.`);
  return modality;
};

export function createCardEngine(options: CardEngineOptions) {
  const { trace, worker, card, timers, jobOf } = options;
  const { models } = trace.fleet;
  const spans: Span[] = [];
  const loads = new Map<string, number>();
  const cache = new FileCache(worker.page_cache_mb);
  const note = (span: Omit<Span, 'to' | 'isCold' | 'jobs'> & Partial<Span>): void =>
    void spans.push({ isCold: false, jobs: [], to: timers.now(), ...span });

  const load = async (model: string, signal: AbortSignal) => {
    const { load_ms, warm_ms, vram_mb, file_mb } = models[model]!;
    if (card.has(model)) return { loadMs: 0, vramBytes: vram_mb * MB };
    if (!card.take(model, vram_mb * MB))
      throw new EngineFailure('outOfMemory', 'The card has no room for the model.');
    const from = timers.now();
    const isCold = !cache.has(model);
    const count = loads.get(model) ?? 0;
    loads.set(model, count + 1);
    cache.touch(model, file_mb);
    const usualMs = Math.round((isCold ? load_ms : warm_ms) * worker.load_scale);
    await pause(timers, Math.round(usualMs * options.loadNoise(model, count)), signal);
    note({ what: 'load', model, from, isCold });
    return { loadMs: timers.now() - from, vramBytes: vram_mb * MB };
  };

  const unload = async (model: string): Promise<void> => {
    const from = timers.now();
    await pause(timers, models[model]!.unload_ms, new AbortController().signal);
    card.release(model);
    note({ what: 'unload', model, from });
  };

  /** The longest in full, each other at what a further one costs; memory likewise. */
  const call = async (
    members: readonly Pick<BatchMember, 'job' | 'report'>[],
    signal: AbortSignal,
  ): Promise<EngineOutput[][]> => {
    const jobs = members.map(({ job }) => jobOf(job.id));
    const { model, kind } = jobs[0]!;
    const ids = members.map(({ job }) => job.id);
    const from = timers.now();
    const usualMs = together(
      models[model]!.batch_cost,
      jobs.map((job) => job.actual_ms),
    );
    const runMs = Math.max(1, Math.round(usualMs / worker.speed));
    const key = `run ${ids.join()}`;
    if (
      !card.take(
        key,
        together(
          0.5,
          jobs.map((job) => job.act_mb),
        ) * MB,
      )
    )
      throw new EngineFailure('outOfMemory', 'The card has no room for the run.');
    try {
      for (const { report } of members) report({ type: 'started' });
      for (let done = 0; done < runMs;) {
        await pause(timers, Math.min(PROGRESS_EVERY_MS, runMs - done), signal);
        done = timers.now() - from;
        if (done < runMs)
          for (const { report } of members) report({ type: 'progress', fraction: done / runMs });
      }
    } finally {
      card.release(key);
    }
    note({ what: 'run', model, from, jobs: ids });
    for (const id of ids) options.made(id);
    return ids.map((id) => [outputOf(id, modalityOf(kind))]);
  };

  const engine: Engine = {
    name: 'traced',
    probe: () => Promise.resolve(),
    models: () => Promise.resolve(worker.models.map((id) => offerOf(id, models[id]!, worker))),
    load,
    unload,
    run: async (job, report, signal) => (await call([{ job, report }], signal))[0]!,
    runBatch: call,
    close: () => Promise.resolve(),
  };
  return { engine, spans };
}

/** What an operator would write: the model's own memory; what a run needs on top is learned. */
const offerOf = (id: string, model: TracedModel, worker: TracedWorker): ModelOffer => ({
  id,
  name: id,
  engine: 'traced',
  modality: modalityOf(model.kind),
  description: 'as the trace has it',
  vramBytes: model.vram_mb * MB,
  loadMs: model.load_ms * worker.load_scale,
  runMs: model.typ_ms / worker.speed,
  ...(model.batch_max > 1 && { batch: { max: model.batch_max, cost: model.batch_cost } }),
  limits: {},
  styles: [],
  voices: [],
});

/** Of equal things: the largest in full, of each other a share. */
export const together = (share: number, sizes: readonly number[]): number => {
  const most = Math.max(...sizes);
  return most + share * (sizes.reduce((sum, size) => sum + size, 0) - most);
};

const MEDIA: Readonly<Record<Modality, string>> = {
  image: 'image/png',
  video: 'video/mp4',
  text: 'text/plain',
  audio: 'audio/wav',
  transcript: 'text/plain',
};

const outputOf = (id: string, modality: Modality): EngineOutput => ({
  mediaType: MEDIA[modality],
  bytes: new TextEncoder().encode(id),
  facts: {},
});

/** The system's cache of files: least recently loaded out; one larger than all of it is not kept. */
class FileCache {
  readonly #roomMb: number;
  readonly #files = new Map<string, number>();

  constructor(roomMb: number) {
    this.#roomMb = roomMb;
  }

  has(model: string): boolean {
    return this.#files.has(model);
  }

  touch(model: string, megabytes: number): void {
    this.#files.delete(model);
    this.#files.set(model, megabytes);
    let used = this.#files.values().reduce((sum, each) => sum + each, 0);
    for (const [oldest, size] of this.#files) {
      if (used <= this.#roomMb || this.#files.size === 1) return;
      this.#files.delete(oldest);
      used -= size;
    }
  }
}
