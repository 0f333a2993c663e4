// Keeps one engine alive: start, wait until it serves, notice its end, start again. `live` is the whole
// story; read it first.
import { backoffMs, type BackoffRange } from '../backoff.ts';
import type { EngineHost } from '../engine-host.ts';
import { pause, type Log, type Timers } from '../seams.ts';
import type { EngineLog } from './engine-log.ts';
import { watchCard } from './card-watch.ts';
import { untilHealthy, whileHealthy } from './health.ts';
import type { Life, Vessel } from './vessel.ts';
import type { WatchedEngine } from './watched-engine.ts';

export interface SupervisorOptions {
  readonly name: string;
  readonly watched: WatchedEngine;
  readonly pinned: readonly string[];
  readonly vessel: Vessel;
  readonly output: EngineLog;
  readonly log: Log;
  readonly timers: Timers;
  readonly random: () => number;
  readonly hostSeesCard: () => Promise<boolean | null>;
}

export interface Supervisor extends EngineHost {
  start(): void;
  /** Resolves when the engine has ended and nothing of it is left. */
  stop(): Promise<void>;
  /** For the last moment of our own process. */
  abandon(): void;
}

/** Why a life is over. */
interface End {
  readonly reason: string;
  /** Somebody asked for it: no failure, no pause, and he knows. */
  readonly isAsked: boolean;
}

const RESTARTS: BackoffRange = { firstMs: 1_000, maxMs: 30_000 };
/** After the sentence that says that nothing helps: the operator may be at it. */
const GIVEN_UP: BackoffRange = { firstMs: 300_000, maxMs: 300_000 };
const QUICK_DEATHS_MAX = 5;
/** Served for so long, its next end is a new story. */
const SETTLED_MS = 60_000;
/** Shorter than the time that whoever stops the worker gives it. */
const STOP_GRACE_MS = 7_000;

export function supervise(options: SupervisorOptions): Supervisor {
  const { name, vessel, watched, output, log, timers } = options;
  const stopping = new AbortController();
  const downListeners = new Set<(reason: string) => void>();
  const waiting = new Set<PromiseWithResolvers<void>>();
  let quickDeaths = 0;
  let living: Promise<void> | null = null;
  let restarting: Promise<void> | null = null;
  /** Asked for, and no new life has begun since. */
  let isRestartDue = false;
  let life: Life | null = null;
  /** Ends the present life, or the pause before the next. */
  let wish = new AbortController();

  const live = async (): Promise<void> => {
    while (!stopping.signal.aborted) {
      wish = new AbortController();
      isRestartDue = false;
      const { reason, isAsked, upMs } = await liveOnce();
      if (stopping.signal.aborted) return;
      if (upMs !== null && !isAsked) for (const listener of downListeners) listener(reason);
      if (isAsked || isRestartDue) continue;
      quickDeaths = upMs !== null && upMs > SETTLED_MS ? 1 : quickDeaths + 1;
      await rest(reason);
    }
  };

  /** From the launch to the end. `upMs`: how long it could serve; null: it never could. */
  const liveOnce = async (): Promise<End & { upMs: number | null }> => {
    const over = AbortSignal.any([wish.signal, stopping.signal]);
    let upAt: number | null = null;
    const endedBy = (end: End) => ({ ...end, upMs: upAt === null ? null : timers.now() - upAt });
    try {
      output.setStarting(true);
      life = await vessel.launch();
      const died = life.ended.then((how): never => {
        throw new Error(how);
      });
      died.catch(() => undefined);
      await Promise.race([died, untilHealthy({ ...options, signal: over })]);
      upAt = timers.now();
      output.setStarting(false);
      log.info({ engine: name }, `The engine ${name} is up`);
      tellWaiting((waiter) => waiter.resolve());
      const lost = whileHealthy({ ...options, signal: over });
      const cardGone = watchCard({ ...options, seesCard: life.seesCard, signal: over });
      await Promise.race([died, lost, cardGone]);
      return endedBy({ reason: 'stopped', isAsked: true });
    } catch (error) {
      if (wish.signal.aborted)
        return endedBy({ reason: String(wish.signal.reason), isAsked: true });
      return endedBy({ reason: (error as Error).message, isAsked: false });
    } finally {
      // What watches it must stop before the next life begins.
      wish.abort('over');
      await life?.stop(STOP_GRACE_MS);
      life = null;
    }
  };

  const rest = async (reason: string): Promise<void> => {
    const words = output.lastWords();
    const isGivenUp = quickDeaths >= QUICK_DEATHS_MAX;
    const range = isGivenUp ? GIVEN_UP : RESTARTS;
    const pauseMs = Math.round(backoffMs(range, quickDeaths - 1, options.random));
    const facts = { engine: name, reason, words, pauseMs, output: output.file };
    const sentence = endSentence(name, reason, words);
    if (!isGivenUp) {
      log.warn(facts, `${sentence} It is started again in ${Math.ceil(pauseMs / 1000)} s.`);
    } else {
      const advice = `That was ${quickDeaths} times in a row; ${output.file} has all that it said.`;
      log.error(facts, `${sentence} ${advice} It is tried again every few minutes.`);
    }
    // Whoever waits for a restart hears of a failed start at once; what to do then is his decision.
    tellWaiting((waiter) => waiter.reject(new Error(sentence)));
    wish = new AbortController();
    const enough = AbortSignal.any([wish.signal, stopping.signal]);
    await pause(timers, pauseMs, enough).catch(() => undefined);
  };

  const tellWaiting = (tell: (waiter: PromiseWithResolvers<void>) => void) => {
    for (const waiter of waiting) tell(waiter);
    waiting.clear();
  };

  const restart = (reason: string): Promise<void> => {
    if (stopping.signal.aborted) return Promise.reject(new Error('The worker stops.'));
    if (restarting !== null) return restarting;
    log.warn({ engine: name, reason }, `The engine ${name} is restarted: ${reason}`);
    isRestartDue = true;
    const waiter = Promise.withResolvers<void>();
    waiting.add(waiter);
    restarting = waiter.promise.finally(() => (restarting = null));
    wish.abort(reason);
    return restarting;
  };

  return {
    engine: watched.engine,
    pinned: options.pinned,
    restart,
    onDown: (listener) => void downListeners.add(listener),
    start: () => {
      living ??= live().catch((error: unknown) => {
        log.error({ engine: name, error }, `The engine ${name} is no longer looked after`);
      });
    },
    stop: async () => {
      stopping.abort(new Error('The worker stops.'));
      tellWaiting((waiter) => waiter.reject(stopping.signal.reason));
      await living;
      output.close();
    },
    abandon: () => life?.abandon(),
  };
}

const endSentence = (name: string, reason: string, words: string): string =>
  `The engine ${name} has ended (${reason})${words === '' ? '.' : `; it said: ${words}.`}`;
