// Clocks for tests: one that stands still until it is moved, and one that runs fast.
import { systemSeams, type Timers } from './seams.ts';

export interface ManualClock extends Timers {
  /** Moves on and runs what has become due, in order. */
  advance(ms: number): void;
  /** Resolves once something waits for exactly this long. */
  armed(delayMs: number): Promise<void>;
}

export function createManualClock(): ManualClock {
  const timers = new Set<{ at: number; delayMs: number; run: () => void }>();
  const watchers = new Set<() => void>();
  let now = 0;
  return {
    now: () => now,
    after: (delayMs, run) => {
      const timer = { at: now + delayMs, delayMs, run };
      timers.add(timer);
      for (const watch of [...watchers]) watch();
      return () => timers.delete(timer);
    },
    advance: (ms) => {
      const end = now + ms;
      for (;;) {
        const [next] = [...timers].filter(({ at }) => at <= end).sort((a, b) => a.at - b.at);
        if (next === undefined) break;
        timers.delete(next);
        now = next.at;
        next.run();
      }
      now = end;
    },
    armed: (delayMs) =>
      new Promise((resolve) => {
        const watch = () => {
          if (![...timers].some((timer) => timer.delayMs === delayMs)) return;
          watchers.delete(watch);
          resolve();
        };
        watchers.add(watch);
        watch();
      }),
  };
}

/** Real time, fifty times as fast: backoffs pass while the network stays real. */
export const quickTimers: Timers = {
  now: () => systemSeams.timers.now() * 50,
  after: (delayMs, run) => systemSeams.timers.after(delayMs / 50, run),
};
