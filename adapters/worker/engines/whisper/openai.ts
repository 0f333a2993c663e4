// The OpenAI-style dialect of faster-whisper servers. speaches also loads and unloads by /api/ps; of others only
// the transcription itself is asked, and they load by themselves.
import { z } from 'zod';
import { EngineFailure } from '../../../../machines/contract/engine.ts';
import type { Timers } from '../../seams.ts';
import { pause } from '../../seams.ts';
import { readAnswer } from './answer.ts';
import type { Client } from './client.ts';
import { formOf, refusalOf, refusedPassword, type Dialect, type Question } from './dialect.ts';
import type { WhisperModel } from './settings.ts';

const PROBE_LIMIT_MS = 15_000;
const LOAD_LIMIT_MS = 600_000;
/** A job that was cancelled goes on inside of the server until its piece is done. */
const UNLOAD_TRIES_MAX = 120;
const UNLOAD_PAUSE_MS = 500;

const modelList = z.object({ data: z.array(z.object({ id: z.string() })) });

export function createOpenai(client: Client, timers: Timers): Dialect {
  /** Models that the server let us load: only these can be unloaded. */
  const managed = new Set<string>();

  const installed = async (signal?: AbortSignal): Promise<readonly string[]> => {
    const reply = await client(
      { method: 'GET', path: '/v1/models', limitMs: PROBE_LIMIT_MS },
      signal,
    );
    if (reply.status === 401 || reply.status === 403) throw refusedPassword();
    const list = modelList.safeParse(reply.status === 200 ? parse(reply.text) : null);
    if (!list.success)
      throw new EngineFailure(
        'engineUnreachable',
        'What answers at the address of the Whisper server lists no models. Correct its `url`.',
      );
    return list.data.data.map(({ id }) => id);
  };

  const load = async (model: WhisperModel, signal: AbortSignal) => {
    const source = model.source!;
    if (!(await installed(signal)).includes(source)) throw notInstalled(model);
    const path = pathOf(source);
    const { status, text } = await client({ method: 'POST', path, limitMs: LOAD_LIMIT_MS }, signal);
    // 409: it was loaded already. 404 and 405: this server keeps its models by itself.
    if (status === 200 || status === 201 || status === 409) return void managed.add(source);
    if (status === 404 || status === 405) return;
    const isFull = /out of memory|failed to allocate/i.test(text);
    throw new EngineFailure(
      isFull ? 'outOfMemory' : 'modelLoadFailed',
      `The Whisper server could not load ${model.name} (status ${status}).`,
    );
  };

  const unload = async (model: WhisperModel) => {
    const source = model.source!;
    if (!managed.has(source)) {
      if (model.vramBytes === 0) return;
      throw new EngineFailure(
        'unsupported',
        'This Whisper server cannot be told to unload a model. Let it run on the processor, or end it.',
      );
    }
    for (let tries = 1; ; tries += 1) {
      const ask = { method: 'DELETE', path: pathOf(source), limitMs: PROBE_LIMIT_MS } as const;
      const { status } = await client(ask);
      if (status === 200 || status === 204 || status === 404) return;
      if (status !== 409 || tries === UNLOAD_TRIES_MAX)
        throw new EngineFailure(
          'engineError',
          `The Whisper server did not unload ${model.name} (status ${status}).`,
        );
      await pause(timers, UNLOAD_PAUSE_MS, new AbortController().signal);
    }
  };

  return {
    probe: async () => void (await installed()),
    // It loads what a request names, also after a restart.
    holds: () => true,
    load,
    unload,
    ask: async (question, signal) => {
      const { seconds, limitMs, translate } = question;
      const path = `/v1/audio/${translate ? 'translations' : 'transcriptions'}`;
      const form = formOf(question, fieldsOf(question));
      const reply = await client({ method: 'POST', path, form, limitMs }, signal);
      if (reply.status === 404) throw notInstalled(question.model);
      if (reply.status !== 200) throw refusalOf(reply, question);
      return readAnswer(reply.text, seconds);
    },
  };
}

function fieldsOf({ model, language, translate, prompt }: Question): Record<string, string> {
  return {
    model: model.source!,
    response_format: 'verbose_json',
    temperature: '0',
    // Translations have no such field: what is spoken is found out.
    ...(language !== null && !translate && { language }),
    ...(prompt !== '' && { prompt }),
  };
}

const notInstalled = ({ name }: WhisperModel) =>
  new EngineFailure(
    'modelMissing',
    `The Whisper server has not installed ${name}. Download it there first (POST /v1/models/...).`,
  );

/** Names of models hold slashes, which stay. */
const pathOf = (source: string) => `/api/ps/${source.split('/').map(encodeURIComponent).join('/')}`;

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}
