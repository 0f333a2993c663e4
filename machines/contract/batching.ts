// Several jobs, of different people perhaps, in one engine call. Each keeps its own attempt, price, result and
// end; what they share is the call. Which may share one is decided here, for the policy and for every engine.
import { z } from 'zod';
import type { Modality } from './models.ts';

/** Jobs in one call; a larger offer would only make everybody wait for the last. */
export const BATCH_MAX = 8;

/** A model's offer that says so can take several jobs at once. */
export const batchOffer = z.strictObject({
  max: z.number().int().min(2).max(BATCH_MAX),
  /** What each further job adds, over its time alone: 0.25 makes a call of three take 1.5 times one's time. */
  cost: z.number().min(0).max(1),
});

/** Which call a job goes along in, and how many do when all of them come. */
export const batchPlace = z.strictObject({
  id: z.string().min(1).max(64),
  size: z.number().int().min(2).max(BATCH_MAX),
});
export type BatchPlace = z.infer<typeof batchPlace>;

export interface Batchable {
  readonly model: string;
  readonly modality: Modality;
  readonly params: Readonly<Record<string, unknown>> | object;
  readonly count: number;
  readonly inputs: readonly unknown[];
}

/** These an engine takes for each picture or sound of a call by itself; all others hold for the whole call. */
const OWN = new Set(['seed', 'negative_prompt', 'style', 'lyrics']);
/** Text leaves as it is written, and a transcript works on a file: neither has anything to share. */
const SHARING = new Set<Modality>(['image', 'video', 'audio']);

/** Jobs with the same key may share a call; null: always alone. Whoever asks for several has a call full already. */
export function batchKeyOf({ model, modality, params, count, inputs }: Batchable): string | null {
  if (!SHARING.has(modality) || count > 1 || inputs.length > 0) return null;
  const shared = Object.entries(params)
    .filter(([name, value]) => value !== undefined && !OWN.has(name))
    .sort(([a], [b]) => (a < b ? -1 : 1));
  return JSON.stringify([model, modality, shared]);
}

/** How long a call of so many equal jobs takes, over one alone. */
export const batchTimes = (size: number, cost: number): number => 1 + cost * (size - 1);
