// What the worker has learned about its models: memory, load times, run times, silences. Pure, and plain JSON.
import { z } from 'zod';
import type { ModelOffer } from '../../../machines/contract/models.ts';

const SAMPLES_MAX = 64;
const WEIGHT = 0.2;

/** The latest samples of one quantity, its moving mean, and a value that few exceed. */
export const estimate = z.object({
  count: z.number().int().nonnegative(),
  mean: z.number().nonnegative(),
  /** The 99th percentile of the latest samples. */
  high: z.number().nonnegative(),
  samples: z.array(z.number().nonnegative()).max(SAMPLES_MAX),
});
export type Estimate = z.infer<typeof estimate>;
const NOTHING: Estimate = { count: 0, mean: 0, high: 0, samples: [] };

export const learned = z.object({
  /** After its load; null: not known. */
  vramBytes: z.number().int().positive().nullable(),
  /** The most while it ran. */
  peakBytes: z.number().int().positive().nullable(),
  loadMs: estimate,
  /** Per standard output. */
  runMs: estimate,
  /** The longest silence of each call. */
  gapMs: estimate,
  /** What each further job of a call added, over its time alone. */
  batchCost: estimate.default(() => NOTHING),
});
export type Learned = z.infer<typeof learned>;

export const UNLEARNED: Learned = {
  vramBytes: null,
  peakBytes: null,
  loadMs: NOTHING,
  runMs: NOTHING,
  gapMs: NOTHING,
  batchCost: NOTHING,
};

export function withSample({ count, mean, samples }: Estimate, sample: number): Estimate {
  const latest = [...samples, sample].slice(-SAMPLES_MAX);
  const sorted = latest.toSorted((a, b) => a - b);
  // The first ones count alike: a moving mean would cling to the very first.
  const weight = Math.max(WEIGHT, 1 / (count + 1));
  return {
    count: count + 1,
    mean: mean + weight * (sample - mean),
    high: sorted[Math.ceil(0.99 * sorted.length) - 1]!,
    samples: latest,
  };
}

/** What the budget counts for a model; null: nobody knows. */
export const needOf = ({ vramBytes, peakBytes }: Learned, offered: number): number | null =>
  Math.max(vramBytes ?? offered, peakBytes ?? 0) || null;

/** Fewer runs than this say too little to replace what the operator wrote. */
const RUNS_MIN = 3;
export const isKnown = ({ count }: Estimate): boolean => count >= RUNS_MIN;

/** The offer with what was measured instead of what was declared. */
export function withLearned(offer: ModelOffer, facts: Learned): ModelOffer {
  const { loadMs, runMs, batchCost } = facts;
  return {
    ...offer,
    vramBytes: needOf(facts, offer.vramBytes) ?? 0,
    loadMs: loadMs.count > 0 ? Math.round(loadMs.mean) : offer.loadMs,
    runMs: isKnown(runMs) ? Math.max(1, Math.round(runMs.mean)) : offer.runMs,
    ...(offer.batch &&
      isKnown(batchCost) && {
        batch: { ...offer.batch, cost: Math.min(1, Math.round(batchCost.mean * 100) / 100) },
      }),
  };
}

/** So different that who schedules by the old one is misled. */
export function isFarFrom(told: ModelOffer, now: ModelOffer): boolean {
  const far = (a: number, b: number, leastDifference: number) =>
    Math.abs(a - b) > leastDifference && Math.max(a, b) > 1.5 * Math.min(a, b);
  return (
    far(told.vramBytes, now.vramBytes, 256 * 1024 ** 2) ||
    far(told.loadMs, now.loadMs, 1000) ||
    far(told.runMs, now.runMs, 500) ||
    far(told.batch?.cost ?? 1, now.batch?.cost ?? 1, 0.1)
  );
}
