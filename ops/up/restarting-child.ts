// A child process that is kept running: started again when it dies, after a pause that grows.
import type { ChildProcess } from 'node:child_process';
import { EXIT_MISUSE } from '../cli/misuse.ts';

export interface RestartingChildOptions {
  readonly name: string;
  readonly spawn: () => ChildProcess;
  readonly say: (sentence: string) => void;
  /** It ended because what it was given is wrong: starting it again would change nothing. */
  readonly onRefused: () => void;
  readonly clock?: Clock;
}

/** Injected by tests; a real one otherwise. */
export interface Clock {
  now(): number;
  /** Answers a function that calls it off. */
  after(delayMs: number, action: () => void): () => void;
}

export interface RestartingChild {
  readonly pid: () => number | null;
  /** End it and start it anew at once, e.g. with a new environment. */
  restart(): void;
  /** SIGTERM, then SIGKILL when the time is over. Resolves when it is gone. */
  stop(graceMs: number): Promise<void>;
  kill(): void;
}

export const BACKOFF_MS = [250, 500, 1000, 2000, 5000, 10_000] as const;
/** Up for so long, its next death is a new story. */
const SETTLED_MS = 60_000;
const RESTART_GRACE_MS = 15_000;

const systemClock: Clock = {
  now: () => performance.now(),
  after: (delayMs, action) => {
    const timer = setTimeout(action, delayMs);
    return () => clearTimeout(timer);
  },
};

export function keepRunning(options: RestartingChildOptions): RestartingChild {
  const clock = options.clock ?? systemClock;
  let child: ChildProcess | null = null;
  let startedAt = 0;
  let deaths = 0;
  let isStopping = false;
  let isRestarting = false;
  let callOff = (): void => undefined;
  const gone = Promise.withResolvers<void>();

  const start = (): void => {
    startedAt = clock.now();
    child = options.spawn();
    // `error` without `exit`: it could not be started at all.
    child.once('error', (error) => ended(child, error.message));
    child.once('exit', (code, signal) => {
      if (code === EXIT_MISUSE && !isStopping) return refused();
      ended(child, signal === null ? `exit code ${code}` : `${signal}`);
    });
  };

  const refused = (): void => {
    child = null;
    isStopping = true;
    gone.resolve();
    options.onRefused();
  };

  const ended = (who: ChildProcess | null, how: string): void => {
    if (who !== child || child === null) return;
    child = null;
    if (isStopping) return gone.resolve();
    if (isRestarting) {
      isRestarting = false;
      return start();
    }
    if (clock.now() - startedAt > SETTLED_MS) deaths = 0;
    const pauseMs = BACKOFF_MS[Math.min(deaths, BACKOFF_MS.length - 1)] ?? 0;
    deaths += 1;
    options.say(
      `The ${options.name} has ended (${how}). It is started again in ${pauseMs / 1000} s.`,
    );
    callOff = clock.after(pauseMs, start);
  };

  const terminate = (running: ChildProcess, graceMs: number): void => {
    running.kill('SIGTERM');
    const forget = clock.after(graceMs, () => {
      options.say(`The ${options.name} does not stop by itself and is ended.`);
      running.kill('SIGKILL');
    });
    running.once('exit', forget);
  };

  start();
  return {
    pid: () => child?.pid ?? null,
    restart: () => {
      if (isStopping || child === null) return;
      isRestarting = true;
      terminate(child, RESTART_GRACE_MS);
    },
    stop: async (graceMs) => {
      isStopping = true;
      callOff();
      if (child === null) return;
      terminate(child, graceMs);
      await gone.promise;
    },
    kill: () => {
      isStopping = true;
      callOff();
      child?.kill('SIGKILL');
    },
  };
}
