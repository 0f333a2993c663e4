// The engines at work: which steps are under way in each, which must begin anew, and one lock for all that
// changes the card's memory.
import { EngineFailure } from '../../../machines/contract/engine.ts';
import type { EngineHost } from '../engine-host.ts';
import { pause, type Log, type Timers } from '../seams.ts';
import { createSolitude } from './solitude.ts';
import { takeStep, type Step } from './step.ts';

export interface StepOrder<T> {
  readonly work: (signal: AbortSignal) => Promise<T>;
  /** Longer than this, it has hung. */
  readonly patienceMs: number;
  /** Such as `The load of flux`. */
  readonly what: string;
  readonly signal?: AbortSignal;
  /** Hands out the step, for who has more to say about when it has hung. */
  readonly begun?: (step: Step<T>) => void;
}

export type Engines = ReturnType<typeof createEngines>;

/** A process that is killed is gone within seconds; that it serves again may take minutes. */
const KILLED_WITHIN_MS = 15_000;
/** Whoever waits for it holds the card. */
const UP_WITHIN_MS = 30_000;
const UP_AGAIN_MS = 1_000;

export function createEngines(
  hosts: readonly EngineHost[],
  { timers, log }: { readonly timers: Timers; readonly log: Log },
) {
  const steps = new Map<EngineHost, Set<Step<unknown>>>();
  /** Model by key of the run. */
  const running = new Map<string, { host: EngineHost; model: string }>();
  /** Went down by itself, and has not answered since. */
  const down = new Set<EngineHost>();
  /** What is still in it counts until its process is gone. */
  const restarting = new Map<EngineHost, Promise<void>>();
  /** As soon as nothing runs in it. */
  const overdue = new Map<EngineHost, string>();
  const goneListeners: ((host: EngineHost) => void)[] = [];
  const freeListeners: (() => void)[] = [];
  const stopping = new AbortController();
  const solitude = createSolitude(
    () => running.keys(),
    () => tellFree(),
  );
  let changes = 0;
  let last: Promise<unknown> = Promise.resolve();

  const runsIn = (host: EngineHost) =>
    [...running.values()].filter((run) => run.host === host).length;
  const tellFree = () => freeListeners.forEach((listener) => listener());

  const exclusively = <T>(work: () => Promise<T>): Promise<T> => {
    changes += 1;
    const mine = last.then(work).finally(() => {
      changes -= 1;
      tellFree();
    });
    last = mine.catch(() => {});
    return mine;
  };

  const dropSteps = (host: EngineHost, reason: string) => {
    const failure = new EngineFailure(
      'engineCrashed',
      `The engine ${host.engine.name} went down: ${reason}`.slice(0, 300),
    );
    for (const step of steps.get(host) ?? []) step.drop(failure);
  };

  /** Nothing of it is left in memory. */
  const lose = (host: EngineHost) => {
    overdue.delete(host);
    for (const listener of goneListeners) listener(host);
    tellFree();
  };

  /** Resolves when its process is surely gone; it may be long before it serves again. */
  const restart = (host: EngineHost, reason: string): Promise<void> => {
    if (host.restart === null) {
      log.error(
        { engine: host.engine.name, reason },
        'An engine has to be started again, and nobody here may do that: restart it by hand',
      );
      return Promise.resolve();
    }
    const underWay = restarting.get(host);
    if (underWay !== undefined) return underWay;
    const again = host.restart(reason).catch((error: unknown) => {
      log.error({ engine: host.engine.name, error }, 'An engine could not be started again');
      down.add(host);
    });
    const patience = new AbortController();
    const killed = Promise.race([
      again,
      pause(timers, KILLED_WITHIN_MS, patience.signal).catch(() => {}),
    ]).then(() => {
      patience.abort();
      lose(host);
    });
    restarting.set(host, killed);
    dropSteps(host, reason);
    void Promise.all([killed, again]).then(() => {
      restarting.delete(host);
      tellFree();
    });
    return killed;
  };

  const restartOverdue = (host: EngineHost) => {
    const reason = overdue.get(host);
    if (reason === undefined || runsIn(host) > 0) return;
    overdue.delete(host);
    void exclusively(() => restart(host, reason));
  };

  const step = async <T>(host: EngineHost, order: StepOrder<T>): Promise<T> => {
    const own = takeStep({
      timers,
      signal: AbortSignal.any([stopping.signal, ...(order.signal ? [order.signal] : [])]),
      work: order.work,
      force: host.restart === null ? null : (reason) => restart(host, reason),
    });
    const all = steps.get(host) ?? new Set();
    steps.set(host, all.add(own));
    order.begun?.(own);
    const callOff = Number.isFinite(order.patienceMs)
      ? timers.after(order.patienceMs, () => own.stop(hung(order.what, order.patienceMs)))
      : () => {};
    try {
      return await own.done;
    } finally {
      callOff();
      all.delete(own);
    }
  };

  for (const host of hosts)
    host.onDown?.((reason) => {
      down.add(host);
      dropSteps(host, reason);
      lose(host);
    });

  return {
    step,
    exclusively,
    alone: solitude.alone,
    /** Nothing may begin just now. */
    isTaken: () => changes > 0 || solitude.isWanted(),
    isBusy: (model: string) => [...running.values()].some((run) => run.model === model),
    isAnyBusy: () => running.size > 0,
    runs: () => running.size,
    runsOf: (model: string) => [...running.values()].filter((run) => run.model === model).length,
    /** May one more run begin in it? */
    hasPlace: (host: EngineHost) =>
      !down.has(host) &&
      !restarting.has(host) &&
      !overdue.has(host) &&
      runsIn(host) < (host.engine.concurrency ?? Infinity),
    begin: (key: string, host: EngineHost, model: string) => void running.set(key, { host, model }),
    end: (key: string) => {
      const host = running.get(key)?.host;
      running.delete(key);
      solitude.noteEnd();
      if (host) restartOverdue(host);
    },
    /** Others that run in it end first. `key`: a run that asks for it itself and does not count. */
    restartWhenIdle: async (host: EngineHost, reason: string, key?: string) => {
      const others = [...running].filter(([each, run]) => run.host === host && each !== key);
      if (others.length === 0) return restart(host, reason);
      if (host.restart !== null) overdue.set(host, reason);
    },
    /** It said itself that it crashed; where nobody watches its process, it is started again from here. */
    crashed: (host: EngineHost, reason: string) => {
      if (host.onDown === undefined && host.restart !== null) return restart(host, reason);
      dropSteps(host, reason);
      lose(host);
      return Promise.resolve();
    },
    isRestarting: (host: EngineHost) => restarting.has(host),
    /** Its host starts it again; what needs it waits for that. */
    untilUp: async (host: EngineHost, signal: AbortSignal = stopping.signal) => {
      const giveUpAt = timers.now() + UP_WITHIN_MS;
      while (restarting.has(host) || down.has(host)) {
        try {
          // One that is about to be killed still answers.
          if (restarting.has(host)) throw new EngineFailure('engineUnreachable', 'It is starting.');
          await host.engine.probe();
          down.delete(host);
        } catch (error) {
          if (timers.now() >= giveUpAt) throw error;
          await pause(timers, UP_AGAIN_MS, AbortSignal.any([signal, stopping.signal]));
        }
      }
    },
    onGone: (listener: (host: EngineHost) => void) => void goneListeners.push(listener),
    /** Something may begin that could not before. */
    onFree: (listener: () => void) => void freeListeners.push(listener),
    close: () => stopping.abort(new Error('the worker stops')),
  };
}

export const hung = (what: string, afterMs: number): EngineFailure =>
  new EngineFailure(
    'engineCrashed',
    `${what} made no progress for ${Math.round(afterMs / 1000)} s, so its engine was stopped.`,
  );
