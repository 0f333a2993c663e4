// What an operator writes about one speech server.
import { z } from 'zod';
import { serverUrl } from '../http-call.ts';
import { SOUND_FORMATS } from '../sound-files/probe.ts';
import { FLAVOUR_NAMES } from './flavours.ts';

const text = z.string().min(1).max(500);
const MEBIBYTE = 1024 * 1024;

export const speechModel = z.strictObject({
  /** Its id in the catalogue. */
  id: z.string().regex(/^[a-z0-9][a-z0-9._-]{0,63}$/),
  name: text,
  description: text,
  /** What the server calls it. */
  model: text,
  /** Those that may be chosen. Left out: what the server lists. */
  voices: z.array(text).max(200).optional(),
  /** Where none is chosen. Left out: the first of the voices. */
  voice: text.optional(),
  /** What the server can send; what is usual for the flavour where nothing is said. */
  formats: z.array(z.enum(SOUND_FORMATS)).min(1).optional(),
  /** For a server without proper WAV files: raw samples are fetched and get their header here. */
  wavFromPcm: z.boolean().default(false),
  /** Of raw samples, where the content type does not tell. */
  pcmRate: z.number().int().positive().default(24_000),
  charactersMax: z.number().int().positive().default(8000),
  /**
   * One request speaks as much, in WAV and MP3. Kokoro speaks about 250 characters in one go, and of several
   * goes it leaves out one that fails without a word: so a part should be one.
   */
  partCharactersMax: z.number().int().min(40).default(200),
  /** FLAC and Opus are made in one request; this much at most. */
  wholeCharactersMax: z.number().int().positive().default(4096),
  /** On the card once loaded; 0 where it is not known or speech runs on the processor. */
  vramBytes: z.number().int().nonnegative().default(0),
  /** For the first estimates, before anything was measured. */
  loadMs: z.number().nonnegative().default(5000),
  runMs: z.number().positive().default(3000),
});
export type SpeechModel = z.infer<typeof speechModel>;

export const speechSettings = z.strictObject({
  /** Tells several speech servers apart. */
  name: text.default('speech'),
  url: serverUrl,
  apiKey: z.string().min(1).optional(),
  flavour: z.enum(FLAVOUR_NAMES).default('openai'),
  models: z.array(speechModel).min(1),
  /** For one part of a text, or the first sentence with the loading of the model. */
  partTimeoutMs: z.number().int().positive().default(180_000),
  resultBytesMax: z
    .number()
    .int()
    .positive()
    .default(256 * MEBIBYTE),
});
export type SpeechSettings = z.infer<typeof speechSettings>;
