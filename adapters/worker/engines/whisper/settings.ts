// What an operator writes about one server that transcribes. Two dialects: whisper.cpp's own server, and the
// OpenAI-style path that faster-whisper servers (speaches and others) speak.
import { z } from 'zod';
import { modelOffer } from '../../../../machines/contract/models.ts';

const whisperModel = z.strictObject({
  /** The name people see it by in requests. */
  id: modelOffer.shape.id,
  name: modelOffer.shape.name,
  description: modelOffer.shape.description.default('Turns speech into text.'),
  /**
   * How the server knows it. whisper.cpp: the path of the model's file as the *server* sees it; left out, the
   * server's one model is used as it was started. OpenAI-style: the model's name there, which is required.
   */
  source: z.string().min(1).max(500).optional(),
  /** The same file as this worker sees it, when that is another path; it is looked at before each load. */
  localFile: z.string().min(1).max(500).optional(),
  /** On the graphics card; 0 when the server computes on the processor. No Whisper server tells it. */
  vramBytes: z.number().int().nonnegative(),
  /** First guesses, until they have been measured. */
  loadMs: z.number().nonnegative().default(5_000),
  runMs: z.number().positive().default(5_000),
  /** Large "turbo" and English-only models were not trained to translate. */
  canTranslate: z.boolean().default(true),
});
export type WhisperModel = z.infer<typeof whisperModel>;

export const whisperSettings = z
  .strictObject({
    /** Where the server listens, with its `--request-path` if it has one: `http://127.0.0.1:8080`. */
    url: z.url({ protocol: /^https?$/ }).transform((url) => url.replace(/\/+$/, '')),
    dialect: z.enum(['whisper.cpp', 'openai']).default('whisper.cpp'),
    models: z.array(whisperModel).min(1).max(50),
    /** The bearer key of OpenAI-style servers. whisper.cpp has none. */
    password: z.string().min(1).max(500).optional(),
    /** whisper.cpp: its `--inference-path`. */
    inferencePath: z.string().startsWith('/').max(200).default('/inference'),
    /**
     * whisper.cpp cannot unload: a small model (path as the server sees it) to put in place of a large one. Left
     * out, a model on the graphics card can only be unloaded by ending the server.
     */
    restingSource: z.string().min(1).max(500).optional(),
    /** The longest recording that is taken. */
    secondsMax: z.number().positive().max(86_400).default(7_200),
    /** How long one piece of at most 60 s may take, waiting in the server's line included. */
    answerSecondsMax: z.number().positive().max(86_400).default(900),
    /**
     * Candidates that whisper.cpp keeps at each step. More is slower and often better, and draws lots: the same
     * recording gives other words each time.
     */
    beamSize: z.number().int().min(1).max(8).default(1),
  })
  .superRefine(({ dialect, models }, context) => {
    const ids = models.map(({ id }) => id);
    if (new Set(ids).size < ids.length)
      context.addIssue({ code: 'custom', path: ['models'], message: 'name one id twice' });
    const nameless = models.filter(({ source }) => source === undefined);
    if (dialect === 'openai' && nameless.length > 0)
      context.addIssue({
        code: 'custom',
        path: ['models'],
        message: 'need a source each: the name that the server knows the model by',
      });
    if (dialect === 'whisper.cpp' && nameless.length > 0 && models.length > 1)
      context.addIssue({
        code: 'custom',
        path: ['models'],
        message: 'need a source each when there are several: the path of the file on the server',
      });
  });
export type WhisperSettings = z.infer<typeof whisperSettings>;
