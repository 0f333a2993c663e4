// Which models ran out of memory lately, and are spared for a while.
import type { Log, Timers } from '../seams.ts';
import { afterRun, startsSafe, UNSTRAINED, type Strain } from './patience.ts';

export type Strains = ReturnType<typeof createStrains>;

/** @param spared what is done instead, for the log: `it runs at settings that save memory` */
export function createStrains(timers: Timers, log: Log, spared: string) {
  const strains = new Map<string, Strain>();
  const of = (model: string) => strains.get(model) ?? UNSTRAINED;
  return {
    isSpared: (model: string) => startsSafe(of(model), timers.now()),
    note: (model: string, hasRunOut: boolean, wasSafe = false) => {
      const before = of(model);
      const now = afterRun(before, hasRunOut, wasSafe, timers.now());
      if (now.safeUntil > before.safeUntil)
        log.warn({ model }, `${model} ran out of memory twice in a row; for an hour ${spared}`);
      strains.set(model, now);
    },
  };
}
