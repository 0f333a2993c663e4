// What lies in the memory of the one graphics card, and the only hands that change it. Loads, unloads and
// restarts happen one at a time (`exclusively`); `room.ts` says who has to leave, `engines.ts` what of an
// engine is under way.
import { EngineFailure } from '../../../machines/contract/engine.ts';
import type { ModelOffer } from '../../../machines/contract/models.ts';
import type { EngineHost } from '../engine-host.ts';
import type { Log, Timers } from '../seams.ts';
import type { Engines } from './engines.ts';
import type { Measurements } from './measurement-file.ts';
import { needOf, withSample, type Learned } from './measurements.ts';
import { patienceOfLoad, UNLOAD_PATIENCE_MS } from './patience.ts';
import { allIdle, decayed, roomFor, type Resident, type Room } from './room.ts';

export interface CardOptions {
  readonly engines: Engines;
  readonly hostOf: (model: string) => EngineHost | undefined;
  readonly offerOf: (model: string) => ModelOffer | undefined;
  /** Null where the card, or its size, is unknown: one model at a time. */
  readonly vramBytes: number | null;
  readonly usedBytes: () => Promise<number | null>;
  readonly measurements: Measurements;
  readonly timers: Timers;
  readonly log: Log;
  readonly events: {
    loaded(model: string, loadMs: number, vramBytes: number): void;
    unloaded(model: string): void;
  };
}

interface Loaded {
  readonly host: EngineHost;
  readonly loadMs: number;
  readonly vramBytes: number;
}

export type Card = ReturnType<typeof createCard>;

/** Of the card: what is not ours can be this much; more is an engine that has not let go. */
const FOREIGN_PART_MAX = 0.25;

export function createCard(options: CardOptions) {
  const { engines, measurements, timers, log, events } = options;
  const loaded = new Map<string, Loaded>();
  const wanted = new Map<string, { uses: number; at: number }>();
  /** By the operator, as the runtime told. */
  let pinned: ReadonlySet<string> = new Set();
  let foreignBytes = 0;

  const usesOf = (model: string) => {
    const { uses, at } = wanted.get(model) ?? { uses: 0, at: 0 };
    return decayed(uses, timers.now() - at);
  };
  const noteUse = (model: string) =>
    void wanted.set(model, { uses: usesOf(model) + 1, at: timers.now() });

  const bytesOf = (model: string): number | null => {
    const offered = options.offerOf(model)?.vramBytes ?? 0;
    return needOf(measurements.of(model), Math.max(offered, loaded.get(model)?.vramBytes ?? 0));
  };
  const loadMsOf = (model: string) => {
    const { loadMs } = measurements.of(model);
    return loadMs.count > 0 ? loadMs.mean : (options.offerOf(model)?.loadMs ?? 0);
  };

  const isPinned = (host: EngineHost, model: string) =>
    pinned.has(model) || host.pinned.includes(model);

  /** @param beside a model that is to join them */
  const residents = (beside?: string): Resident[] => {
    const its = beside === undefined ? undefined : options.hostOf(beside);
    return [...loaded].map(([model, { host }]) => ({
      model,
      bytes: bytesOf(model),
      // It is about to go; nobody can be asked to unload it any more.
      isBusy: engines.isBusy(model) || engines.isRestarting(host),
      isPinned: isPinned(host, model),
      isRival: host === its && host.engine.drops?.(beside!, model) === true,
      loadMs: loadMsOf(model),
      uses: usesOf(model),
    }));
  };

  const plan = (model: string): Room =>
    loaded.has(model)
      ? { kind: 'evict', models: [], rivals: [] }
      : roomFor(
          { model, bytes: bytesOf(model) },
          residents(model),
          options.vramBytes,
          foreignBytes,
        );

  const forget = (model: string) => {
    if (loaded.delete(model)) events.unloaded(model);
  };

  const drop = async (model: string) => {
    const there = loaded.get(model);
    if (there === undefined) return events.unloaded(model);
    const { host } = there;
    try {
      await engines.step(host, {
        work: () => host.engine.unload(model),
        patienceMs: UNLOAD_PATIENCE_MS,
        what: `The unloading of ${model}`,
      });
      log.info({ model }, 'Model unloaded');
      forget(model);
    } catch (error) {
      // Its memory is not free: saying `unloaded` would let the next load meet it there.
      if (!loaded.has(model)) return;
      log.error({ model, error }, 'A model could not be unloaded; it still counts as loaded');
      throw new EngineFailure(
        'engineError',
        `There is no room on the graphics card: ${model} could not be unloaded.`,
        { cause: error },
      );
    }
  };

  /** What others use can only be told from what we use while nothing of ours works. */
  const measureForeign = async (): Promise<number | null> => {
    const used = await options.usedBytes();
    if (used === null || engines.isAnyBusy()) return null;
    const ours = residents().reduce((sum, { bytes }) => sum + (bytes ?? 0), 0);
    const most = (options.vramBytes ?? 0) * FOREIGN_PART_MAX;
    foreignBytes = Math.min(most, Math.max(0, used - ours));
    return used;
  };

  const bring = async (host: EngineHost, model: string, signal?: AbortSignal) => {
    await engines.untilUp(host, signal);
    const before = await measureForeign();
    const known = measurements.of(model);
    const facts = await engines.step(host, {
      work: (stop) =>
        host.engine.load(model, stop).catch(async (error: unknown) => {
          const isCrash = error instanceof EngineFailure && error.code === 'engineCrashed';
          if (isCrash && !stop.aborted) await engines.crashed(host, error.message);
          throw error;
        }),
      patienceMs: patienceOfLoad(known, options.offerOf(model)?.loadMs ?? 0),
      what: `The load of ${model}`,
      ...(signal !== undefined && { signal }),
    });
    const after = facts.vramBytes > 0 || before === null ? null : await options.usedBytes();
    const difference = after === null || engines.isAnyBusy() ? 0 : after - before!;
    const vramBytes = facts.vramBytes > 0 ? facts.vramBytes : Math.max(0, difference);
    measurements.change(model, (was) => ({
      ...was,
      vramBytes: vramBytes > 0 ? Math.round(vramBytes) : was.vramBytes,
      loadMs: withSample(was.loadMs, facts.loadMs),
    }));
    loaded.set(model, { host, loadMs: facts.loadMs, vramBytes });
    noteUse(model);
    log.info({ model, loadMs: facts.loadMs, vramBytes }, 'Model loaded');
    events.loaded(model, facts.loadMs, bytesOf(model) ?? 0);
  };

  const load = async (model: string): Promise<void> => {
    const there = loaded.get(model);
    if (there !== undefined) return events.loaded(model, there.loadMs, bytesOf(model) ?? 0);
    const host = options.hostOf(model);
    if (host === undefined)
      throw new EngineFailure('modelMissing', `This worker has no model ${model}.`);
    const room = plan(model);
    if (room.kind === 'never') throw new EngineFailure('outOfMemory', room.sentence);
    if (room.kind === 'wait')
      throw new EngineFailure('outOfMemory', 'There is no room on the graphics card just now.');
    for (const each of room.models) await drop(each);
    for (const each of room.rivals) forget(each);
    try {
      return await bring(host, model);
    } catch (error) {
      if (!isOutOfMemory(error)) throw error;
      log.warn({ model }, 'No memory for a model that should fit; everything idle is unloaded');
    }
    try {
      for (const each of allIdle(residents())) await drop(each);
      return await bring(host, model);
    } catch (error) {
      if (isOutOfMemory(error))
        await engines.restartWhenIdle(host, `it found no memory for ${model}, twice`);
      throw error;
    }
  };

  /** For a run that ran out of memory: all that is idle leaves, and its own model comes back afresh. */
  const refresh = async (model: string, signal: AbortSignal) => {
    for (const each of allIdle(residents())) await drop(each);
    const there = loaded.get(model);
    if (there === undefined || engines.runsOf(model) > 1) return;
    if (isPinned(there.host, model)) return;
    await drop(model);
    await bring(there.host, model, signal);
  };

  engines.onGone((host) => {
    for (const [model, there] of loaded) if (there.host === host) forget(model);
  });

  return {
    plan,
    noteUse,
    forget,
    residents,
    isLoaded: (model: string) => loaded.has(model),
    loaded: () => [...loaded.keys()],
    pin: (models: readonly string[]) => void (pinned = new Set(models)),
    pinned: () => [...pinned],
    load: (model: string) => engines.exclusively(() => load(model)),
    unload: (model: string) => engines.exclusively(() => drop(model)),
    refresh: (model: string, signal: AbortSignal) =>
      engines.exclusively(() => refresh(model, signal)),
    /** While it is the only one that works: what is used now, less all that is not its own. */
    notePeak: async (model: string) => {
      const used = await options.usedBytes();
      if (used === null || engines.runs() !== 1 || !loaded.has(model)) return;
      const others = residents().filter((each) => each.model !== model);
      if (others.some(({ bytes }) => bytes === null)) return;
      const peak = used - foreignBytes - others.reduce((sum, { bytes }) => sum + bytes!, 0);
      const isNew = (known: Learned) => peak > Math.max(known.peakBytes ?? 0, known.vramBytes ?? 0);
      if (!isNew(measurements.of(model))) return;
      measurements.change(model, (was) => ({ ...was, peakBytes: Math.round(peak) }));
    },
  };
}

export const isOutOfMemory = (error: unknown): error is EngineFailure =>
  error instanceof EngineFailure && error.code === 'outOfMemory';
