// What an operator writes for one KoboldCPP server.
import { z } from 'zod';

const id = z.string().regex(/^[a-z0-9][a-z0-9._-]{0,63}$/);
const text = z.string().min(1).max(500);
const bytes = z.number().int().nonnegative();
const ms = z.number().int().positive();

/** A name in the server's admin folder: at most one folder deep, and never out of it. */
const file = z
  .string()
  .max(200)
  .regex(/^(?:[^/\\]+\/)?[^/\\]+\.(?:kcpps|kcppt|gguf)$/, 'is not a .kcpps, .kcppt or .gguf file')
  .refine((name) => !name.split('/').includes('..'), 'leaves the admin folder');

const anyModel = {
  id,
  name: text,
  description: text.default('Served by KoboldCPP.'),
  /**
   * The configuration to switch to, as the server's admin list names it. Left out: the model is part of what the
   * server was started with. A bare .gguf resets every other setting of the server; prefer a .kcpps.
   */
  file: file.optional(),
  /**
   * What GET /api/v1/model answers once `file` is loaded, without `koboldcpp/`: the name of the GGUF without its
   * ending, or `inactive` where the configuration has no text model. Needed with a .kcpps: it is the only way to
   * notice that the server fell back to what it was started with, for it reports no error.
   */
  answersAs: text.optional(),
  /** What it takes of the graphics card; 0 means unknown. The server does not tell. */
  vramBytes: bytes.default(0),
  /** First estimates; real times are learned. */
  loadMs: ms.default(15_000),
  runMs: ms.default(10_000),
};

const textModel = z.strictObject({
  ...anyModel,
  /** The context that `file` asks for. Given, a server that answers with another size counts as not loaded. */
  contextTokens: z.number().int().min(64).optional(),
  /** The longest answer that may be asked for. */
  tokensMax: z.number().int().positive().max(32_768).default(2048),
  /** The longest prompt; what counts in the end is the context, in tokens. */
  charactersMax: z.number().int().positive().default(8000),
});

const speech = z.strictObject({
  ...anyModel,
  voices: z.array(text).min(1).default(['kobo', 'cheery', 'sleepy', 'shouty', 'chatty']),
  charactersMax: z.number().int().positive().default(1000),
});

const transcription = z.strictObject(anyModel);

const image = z.strictObject({
  ...anyModel,
  pixelsMax: z
    .number()
    .int()
    .positive()
    .default(1024 * 1024),
  stepsMax: z.number().int().positive().max(80).default(50),
  /** Used where a job names no steps. */
  steps: z.number().int().positive().max(80).default(20),
  guidance: z.number().min(1).max(25).default(5),
});

const complete = (model: { file?: string | undefined; answersAs?: string | undefined }) =>
  model.file === undefined || model.file.endsWith('.gguf') || model.answersAs !== undefined;
const incomplete = { path: ['answersAs'], error: 'is needed with a .kcpps or .kcppt file' };

export const koboldcppSettings = z
  .strictObject({
    /** Where it listens, as in http://127.0.0.1:5001. It listens on all interfaces by default: firewall it. */
    url: z.url({ protocol: /^https?$/ }),
    /** As given with --password. */
    password: z.string().min(1).optional(),
    /** As given with --adminpassword; --admin alone needs none. */
    adminPassword: z.string().min(1).optional(),
    /** Text models. */
    models: z.array(textModel.refine(complete, incomplete)).default([]),
    /** Its other abilities, where a configuration has a model for them. */
    speech: speech.refine(complete, incomplete).optional(),
    transcription: transcription.refine(complete, incomplete).optional(),
    image: image.refine(complete, incomplete).optional(),
    /** How long a switch may take until the new model answers. */
    loadTimeoutMs: ms.default(300_000),
    /** How long the first word may take: the whole prompt is read before it. */
    firstWordTimeoutMs: ms.default(300_000),
    /** How long it may be silent between two words: a bad request is never answered. */
    idleTimeoutMs: ms.default(60_000),
    /** How long cancelled work may go on: a prompt is read in parts, and the rest cannot be stopped at all. */
    stuckAfterMs: ms.default(60_000),
  })
  .refine(
    ({ models, speech, transcription, image }) => {
      const ids = [...models, speech, transcription, image].flatMap((model) => model?.id ?? []);
      return ids.length > 0 && new Set(ids).size === ids.length;
    },
    { error: 'must name at least one model, and each id once' },
  )
  .refine(
    ({ models }) =>
      models.every(({ file, answersAs }) => file !== undefined || answersAs !== undefined) ||
      models.length === 1,
    { error: 'must say `answersAs` of each text model without `file` where there are several' },
  );

export type KoboldcppSettings = z.infer<typeof koboldcppSettings>;
export type TextModel = z.infer<typeof textModel>;
export type SpeechModel = z.infer<typeof speech>;
export type TranscriptionModel = z.infer<typeof transcription>;
export type ImageModel = z.infer<typeof image>;
