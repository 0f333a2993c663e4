// The dialect of whisper.cpp's own server. It holds one model at a time, tells nobody which, and ends when it is
// given a file that is no model.
import { EngineFailure } from '../../../../machines/contract/engine.ts';
import { readAnswer } from './answer.ts';
import type { Ask, Client } from './client.ts';
import { formOf, refusalOf, type Dialect, type Question } from './dialect.ts';
import { checkModelFile } from './model-file.ts';
import type { WhisperModel, WhisperSettings } from './settings.ts';

const PROBE_LIMIT_MS = 15_000;
const LOAD_LIMIT_MS = 600_000;

export function createWhisperCpp(client: Client, settings: WhisperSettings): Dialect {
  const { inferencePath, beamSize, restingSource } = settings;
  /** What it was last told to hold. After a restart, or a load that nobody saw the end of: unknown. */
  let held: string | null = null;

  const ask = async (what: Ask, signal?: AbortSignal) => {
    try {
      return await client(what, signal);
    } catch (error) {
      if (error instanceof EngineFailure) held = null;
      throw error;
    }
  };

  const put = async (source: string, localFile: string | undefined, signal?: AbortSignal) => {
    await checkModelFile(localFile ?? source, { mustExist: localFile !== undefined });
    held = null;
    const form = new FormData();
    form.set('model', source);
    const load: Ask = { method: 'POST', path: '/load', form, limitMs: LOAD_LIMIT_MS };
    const { status } = await ask(load, signal).catch((error: unknown) => {
      if (error instanceof EngineFailure && error.code === 'engineCrashed')
        throw new EngineFailure(
          'modelLoadFailed',
          'The Whisper server ended while it loaded a model: it is damaged, or there is no room for it.',
          { cause: error },
        );
      throw error;
    });
    // The old model stays and works, but /health says 404 until a load succeeds.
    if (status === 400)
      throw new EngineFailure(
        'modelMissing',
        'The Whisper server does not find the model at the path that its settings name.',
      );
    if (status !== 200)
      throw new EngineFailure('modelLoadFailed', `The Whisper server answered ${status} to /load.`);
    held = source;
  };

  const probe = async () => {
    const { status, server } = await ask({
      method: 'GET',
      path: '/health',
      limitMs: PROBE_LIMIT_MS,
    });
    // 404 is how "loading" comes out, also for ever after a load that was refused; inference works meanwhile.
    if (status === 200 || (status === 404 && server === 'whisper.cpp')) return;
    throw new EngineFailure(
      'engineUnreachable',
      'What answers at the address of the Whisper server is something else. Correct its `url`.',
    );
  };

  const holds = ({ source }: WhisperModel) => source === undefined || held === source;

  return {
    probe,
    holds,
    load: ({ source, localFile }, signal) =>
      source === undefined ? probe() : put(source, localFile, signal),
    unload: async (model) => {
      // Another one has taken its place already; and what lies on the processor is in nobody's way.
      if (!holds(model) || model.vramBytes === 0) return;
      if (restingSource !== undefined && model.source !== undefined)
        return put(restingSource, undefined);
      throw new EngineFailure(
        'unsupported',
        "whisper.cpp's server frees a model only when it ends or loads another one. Name a small one as `restingSource`.",
      );
    },
    ask: async (question, signal) => {
      const { seconds, limitMs } = question;
      const form = formOf(question, fieldsOf(question, beamSize));
      const reply = await ask({ method: 'POST', path: inferencePath, form, limitMs }, signal);
      if (reply.status === 404)
        throw new EngineFailure(
          'engineUnreachable',
          `The Whisper server has no ${inferencePath}. Correct \`inferencePath\` in its settings.`,
        );
      if (reply.status !== 200) throw refusalOf(reply, question);
      const answer = readAnswer(reply.text, seconds);
      // Its `text` breaks lines between segments, also within a word; the segments have every space there is.
      return { ...answer, text: answer.segments.map(({ text }) => text).join('') };
    },
  };
}

function fieldsOf(
  { language, translate, prompt, isSafe }: Question,
  beamSize: number,
): Record<string, string> {
  return {
    response_format: 'verbose_json',
    // Left out, it would be English.
    language: language ?? 'auto',
    ...(translate && { translate: 'true' }),
    ...(prompt !== '' && { prompt }),
    // Above 0 the answers differ from time to time and take up to ten times as long.
    temperature: '0',
    temperature_inc: '0',
    beam_size: String(isSafe ? 1 : beamSize),
    split_on_word: 'true',
    // They cost a second pass.
    no_language_probabilities: 'true',
  };
}
