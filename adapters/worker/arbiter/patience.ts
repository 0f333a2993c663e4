// How long silence is normal, and what to do when the card ran out of memory. Pure.
import type { Learned } from './measurements.ts';

/** What a run or a load may take before it counts as hung. */
export interface Patience {
  /** Without any progress. */
  readonly silentMs: number;
  /** In all. */
  readonly totalMs: number;
}

const SILENT_MIN_MS = 60_000;
const TIMES = 3;
/** The first load of a model may come from a cold disk, and nobody has seen how long that takes. */
const FIRST_LOAD_MIN_MS = 300_000;
/** Fewer runs say little about the longest one. */
const RUNS_MIN = 20;

/** Nothing learned yet: an engine without any progress is silent for its whole run. */
export function patienceOfRun(learned: Learned, expectedMs: number, work: number): Patience {
  const gapMs = learned.gapMs.count === 0 ? expectedMs : learned.gapMs.high;
  const isKnown = learned.runMs.count >= RUNS_MIN;
  return {
    silentMs: Math.max(SILENT_MIN_MS, TIMES * gapMs),
    // The order's own time limit holds in any case.
    totalMs: isKnown
      ? Math.max(SILENT_MIN_MS, TIMES * learned.runMs.high * Math.max(work, 1))
      : Infinity,
  };
}

export function patienceOfLoad(learned: Learned, expectedMs: number): number {
  return learned.loadMs.count === 0
    ? Math.max(FIRST_LOAD_MIN_MS, TIMES * expectedMs)
    : Math.max(SILENT_MIN_MS, TIMES * learned.loadMs.high);
}

/** An unload frees memory: seconds at most. */
export const UNLOAD_PATIENCE_MS = SILENT_MIN_MS;

/** Settings that save memory are used from the start for so long. */
const QUARANTINE_MS = 60 * 60_000;
const IN_ROW_MAX = 2;

/** How often a model ran out of memory at its normal settings, and until when it is spared them. */
export interface Strain {
  readonly inRow: number;
  readonly safeUntil: number;
}

export const UNSTRAINED: Strain = { inRow: 0, safeUntil: -Infinity };

export const startsSafe = (strain: Strain, now: number): boolean => now < strain.safeUntil;

export function afterRun(
  strain: Strain,
  hasRunOut: boolean,
  wasSafe: boolean,
  now: number,
): Strain {
  if (wasSafe) return strain;
  if (!hasRunOut) return strain.inRow === 0 ? strain : UNSTRAINED;
  const inRow = strain.inRow + 1;
  return inRow < IN_ROW_MAX ? { ...strain, inRow } : { inRow: 0, safeUntil: now + QUARANTINE_MS };
}

export type AfterOutOfMemory = 'retrySafe' | 'restart';

/**
 * Once more with room made and settings that save memory; then the engine begins anew and the attempt fails.
 * What a person has read cannot be taken back: no second run then.
 */
export const afterOutOfMemory = (isRetry: boolean, hasSpoken: boolean): AfterOutOfMemory =>
  isRetry || hasSpoken ? 'restart' : 'retrySafe';
