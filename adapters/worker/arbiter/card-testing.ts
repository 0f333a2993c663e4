// A simulated graphics card and engines on it that take time, memory and now and then leave the path: they run
// out of memory, crash, hang, and turn a deaf ear to whoever calls them off. Only tests load this.
import { batchTimes } from '../../../machines/contract/batching.ts';
import {
  EngineFailure,
  type BatchMember,
  type Engine,
  type EngineJob,
  type EngineOutput,
  type EngineUpdate,
} from '../../../machines/contract/engine.ts';
import type { ModelOffer } from '../../../machines/contract/models.ts';
import type { EngineHost } from '../engine-host.ts';
import type { Timers } from '../seams.ts';

export interface SimulatedModel {
  readonly id: string;
  readonly bytes: number;
  /** On top, while it runs; half of that at settings that save memory. */
  readonly workBytes: number;
  readonly loadMs: number;
  readonly runMs: number;
  /** What the operator wrote; 0: nothing. */
  readonly offeredBytes?: number;
  /** It takes that many at once; each further one adds half its time, and all its memory. */
  readonly batchMax?: number;
}

export type Mishap = 'crash' | 'hang' | 'deafHang' | 'loadHang';

export class SimulatedCard {
  readonly bytes: number;
  /** By `engine model` or run. */
  readonly #used = new Map<string, number>();
  /** Of all engines: the card takes one load at a time. */
  loadsUnderWay = 0;
  /** What must never happen. */
  readonly broken: string[] = [];
  readonly happened = new Map<string, number>();

  constructor(bytes: number) {
    this.bytes = bytes;
  }

  get used(): number {
    return [...this.#used.values()].reduce((sum, bytes) => sum + bytes, 0);
  }

  count(what: string): void {
    this.happened.set(what, (this.happened.get(what) ?? 0) + 1);
  }

  take(name: string, bytes: number): void {
    if (this.used - (this.#used.get(name) ?? 0) + bytes > this.bytes) {
      this.count('out of memory');
      throw new EngineFailure('outOfMemory', `${name} does not fit.`);
    }
    this.#used.set(name, bytes);
  }

  free(prefix: string): void {
    for (const name of this.#used.keys()) if (name.startsWith(prefix)) this.#used.delete(name);
  }
}

export interface SimulatedEngineOptions {
  readonly name: string;
  readonly card: SimulatedCard;
  readonly models: readonly SimulatedModel[];
  readonly timers: Timers;
  readonly concurrency?: number;
  readonly pinned?: readonly string[];
  /** What befalls the next load or run. */
  readonly befalls: (what: 'load' | 'run') => Mishap | null;
}

export interface SimulatedHost extends EngineHost {
  readonly restarts: string[];
  /** What is really in memory. */
  readonly inMemory: ReadonlySet<string>;
  crash(reason: string): void;
}

const KILL_MS = 2_000;
const START_MS = 5_000;

export function createSimulatedHost(options: SimulatedEngineOptions): SimulatedHost {
  const { name, card, timers } = options;
  const inMemory = new Set<string>();
  const running = new Map<string, { model: string; kill: (error: Error) => void }>();
  const restarts: string[] = [];
  let listener: (reason: string) => void = () => {};
  let isUp = true;

  const modelOf = (id: string) => options.models.find((each) => each.id === id)!;
  const after = (ms: number) => new Promise<void>((resolve) => void timers.after(ms, resolve));
  const gone = () => new EngineFailure('engineCrashed', `${name} is gone.`);
  const mustBeUp = () => {
    if (!isUp) throw new EngineFailure('engineUnreachable', `${name} is down.`);
  };
  const die = () => {
    isUp = false;
    inMemory.clear();
    card.free(`${name} `);
    for (const { kill } of running.values()) kill(gone());
    running.clear();
  };
  const crash = (reason: string) => {
    if (!isUp) return;
    card.count('crash');
    die();
    listener(reason);
    void after(START_MS).then(() => (isUp = true));
  };
  /** Ends by itself, by its signal unless it is deaf, or with the process. */
  const task = (ms: number, signal: AbortSignal, isDeaf: boolean, key: string, model: string) =>
    new Promise<void>((resolve, reject) => {
      const callOff = Number.isFinite(ms) ? timers.after(ms, resolve) : () => {};
      const stop = (error: Error) => {
        callOff();
        reject(error);
      };
      running.set(key, { model, kill: stop });
      if (!isDeaf) signal.addEventListener('abort', () => stop(signal.reason as Error));
    }).finally(() => running.delete(key));

  const load: Engine['load'] = async (id, signal) => {
    mustBeUp();
    const { bytes, loadMs } = modelOf(id);
    if (inMemory.has(id)) return { loadMs: 0, vramBytes: bytes };
    if (card.loadsUnderWay > 0) card.broken.push(`${id} is loaded during another load`);
    card.loadsUnderWay += 1;
    try {
      const hangs = options.befalls('load') === 'loadHang';
      if (hangs) card.count('load hangs');
      await task(hangs ? Infinity : loadMs, signal, hangs, `load ${id}`, id);
      card.take(`${name} ${id}`, bytes);
      inMemory.add(id);
      return { loadMs, vramBytes: bytes };
    } finally {
      card.loadsUnderWay -= 1;
    }
  };

  const unload: Engine['unload'] = async (id) => {
    mustBeUp();
    card.count('unload');
    if ([...running.values()].some(({ model }) => model === id))
      card.broken.push(`${id} is unloaded while it runs`);
    if (options.pinned?.includes(id)) card.broken.push(`${id} is pinned and unloaded`);
    await after(200);
    inMemory.delete(id);
    card.free(`${name} ${id}`);
  };

  const run = async (
    job: EngineJob,
    report: (update: EngineUpdate) => void,
    signal: AbortSignal,
    size = 1,
  ): Promise<readonly EngineOutput[]> => {
    mustBeUp();
    if (running.size >= (options.concurrency ?? Infinity))
      card.broken.push(`${name} runs more than it can`);
    if (!inMemory.has(job.model)) throw new EngineFailure('modelMissing', 'It is not loaded.');
    const { workBytes, runMs } = modelOf(job.model);
    const key = `${name} run ${job.id}`;
    if (job.isSafe) card.count('safe run');
    const mishap = options.befalls('run');
    try {
      card.take(key, size * (job.isSafe ? workBytes / 2 : workBytes));
      report({ type: 'started' });
      if (mishap === 'hang' || mishap === 'deafHang') {
        card.count(mishap);
        await task(Infinity, signal, mishap === 'deafHang', key, job.model);
      }
      for (let step = 1; step <= 4; step += 1) {
        signal.throwIfAborted();
        await task((runMs * batchTimes(size, 0.5)) / 4, signal, false, key, job.model);
        report({ type: 'progress', fraction: step / 4 });
        if (mishap === 'crash' && step === 2) crash('segmentation fault');
      }
      return [outputOf(job)];
    } finally {
      card.free(key);
    }
  };

  const runBatch = async (
    members: readonly BatchMember[],
    signal: AbortSignal,
  ): Promise<readonly (readonly EngineOutput[])[]> => {
    const [{ job }] = members as [BatchMember];
    if (members.length > (modelOf(job.model).batchMax ?? 1))
      card.broken.push(`${name} is given more than it takes at once`);
    card.count('shared call');
    const tellAll = (update: EngineUpdate) => {
      for (const { report } of members) report(update);
    };
    await run({ ...job, id: `batch of ${members.length}` }, tellAll, signal, members.length);
    return members.map((each) => [outputOf(each.job)]);
  };

  return {
    engine: {
      name,
      ...(options.concurrency !== undefined && { concurrency: options.concurrency }),
      probe: async () => mustBeUp(),
      models: async () => options.models.map((model) => offerOf(name, model)),
      load,
      unload,
      run: (job, report, signal) => run(job, report, signal),
      runBatch,
      close: async () => {},
    },
    pinned: options.pinned ?? [],
    restart: async (reason) => {
      restarts.push(reason);
      card.count('restart');
      await after(KILL_MS);
      die();
      await after(START_MS);
      isUp = true;
    },
    onDown: (tell) => void (listener = tell),
    restarts,
    inMemory,
    crash,
  };
}

const outputOf = ({ id }: EngineJob): EngineOutput => ({
  ...{ mediaType: 'text/plain', facts: {} },
  bytes: new TextEncoder().encode(id),
});

export const offerOf = (engine: string, model: SimulatedModel): ModelOffer => ({
  id: model.id,
  name: model.id,
  engine,
  modality: 'image',
  description: 'on a simulated card',
  vramBytes: model.offeredBytes ?? model.bytes + model.workBytes,
  loadMs: model.loadMs,
  runMs: model.runMs,
  limits: {},
  ...(model.batchMax !== undefined && { batch: { max: model.batchMax, cost: 0.5 } }),
  styles: [],
  voices: [],
});
