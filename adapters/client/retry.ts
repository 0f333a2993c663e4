// When a call is sent again. Every call of this client may be repeated: reads change nothing, a
// create carries its Idempotency-Key, a cancel names exactly one job, a blob is named by its hash.
import { localProblem, problemOf } from './problem.ts';

export interface RetryPolicy {
  readonly attemptsMax: number;
  /** Longest wait before one attempt. A server that asks for more is taken at its word: we give up. */
  readonly waitMsMax: number;
  /** An attempt without an answer is given up after this long. */
  readonly timeoutMs: number;
}

/** The parts of the world that a test replaces. */
export interface Surroundings {
  readonly fetch: (url: string, init: RequestInit) => Promise<Response>;
  readonly pause: (ms: number, signal?: AbortSignal) => Promise<void>;
  /** From 0 up to 1. */
  readonly random: () => number;
  readonly now: () => number;
}

export const RETRY_POLICY: RetryPolicy = { attemptsMax: 4, waitMsMax: 10_000, timeoutMs: 30_000 };

const FIRST_WAIT_MS = 300;
// The server says of these that the request was not carried out. A 500 or 504 says nothing.
const REPEATABLE = new Set([429, 502, 503]);

/** Answers with a success; every refusal is thrown as a `TesseraProblem`. */
export async function sendWithRetry(
  url: string,
  init: RequestInit,
  policy: RetryPolicy,
  { fetch, pause, random, now }: Surroundings,
): Promise<Response> {
  const abandoned = init.signal ?? undefined;
  for (let attempt = 1; ; attempt += 1) {
    const outcome = await sendOnce(url, init, policy.timeoutMs, fetch);
    if (outcome instanceof Response && outcome.ok) return outcome;
    abandoned?.throwIfAborted();

    const waitMs = waitBefore(attempt + 1, outcome, random(), now());
    const last = attempt >= policy.attemptsMax || waitMs === null || waitMs > policy.waitMsMax;
    if (last) throw outcome instanceof Response ? await problemOf(outcome) : unreachable(outcome);
    if (outcome instanceof Response) await outcome.body?.cancel();
    await pause(waitMs, abandoned);
  }
}

async function sendOnce(
  url: string,
  init: RequestInit,
  timeoutMs: number,
  fetch: Surroundings['fetch'],
): Promise<Response | { readonly error: unknown }> {
  const limit = AbortSignal.timeout(timeoutMs);
  const signal = init.signal ? AbortSignal.any([init.signal, limit]) : limit;
  try {
    return await fetch(url, { ...init, signal });
  } catch (error) {
    return { error };
  }
}

/** Milliseconds to wait before the next attempt, or null when there should be none. */
function waitBefore(
  attempt: number,
  outcome: Response | { readonly error: unknown },
  random: number,
  now: number,
): number | null {
  if (outcome instanceof Response) {
    if (!REPEATABLE.has(outcome.status)) return null;
    const asked = retryAfterMs(outcome.headers.get('retry-after'), now);
    // A little more than asked, never less, so that callers do not come back all at once.
    if (asked !== null) return asked + random * FIRST_WAIT_MS;
  }
  return FIRST_WAIT_MS * 2 ** (attempt - 2) * (0.5 + random / 2);
}

/** Retry-After is a number of seconds or a date. */
export function retryAfterMs(header: string | null, now: number): number | null {
  if (header === null) return null;
  if (/^\d+$/.test(header.trim())) return Number(header) * 1000;
  const date = Date.parse(header);
  return Number.isNaN(date) ? null : Math.max(0, date - now);
}

const unreachable = ({ error }: { readonly error: unknown }) =>
  localProblem(
    'unreachable',
    'Tessera could not be reached. Check the connection and that the server runs, then try again.',
    0,
    error,
  );

export function pause(ms: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const stop = () => {
      clearTimeout(timer);
      reject(signal?.reason);
    };
    const timer = setTimeout(() => {
      signal?.removeEventListener('abort', stop);
      resolve();
    }, ms);
    if (signal?.aborted) stop();
    else signal?.addEventListener('abort', stop, { once: true });
  });
}
