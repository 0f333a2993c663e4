// How long to wait before trying again. Jitter keeps a fleet from knocking in step after a restart.

export interface BackoffRange {
  readonly firstMs: number;
  readonly maxMs: number;
}

export const RECONNECT: BackoffRange = { firstMs: 250, maxMs: 10_000 };
export const RETRY_REQUEST: BackoffRange = { firstMs: 200, maxMs: 5_000 };

/** Between half and the whole of an exponentially growing, capped delay. `failures` counts from 0. */
export function backoffMs(range: BackoffRange, failures: number, random: () => number): number {
  const whole = Math.min(range.maxMs, range.firstMs * 2 ** Math.min(failures, 30));
  return whole * (0.5 + random() / 2);
}
