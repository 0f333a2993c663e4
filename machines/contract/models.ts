// What a model is, as a worker offers it and as the catalogue shows it.
import { z } from 'zod';
import { batchOffer } from './batching.ts';

export const MODALITIES = ['image', 'video', 'text', 'audio', 'transcript'] as const;
export const modality = z.enum(MODALITIES);
export type Modality = z.infer<typeof modality>;

const text = z.string().min(1).max(500);

/** Params whose value a model bounds on both sides; `frames` are seconds times frames a second. */
export const RANGED = [
  'width',
  'height',
  'steps',
  'guidance',
  'strength',
  'seconds',
  'fps',
  'frames',
] as const;

/** Limits of one request. One that is absent does not apply to the model. */
export const modelLimits = z.strictObject({
  pixelsMax: z.number().int().positive().optional(),
  stepsMax: z.number().int().positive().optional(),
  secondsMax: z.number().positive().optional(),
  charactersMax: z.number().int().positive().optional(),
  llmTokensMax: z.number().int().positive().optional(),
  countMax: z.number().int().positive().optional(),
  ranges: z
    .partialRecord(z.enum(RANGED), z.strictObject({ min: z.number(), max: z.number() }))
    .optional(),
});
export type ModelLimits = z.infer<typeof modelLimits>;

export const INPUT_KINDS = ['image', 'video', 'audio', 'text'] as const;

/** A file that a model works on. */
export const inputSlot = z.strictObject({
  role: z.string().regex(/^[a-z][a-z_]{0,31}$/),
  kind: z.enum(INPUT_KINDS),
  isRequired: z.boolean(),
});
export type InputSlot = z.infer<typeof inputSlot>;

/** A model as a worker's engine offers it. Sizes in bytes, times in milliseconds. */
export const modelOffer = z.strictObject({
  id: z.string().regex(/^[a-z0-9][a-z0-9._-]{0,63}$/),
  name: text,
  engine: text,
  modality,
  description: text,
  vramBytes: z.number().int().nonnegative(),
  loadMs: z.number().nonnegative(),
  /** Typical time of one standard output (1 token's worth), for the first estimates. */
  runMs: z.number().positive(),
  limits: modelLimits,
  /** Jobs with equal batch keys may share one engine call; absent: each has its own. */
  batch: batchOffer.optional(),
  /** Choices a person can make: styles of an image, voices of speech. */
  styles: z.array(text).max(200).default([]),
  voices: z.array(text).max(200).default([]),
  /** Files it takes, at most one of each role. */
  inputs: z.array(inputSlot).max(8).optional(),
  /** Of audio: those of its `format`s that it can deliver; wav where nothing is said. */
  formats: z.array(text).max(10).optional(),
  /** Of sound and music: the length where none is asked for, which is what `runMs` is the time of. */
  seconds: z.number().positive().optional(),
  /** Adaptations that may be named in `params.loras`. */
  loras: z.array(text).max(200).optional(),
  /** Of models that enlarge: the `params.scale`s that they can do. */
  scales: z.array(z.number().int().min(2).max(4)).max(3).optional(),
});
export type ModelOffer = z.infer<typeof modelOffer>;
