// Asking an engine whether it can serve: until it does after a start, and now and then from there on.
import { pause, type Log, type Timers } from '../seams.ts';
import { wordsOf, type WatchedEngine } from './watched-engine.ts';

interface HealthOptions {
  readonly name: string;
  readonly watched: WatchedEngine;
  readonly log: Log;
  readonly timers: Timers;
  readonly signal: AbortSignal;
}

const ASK_EVERY_MS = 500;
const PROBE_LIMIT_MS = 10_000;
/** A first start may compile kernels or read tens of gigabytes from a slow disk. */
const START_LIMIT_MS = 20 * 60_000;
const TELL_FIRST_MS = 15_000;
const TELL_EVERY_MS = 60_000;
const LOOK_EVERY_MS = 15_000;
/** Alive and mute for so long: nothing short of a new start has been seen to help. */
const MUTE_LIMIT_MS = 5 * 60_000;

/** Resolves when it serves. @throws Error when it takes too long, or the signal's reason */
export async function untilHealthy(options: HealthOptions): Promise<void> {
  const { timers, name, log, signal } = options;
  const startedAt = timers.now();
  let tellAfterMs = TELL_FIRST_MS;
  for (;;) {
    const problem = await probe(options);
    signal.throwIfAborted();
    if (problem === null) return;
    const waitedMs = timers.now() - startedAt;
    if (waitedMs > START_LIMIT_MS) throw new Error(`it did not serve in time: ${problem}`);
    if (waitedMs >= tellAfterMs) {
      const seconds = Math.round(waitedMs / 1000);
      log.info({ engine: name, problem }, `The engine ${name} has been starting for ${seconds} s`);
      tellAfterMs = waitedMs + TELL_EVERY_MS;
    }
    await pause(timers, ASK_EVERY_MS, signal);
  }
}

/** Never resolves. @throws Error when it has not answered for long, or the signal's reason */
export async function whileHealthy(options: HealthOptions): Promise<never> {
  const { timers, watched, signal } = options;
  let answeredAt = timers.now();
  for (;;) {
    await pause(timers, LOOK_EVERY_MS, signal);
    // Some servers are away while they load; loads have limits of their own.
    const problem = watched.isChanging() ? null : await probe(options);
    if (problem === null) answeredAt = timers.now();
    else if (timers.now() - answeredAt >= MUTE_LIMIT_MS) {
      throw new Error(
        `it has not answered for ${Math.round(MUTE_LIMIT_MS / 60_000)} minutes: ${problem}`,
      );
    }
  }
}

/** What is wrong; null when it serves. */
export async function probe({
  watched,
  timers,
}: Pick<HealthOptions, 'watched' | 'timers'>): Promise<string | null> {
  const late = Promise.withResolvers<string>();
  const callOff = timers.after(PROBE_LIMIT_MS, () => late.resolve('no answer'));
  const asked = watched.engine.probe().then(
    () => null,
    (error: unknown) => wordsOf(error).slice(0, 300) || 'no answer',
  );
  const problem = await Promise.race([asked, late.promise]);
  callOff();
  return problem;
}
