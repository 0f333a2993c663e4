// What a person may ask for: the body of POST /v1/jobs. Strict: unknown fields are refused, nothing
// is coerced, and defaults are written out, so that the stored spec says everything.
import { z } from 'zod';
import { modality } from './models.ts';
import { styleId } from './styles.ts';

/**
 * NUL cannot be stored in Postgres text; lone surrogates cannot be encoded; other control characters mean
 * nothing in a prompt and are six bytes each in JSON, which bounds what a job may weigh.
 */
const sound = (value: string) => !CONTROL.test(value) && value.isWellFormed();
// eslint-disable-next-line no-control-regex -- this is what it is for
const CONTROL = /[\u0000-\u0008\u000b\u000c\u000e-\u001f]/;
const line = (max: number) =>
  z.string().max(max).refine(sound, 'contains characters that cannot be stored');

const side = z.number().int().min(64).max(8192);
const seed = z.number().int().min(0).max(4_294_967_295);
const steps = z.number().int().min(1).max(150);
const style = line(64);
/** How closely the prompt is followed; what is usual depends on the model. */
const guidance = z.number().min(0).max(30);
/** Adaptations of the model, by the names its offer lists. */
const loras = z
  .array(z.strictObject({ name: line(64), weight: z.number().min(-2).max(2).default(1) }))
  .max(4);

export const imageParams = z.strictObject({
  width: side.default(1024),
  height: side.default(1024),
  steps: steps.optional(),
  seed: seed.optional(),
  style: style.optional(),
  negative_prompt: line(4000).optional(),
  guidance: guidance.optional(),
  loras: loras.optional(),
  /** With an input `image`: how much of it may change. */
  strength: z.number().min(0).max(1).optional(),
  /** For models that enlarge: times as wide and as high. */
  scale: z.number().int().min(2).max(4).optional(),
});

export const videoParams = z.strictObject({
  width: side.default(512),
  height: side.default(512),
  seconds: z.number().min(0.5).max(60).default(3),
  fps: z.number().int().min(4).max(60).default(12),
  steps: steps.optional(),
  seed: seed.optional(),
  style: style.optional(),
  negative_prompt: line(4000).optional(),
  guidance: guidance.optional(),
  loras: loras.optional(),
});

export const audioParams = z.strictObject({
  voice: line(64).optional(),
  speed: z.number().min(0.25).max(4).default(1),
  format: z.enum(['wav', 'mp3', 'flac', 'opus']).default('wav'),
  /** Of sound and music; speech takes as long as its text. */
  seconds: z.number().min(0.5).max(600).optional(),
  lyrics: line(4000).optional(),
  seed: seed.optional(),
});

export const textParams = z.strictObject({
  max_tokens: z.number().int().min(1).max(32_768).default(256),
  temperature: z.number().min(0).max(2).default(0.8),
  top_p: z.number().min(0).max(1).optional(),
  stop: z.array(line(64).min(1)).max(4).optional(),
  seed: seed.optional(),
  /**
   * A chat by default: the prompt is the person's last message, an input `messages` holds those before it.
   * A completion goes on writing where the prompt ends.
   */
  mode: z.enum(['chat', 'completion']).optional(),
});

/** What an input of the role `messages` holds, as JSON: too much for a job's own record. */
export const chatMessages = z
  .array(
    z.strictObject({
      role: z.enum(['system', 'user', 'assistant']),
      content: z.string().max(200_000),
    }),
  )
  .max(1000);
export type ChatMessages = z.infer<typeof chatMessages>;

export const transcriptParams = z.strictObject({
  language: line(16).optional(),
  /** Into English, whatever is spoken. */
  translate: z.boolean().optional(),
  format: z.enum(['text', 'json', 'verbose_json', 'srt', 'vtt']).default('text'),
});

export const PARAMS = {
  image: imageParams,
  video: videoParams,
  audio: audioParams,
  text: textParams,
  transcript: transcriptParams,
} as const;

export type ImageParams = z.infer<typeof imageParams>;
export type VideoParams = z.infer<typeof videoParams>;
export type AudioParams = z.infer<typeof audioParams>;
export type TextParams = z.infer<typeof textParams>;
export type TranscriptParams = z.infer<typeof transcriptParams>;
/** Params after validation, of whatever modality; which one is told by the job's `modality`. */
export type JobParams = ImageParams | VideoParams | AudioParams | TextParams | TranscriptParams;

/** The role of a file that was sent without one: it goes where it fits. */
export const ANY_ROLE = 'input';

export const blobId = z.string().regex(/^sha256:[0-9a-f]{64}$/);

/** Fields shared by every modality. `params` is checked by `PARAMS[modality]`. */
export const jobRequest = z.strictObject({
  modality,
  model: z
    .string()
    .regex(/^[a-z0-9][a-z0-9._-]{0,63}$/, 'is not a model id')
    .optional(),
  prompt: line(8000).optional(),
  params: z.record(z.string().max(64), z.unknown()).default({}),
  style: styleId
    .optional()
    .describe('One of GET /v1/styles: it makes more of the prompt and the params'),
  inputs: z
    .array(
      z.strictObject({
        blob: blobId.describe('As POST /v1/blobs answered it'),
        role: line(32)
          .default(ANY_ROLE)
          .describe(
            'One of the roles that the model lists under `inputs`. A file without one takes the first slot ' +
              'of its kind that is still free.',
          ),
      }),
    )
    .max(8)
    .default([])
    .describe('Files that the model works on: those of its `inputs` in GET /v1/models, each once'),
  count: z.number().int().min(1).max(8).default(1),
  dry_run: z.boolean().default(false),
  deadline_s: z.number().int().min(5).max(86_400).default(3600),
  origin: line(200).optional(),
});
export type JobRequest = z.infer<typeof jobRequest>;
/** As a client writes it, before defaults. */
export type JobRequestInput = z.input<typeof jobRequest>;
