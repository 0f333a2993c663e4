// What the agent takes from the outside, so that a test can hold time and the network in its hand.
import WebSocket from 'ws';

export interface Timers {
  /** Milliseconds on a clock that never goes back. */
  now(): number;
  /** Runs once, later. Answers the function that calls it off. */
  after(delayMs: number, run: () => void): () => void;
}

export interface Seams {
  readonly timers: Timers;
  readonly random: () => number;
  readonly openSocket: (url: string, headers: Record<string, string>) => WebSocket;
  readonly fetch: typeof fetch;
}

/** The shape of a pino logger; the agent needs no more of it. */
export interface Log {
  info(facts: object, message: string): void;
  warn(facts: object, message: string): void;
  error(facts: object, message: string): void;
}

/** A command is small; a larger frame is a mistake and must not fill the memory. */
const FRAME_BYTES_MAX = 4 * 1024 * 1024;

export const systemSeams: Seams = {
  timers: {
    now: () => performance.now(),
    after: (delayMs, run) => {
      const timer = setTimeout(run, delayMs);
      return () => clearTimeout(timer);
    },
  },
  random: Math.random,
  openSocket: (url, headers) =>
    new WebSocket(url, { headers, maxPayload: FRAME_BYTES_MAX, handshakeTimeout: 10_000 }),
  fetch: (input, init) => fetch(input, init),
};

/** Waits on the given clock; rejects with the signal's reason when that comes first. */
export function pause(timers: Timers, delayMs: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    if (signal.aborted) return reject(signal.reason);
    const stop = () => {
      callOff();
      reject(signal.reason);
    };
    const callOff = timers.after(delayMs, () => {
      signal.removeEventListener('abort', stop);
      resolve();
    });
    signal.addEventListener('abort', stop, { once: true });
  });
}
