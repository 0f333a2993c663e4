// An engine that a test leads by the hand: every load and run waits until the test ends it.
import type {
  BatchMember,
  Engine,
  EngineJob,
  EngineOutput,
  EngineUpdate,
} from '../../machines/contract/engine.ts';
import type { ModelOffer } from '../../machines/contract/models.ts';

/** One call with several jobs, in the order of its members. */
export interface HeldBatch {
  readonly members: readonly BatchMember[];
  readonly signal: AbortSignal;
  /** Each gets its text. */
  finish(...texts: string[]): void;
  fail(error: Error): void;
}

export interface HeldRun {
  readonly job: EngineJob;
  readonly report: (update: EngineUpdate) => void;
  readonly signal: AbortSignal;
  finish(...texts: string[]): void;
  finishWith(outputs: EngineOutput[]): void;
  fail(error: Error): void;
}

export interface HeldEngine extends Engine {
  /** What happened, in order: `load a`, `loaded a`, `run j1`, `unload a`. */
  readonly diary: string[];
  /** The next run that has begun and was not taken yet. */
  nextRun(): Promise<HeldRun>;
  nextBatch(): Promise<HeldBatch>;
  /** Loads wait for `release` from now on. */
  holdLoads(): { release(): void; reject(error: Error): void };
}

export const textOutput = (text: string): EngineOutput => ({
  mediaType: 'text/plain',
  bytes: new TextEncoder().encode(text),
  facts: { length: text.length },
});

export function createHeldEngine(models: readonly string[] = ['alpha', 'beta']): HeldEngine {
  const diary: string[] = [];
  const runs = createHandOver<HeldRun>();
  const batches = createHandOver<HeldBatch>();
  let gate: Promise<void> = Promise.resolve();

  return {
    name: 'held',
    diary,
    probe: async () => {},
    models: async () => models.map(offer),
    load: async (model) => {
      diary.push(`load ${model}`);
      await gate;
      diary.push(`loaded ${model}`);
      return { loadMs: 12, vramBytes: 1000 };
    },
    unload: async (model) => void diary.push(`unload ${model}`),
    run: (job, report, signal) => {
      diary.push(`run ${job.id}`);
      return new Promise<readonly EngineOutput[]>((resolve, reject) => {
        signal.addEventListener('abort', () => {
          diary.push(`stopped ${job.id}`);
          reject(signal.reason);
        });
        const run: HeldRun = {
          job,
          report,
          signal,
          finish: (...texts) => resolve(texts.map(textOutput)),
          finishWith: resolve,
          fail: reject,
        };
        runs.put(run);
      });
    },
    runBatch: (members, signal) => {
      const names = members.map(({ job }) => job.id).join(' and ');
      diary.push(`run ${names}`);
      return new Promise((resolve, reject) => {
        signal.addEventListener('abort', () => {
          diary.push(`stopped ${names}`);
          reject(signal.reason);
        });
        batches.put({
          members,
          signal,
          finish: (...texts) => resolve(texts.map((text) => [textOutput(text)])),
          fail: reject,
        });
      });
    },
    close: async () => {},
    nextRun: runs.take,
    nextBatch: batches.take,
    holdLoads: () => {
      const held = Promise.withResolvers<void>();
      gate = held.promise;
      gate.catch(() => {});
      return { release: held.resolve, reject: held.reject };
    },
  };
}

/** From whoever comes first to whoever asks next. */
function createHandOver<T>() {
  const there: T[] = [];
  const waiting: ((one: T) => void)[] = [];
  return {
    put: (one: T) => {
      const taker = waiting.shift();
      if (taker === undefined) there.push(one);
      else taker(one);
    },
    take: (): Promise<T> =>
      there.length > 0
        ? Promise.resolve(there.shift()!)
        : new Promise((resolve) => waiting.push(resolve)),
  };
}

const offer = (id: string): ModelOffer => ({
  id,
  name: id,
  engine: 'held',
  modality: 'text',
  description: 'Waits for its test.',
  vramBytes: 1000,
  loadMs: 10,
  runMs: 10,
  limits: {},
  batch: { max: 4, cost: 0.5 },
  styles: [],
  voices: [],
});
