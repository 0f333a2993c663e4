// Clocks for tests: one that stands still until it is moved, and one that runs fast.
import type { Timers } from './seams.ts';

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

const TICK_MS = 50;

/**
 * About fifty times as fast as real time: backoffs pass while the network stays real. Time moves on by at most
 * `TICK_MS` between two rounds of the event loop, so a process that was held up finds no deadline passed that its
 * server, in the same process, had no chance to meet. It stands still while nothing waits for it.
 */
export const quickTimers: Timers = createQuickTimers();

function createQuickTimers(): Timers {
  const clock = createManualClock();
  const waiting = new Set<symbol>();
  let isTicking = false;
  const tick = (): void => {
    clock.advance(TICK_MS);
    isTicking = waiting.size > 0;
    if (isTicking) setTimeout(tick, 1);
  };
  return {
    now: clock.now,
    after: (delayMs, run) => {
      const id = Symbol();
      const callOff = clock.after(delayMs, () => {
        waiting.delete(id);
        run();
      });
      waiting.add(id);
      if (!isTicking) setTimeout(tick, 1);
      isTicking = true;
      return () => {
        waiting.delete(id);
        callOff();
      };
    },
  };
}
