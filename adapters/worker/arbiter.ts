// One GPU, one arbiter: loads, unloads and runs are carried out in the order they were ordered.
// It decides nothing about what should be loaded; it only keeps engines from meeting in the VRAM.
import { EngineFailure, type Engine } from '../../machines/contract/engine.ts';
import type { FailureCode } from '../../machines/contract/failures.ts';
import type { Log } from './seams.ts';

export interface RunTurn {
  readonly key: string;
  readonly model: string;
  /** Resolves when the engine has let go of the GPU. Never rejects. */
  readonly start: () => Promise<void>;
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
  close(): void;
}

type Order =
  | { readonly kind: 'load' | 'unload'; readonly model: string }
  | { readonly kind: 'run'; readonly model: string; readonly turn: RunTurn };

export interface ArbiterOptions {
  readonly engineOf: (model: string) => Engine | undefined;
  readonly slots: number;
  readonly events: ArbiterEvents;
  readonly log: Log;
}

export function createArbiter(options: ArbiterOptions): Arbiter {
  const { events, log } = options;
  const stop = new AbortController();
  const measured = new Map<string, { loadMs: number; vramBytes: number }>();
  const busy = new Map<string, number>();
  let queue: Order[] = [];
  let changing = false;

  const busyCount = () => [...busy.values()].reduce((sum, count) => sum + count, 0);

  const pump = () => {
    while (!changing && !stop.signal.aborted) {
      // A run whose model is not there steps aside: the load it waits for may stand behind it.
      const next = queue.find((order) => order.kind !== 'run' || measured.has(order.model));
      if (next === undefined || !isPossible(next)) return;
      queue = queue.filter((order) => order !== next);
      if (next.kind === 'run') begin(next.turn);
      else void change(next.kind, next.model);
    }
  };

  const isPossible = (order: Order): boolean => {
    if (order.kind === 'run') return busyCount() < options.slots;
    return order.kind === 'load' || !busy.has(order.model);
  };

  const begin = (turn: RunTurn) => {
    busy.set(turn.model, (busy.get(turn.model) ?? 0) + 1);
    void turn.start().finally(() => {
      const left = (busy.get(turn.model) ?? 1) - 1;
      if (left === 0) busy.delete(turn.model);
      else busy.set(turn.model, left);
      pump();
    });
  };

  const change = async (kind: 'load' | 'unload', model: string) => {
    changing = true;
    await (kind === 'load' ? load(model) : unload(model));
    changing = false;
    pump();
  };

  const load = async (model: string) => {
    try {
      const known = measured.get(model);
      const engine = options.engineOf(model);
      if (engine === undefined)
        throw new EngineFailure('modelMissing', `This worker has no model ${model}.`);
      const facts = known ?? (await engine.load(model, stop.signal));
      measured.set(model, facts);
      if (known === undefined) log.info({ model, ...facts }, 'Model loaded');
      events.loaded(model, facts.loadMs, facts.vramBytes);
    } catch (error) {
      if (stop.signal.aborted) return;
      const code = error instanceof EngineFailure ? error.code : 'modelLoadFailed';
      log.warn({ model, code, error }, 'A model could not be loaded');
      events.loadFailed(model, code, messageOf(error));
      giveUpRunsOf(model, code, messageOf(error));
    }
  };

  // Runs ordered behind a later load of the same model still have a chance.
  const giveUpRunsOf = (model: string, code: FailureCode, message: string) => {
    const again = queue.findIndex((order) => order.kind === 'load' && order.model === model);
    const doomed = queue.slice(0, again === -1 ? queue.length : again);
    for (const order of doomed) {
      if (order.kind !== 'run' || order.model !== model) continue;
      queue = queue.filter((other) => other !== order);
      order.turn.giveUp(code, message);
    }
  };

  const unload = async (model: string) => {
    try {
      await options.engineOf(model)?.unload(model);
      measured.delete(model);
      log.info({ model }, 'Model unloaded');
      events.unloaded(model);
    } catch (error) {
      // Saying `unloaded` would let the next load meet it in the VRAM. Silence is noticed upstairs.
      log.error({ model, error }, 'A model could not be unloaded; it still counts as loaded');
    }
  };

  const enqueue = (order: Order) => {
    queue.push(order);
    pump();
  };

  return {
    load: (model) => enqueue({ kind: 'load', model }),
    unload: (model) => enqueue({ kind: 'unload', model }),
    run: (turn) => enqueue({ kind: 'run', model: turn.model, turn }),
    withdraw: (key) => {
      const before = queue.length;
      queue = queue.filter((order) => order.kind !== 'run' || order.turn.key !== key);
      if (queue.length === before) return false;
      pump();
      return true;
    },
    loaded: () => [...measured.keys()],
    close: () => stop.abort(new Error('the worker stops')),
  };
}

export const messageOf = (error: unknown): string =>
  (error instanceof Error ? error.message : String(error)).slice(0, 2000);
