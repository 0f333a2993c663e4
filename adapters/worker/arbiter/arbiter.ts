// One GPU, one arbiter: what was ordered is carried out in its order, as far as the card's memory and the
// engines allow. Start reading at `pump`.
import type { BatchPlace } from '../../../machines/contract/batching.ts';
import { EngineFailure } from '../../../machines/contract/engine.ts';
import type { FailureCode } from '../../../machines/contract/failures.ts';
import type { ModelOffer } from '../../../machines/contract/models.ts';
import type { EngineHost } from '../engine-host.ts';
import type { Log, Timers } from '../seams.ts';
import { createCard } from './card.ts';
import { createEngines } from './engines.ts';
import { createGuard, type EngineRun } from './guarded-run.ts';
import type { Measurements } from './measurement-file.ts';
import { createSharing } from './shared-run.ts';
import { createWatch } from './watched-call.ts';

export interface RunTurn {
  readonly key: string;
  readonly model: string;
  /** In standard outputs; drives what is learned. */
  readonly work: number;
  /** It shares its engine call with others that come at the same time. */
  readonly batch?: BatchPlace;
  /** Resolves when the engine has let go of the GPU. Never rejects. */
  readonly start: (run: EngineRun) => Promise<void>;
  /** The model will not come: its load failed. */
  readonly giveUp: (code: FailureCode, message: string) => void;
}

export interface ArbiterEvents {
  loaded(model: string, loadMs: number, vramBytes: number): void;
  loadFailed(model: string, code: FailureCode, message: string): void;
  unloaded(model: string): void;
}

export interface Arbiter {
  load(model: string): void;
  unload(model: string): void;
  run(turn: RunTurn): void;
  /** Takes a run that has not started out of the queue. */
  withdraw(key: string): boolean;
  loaded(): string[];
  /** These, and no others, stay in memory once they are there; beside what an engine pins itself. */
  pin(models: readonly string[]): void;
  pinned(): string[];
  close(): void;
}

type Order = { readonly kind: 'load' | 'unload'; readonly model: string } | RunOrder;

interface RunOrder {
  readonly kind: 'run';
  readonly model: string;
  /** One, or those of a batch that have come. */
  turns: RunTurn[];
  /** How many are still to come before it may begin. */
  awaited: number;
}

/** They were sent together. Whoever has not come within this is left behind, and has a call of its own. */
const TOGETHER_WITHIN_MS = 1_000;

export interface ArbiterOptions {
  readonly hosts: readonly EngineHost[];
  readonly hostOf: (model: string) => EngineHost | undefined;
  readonly offerOf: (model: string) => ModelOffer | undefined;
  readonly slots: number;
  /** Of the card; null where it, or its size, is unknown: one model at a time. */
  readonly vramBytes: number | null;
  /** In use on the card now, by whomever; null where nobody can tell. */
  readonly cardUsedBytes?: () => Promise<number | null>;
  readonly measurements: Measurements;
  readonly timers: Timers;
  readonly events: ArbiterEvents;
  readonly log: Log;
}

export function createArbiter(options: ArbiterOptions): Arbiter {
  const { events, log, hostOf, offerOf, timers, measurements } = options;
  const engines = createEngines(options.hosts, { timers, log });
  const card = createCard({ ...options, engines, usedBytes: () => usedBytes(options) });
  const watching = { card, engines, measurements, timers, log };
  const watch = createWatch(watching);
  const guard = createGuard({ ...watching, watch });
  const shareCall = createSharing({ ...watching, watch, guard });
  let queue: Order[] = [];
  let isChanging = false;
  let isClosed = false;

  const pump = () => {
    while (!isChanging && !engines.isTaken() && !isClosed) {
      const next = nextPossible();
      if (next === undefined) return;
      queue = queue.filter((order) => order !== next);
      if (next.kind === 'run') begin(next);
      else void change(next.kind, next.model);
    }
  };

  const nextPossible = (): Order | undefined => {
    for (const order of queue) {
      const { model } = order;
      // A load waits for what is busy; nothing that came later keeps that busy.
      const mustWait = () =>
        order.kind === 'unload' ? engines.isBusy(model) : card.plan(model).kind === 'wait';
      if (order.kind !== 'run') return mustWait() ? undefined : order;
      const host = hostOf(model);
      if (card.isLoaded(model) && host !== undefined) {
        if (engines.runs() >= options.slots) return undefined;
        if (order.awaited === 0 && engines.hasPlace(host)) return order;
      } else if (!queue.some((each) => each.kind === 'load' && each.model === model)) {
        // It was loaded when the run was ordered; it had to leave since, or its engine went down.
        const load: Order = { kind: 'load', model };
        queue.splice(queue.indexOf(order), 0, load);
        return card.plan(model).kind === 'wait' ? undefined : load;
      }
      // It steps aside: the load it waits for may stand behind it, its engine is full, or others join it.
    }
    return undefined;
  };

  const begin = ({ model, turns }: RunOrder) => {
    const host = hostOf(model)!;
    const [{ key, work, start }] = turns as [RunTurn];
    engines.begin(key, host, model);
    for (const _ of turns) card.noteUse(model);
    const facts = { key, host, model, expectedMs: offerOf(model)?.runMs ?? 0 };
    const ended = turns.length > 1 ? shareCall(facts, turns) : start(guard.run({ ...facts, work }));
    void ended.finally(() => {
      engines.end(key);
      pump();
    });
  };

  const change = async (kind: 'load' | 'unload', model: string) => {
    isChanging = true;
    try {
      await (kind === 'load' ? card.load(model) : card.unload(model));
    } catch (error) {
      if (!isClosed && kind === 'load') noteLoadFailed(model, error);
    }
    isChanging = false;
    pump();
  };

  const noteLoadFailed = (model: string, error: unknown) => {
    const code = error instanceof EngineFailure ? error.code : 'modelLoadFailed';
    const message = messageOf(error);
    log.warn({ model, code, error }, 'A model could not be loaded');
    events.loadFailed(model, code, message);
    giveUpRunsOf(model, code, message);
  };

  // Runs ordered behind a later load of the same model still have a chance.
  const giveUpRunsOf = (model: string, code: FailureCode, message: string) => {
    const again = queue.findIndex((order) => order.kind === 'load' && order.model === model);
    const doomed = queue.slice(0, again === -1 ? queue.length : again);
    for (const order of doomed) {
      if (order.kind !== 'run' || order.model !== model) continue;
      queue = queue.filter((other) => other !== order);
      for (const { giveUp } of order.turns) giveUp(code, message);
    }
  };

  const enqueue = (order: Order) => {
    queue.push(order);
    pump();
  };

  const findRun = (isIt: (turn: RunTurn) => boolean): RunOrder | undefined => {
    for (const order of queue) if (order.kind === 'run' && order.turns.some(isIt)) return order;
    return undefined;
  };

  const run = (turn: RunTurn) => {
    const { model, batch } = turn;
    const joined = batch && findRun((mate) => mate.batch?.id === batch.id && mate.model === model);
    if (joined !== undefined) {
      joined.turns.push(turn);
      joined.awaited = Math.max(0, joined.awaited - 1);
      return pump();
    }
    const order: RunOrder = { kind: 'run', model, turns: [turn], awaited: (batch?.size ?? 1) - 1 };
    if (order.awaited > 0)
      timers.after(TOGETHER_WITHIN_MS, () => {
        order.awaited = 0;
        pump();
      });
    enqueue(order);
  };

  const withdraw = (key: string): boolean => {
    const order = findRun((turn) => turn.key === key);
    if (order === undefined) return false;
    order.turns = order.turns.filter((turn) => turn.key !== key);
    if (order.turns.length === 0) queue = queue.filter((other) => other !== order);
    pump();
    return true;
  };

  engines.onFree(pump);

  return {
    load: (model) => enqueue({ kind: 'load', model }),
    unload: (model) => enqueue({ kind: 'unload', model }),
    run,
    withdraw,
    loaded: card.loaded,
    pin: (models) => {
      card.pin(models);
      pump();
    },
    pinned: card.pinned,
    close: () => {
      isClosed = true;
      engines.close();
    },
  };
}

/** The driver's own tool knows best; where it is missing, an engine may know. */
async function usedBytes({ cardUsedBytes, hosts }: ArbiterOptions): Promise<number | null> {
  const told = (await cardUsedBytes?.()) ?? null;
  if (told !== null) return told;
  for (const { engine } of hosts) {
    const known = await engine.vramUsedBytes?.().catch(() => null);
    if (typeof known === 'number') return known;
  }
  return null;
}

export const messageOf = (error: unknown): string =>
  (error instanceof Error ? error.message : String(error)).slice(0, 2000);
