// What an operator writes about one server that makes sound effects or music.
import { z } from 'zod';
import { serverUrl } from '../http-call.ts';
import { SOUND_FORMATS } from '../sound-files/probe.ts';
import { templateFault } from './template.ts';

const text = z.string().min(1).max(500);
const path = z.string().regex(/^\/(?!\/)/, 'must begin with one slash');
const pointer = z.string().regex(/^(\/[^/]*)+$/, 'must be a JSON pointer such as /audio/0');
const MEBIBYTE = 1024 * 1024;
const MINUTE_MS = 60_000;

/** The API server of ACE-Step 1.5: music, in the background, with progress. */
const aceStep = z.strictObject({
  kind: z.literal('ace-step'),
  /** Lets its language model plan the song first: better and slower. Left out after running out of memory. */
  thinking: z.boolean().default(false),
  /** Steps of the diffusion; what the server takes by itself where nothing is said. */
  steps: z.number().int().min(1).max(200).optional(),
});

/** LocalAI's `/v1/sound-generation`: one call, no progress. */
const localAi = z.strictObject({ kind: z.literal('local-ai') });

/** Whatever takes JSON and answers with sound, as people's own servers around AudioCraft do. */
const template = z.strictObject({
  kind: z.literal('template'),
  path,
  /** Sent as JSON; values such as "{{prompt}}", "{{seconds}}", "{{seed}}" are filled in. */
  body: z.json().superRefine((body, context) => {
    const fault = templateFault(body);
    if (fault !== null) context.addIssue({ code: 'custom', message: fault });
  }),
  answer: z.discriminatedUnion('as', [
    z.strictObject({ as: z.literal('bytes') }),
    z.strictObject({ as: z.literal('base64'), pointer }),
    /** Fetched from the same server and from no other. */
    z.strictObject({ as: z.literal('url'), pointer }),
  ]),
  healthPath: path.default('/health'),
  /** Posted `{"model": …}`, where the server can load and unload. */
  loadPath: path.optional(),
  unloadPath: path.optional(),
});

export const soundModel = z.strictObject({
  /** Its id in the catalogue. */
  id: z.string().regex(/^[a-z0-9][a-z0-9._-]{0,63}$/),
  name: text,
  description: text,
  /** What the server calls it. */
  model: text,
  /** Where a job names no length. */
  seconds: z.number().positive().default(10),
  secondsMin: z.number().positive().default(0.5),
  secondsMax: z.number().positive().default(30),
  charactersMax: z.number().int().positive().default(2000),
  countMax: z.number().int().min(1).max(8).default(4),
  /** What the server really sends. */
  formats: z.array(z.enum(SOUND_FORMATS)).min(1).default(['wav']),
  /** It sings: takes lyrics. */
  sings: z.boolean().default(false),
  /** On the card once loaded; 0 where it is not known. */
  vramBytes: z.number().int().nonnegative().default(0),
  /** For the first estimates: of loading, and of making one of `seconds`. */
  loadMs: z.number().nonnegative().default(20_000),
  runMs: z.number().positive().default(15_000),
});
export type SoundModel = z.infer<typeof soundModel>;

export const soundSettings = z.strictObject({
  /** Tells several sound servers apart. */
  name: text.default('sound'),
  url: serverUrl,
  apiKey: z.string().min(1).optional(),
  wire: z.discriminatedUnion('kind', [aceStep, localAi, template]),
  models: z.array(soundModel).min(1),
  /** For one sound, waiting in the server's own queue included. */
  soundTimeoutMs: z
    .number()
    .int()
    .positive()
    .default(15 * MINUTE_MS),
  loadTimeoutMs: z
    .number()
    .int()
    .positive()
    .default(5 * MINUTE_MS),
  /** How often a server with progress is asked for it. */
  pollMs: z.number().int().positive().default(1000),
  resultBytesMax: z
    .number()
    .int()
    .positive()
    .default(256 * MEBIBYTE),
});
export type SoundSettings = z.infer<typeof soundSettings>;
export type AceStepWire = z.infer<typeof aceStep>;
export type TemplateWire = z.infer<typeof template>;
