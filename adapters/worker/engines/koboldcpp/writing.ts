// One text, from its wish to its last word.
import { z } from 'zod';
import {
  EngineFailure,
  type EngineJob,
  type EngineOutput,
  type EngineUpdate,
} from '../../../../machines/contract/engine.ts';
import { failureOf, type KoboldClient, type KoboldSeams } from './client.ts';
import { lastJob, tellEnding, type Usage } from './ending.ts';
import { eventsOf, pieceOf } from './event-stream.ts';
import { CONTEXT_PATH } from './residence.ts';
import type { KoboldcppSettings, TextModel } from './settings.ts';
import { stopText } from './stopping.ts';
import { readWish, requestOf, roomFor, seedOf, type TextRequest } from './wish.ts';

type Report = (update: EngineUpdate) => void;

export interface WritingOptions {
  readonly client: KoboldClient;
  readonly seams: KoboldSeams;
  readonly settings: KoboldcppSettings;
}

const count = z.looseObject({ value: z.number().int().nonnegative() });
const modelName = z.looseObject({ result: z.string() });

export async function write(
  job: EngineJob,
  model: TextModel,
  options: WritingOptions,
  report: Report,
  signal: AbortSignal,
): Promise<EngineOutput> {
  const { client, seams } = options;
  const wish = readWish(job, model, seams.random);
  // Counted in the server's own chat template: messages are taken as well as a prompt.
  const counted = await client.ask({
    path: '/api/extra/tokencount',
    body: wish.given,
    schema: count,
    signal,
  });
  const context = await client.ask({ path: CONTEXT_PATH, schema: count, signal });
  const maxTokens = roomFor(context.value, counted.value, wish.params.max_tokens);
  const genkey = `tessera-${seams.uuid()}`;
  const request = requestOf(wish, maxTokens, genkey);

  const { text, finish, usage } = await listen(request, genkey, maxTokens, options, report, signal);
  if (finish === null) throw new EngineFailure('engineCrashed', 'KoboldCPP stopped mid-sentence.');
  if (finish === 'error') throw await refused(client);
  const last = await client
    .ask({ path: '/api/extra/perf', schema: lastJob, signal })
    .catch(() => null);
  const ending = tellEnding(finish, { seed: seedOf(wish.seed), maxTokens }, last, usage);
  if (ending.reason === 'aborted')
    throw new EngineFailure('engineError', 'Somebody else stopped the text on the server.');
  if (text === '') throw new EngineFailure('outputInvalid', 'The model wrote nothing.');
  report({ type: 'progress', fraction: 1 });
  const asked = wish.params.max_tokens;
  return {
    mediaType: 'text/plain',
    bytes: new TextEncoder().encode(text),
    facts: {
      finish_reason: ending.reason,
      prompt_tokens: ending.usage?.prompt ?? counted.value,
      ...(ending.usage && { completion_tokens: ending.usage.completion }),
      context_tokens: context.value,
      max_tokens: maxTokens,
      // Said where less was possible than was asked for.
      ...(maxTokens < asked && { max_tokens_asked: asked }),
      seed: wish.seed,
      temperature: wish.params.temperature,
    },
  };
}

interface Heard {
  readonly text: string;
  readonly finish: string | null;
  readonly usage: Usage | null;
}

/** Words as they come. Whatever happens, nothing of it is left at work on the server when this returns. */
async function listen(
  request: TextRequest,
  genkey: string,
  maxTokens: number,
  { client, seams: { timers }, settings }: WritingOptions,
  report: Report,
  signal: AbortSignal,
): Promise<Heard> {
  signal.throwIfAborted();
  const line = new AbortController();
  const over = Promise.withResolvers<void>();
  const stops: Promise<void>[] = [];
  const stop = () => {
    if (stops.length > 0) return;
    const drop = () => line.abort(DROPPED);
    const patienceMs = settings.stuckAfterMs;
    stops.push(stopText({ client, timers, genkey, patienceMs, ended: over.promise, drop }));
  };
  let callOff = () => {};
  const expectWithin = (limitMs: number) => {
    callOff();
    callOff = timers.after(limitMs, () => line.abort(silence(limitMs)));
  };

  const texts: string[] = [];
  let finish: string | null = null;
  let usage: Usage | null = null;
  let written = 0;
  signal.addEventListener('abort', stop, { once: true });
  try {
    const response = await client.start(request.path, request.body, line.signal);
    report({ type: 'started' });
    expectWithin(settings.firstWordTimeoutMs);
    for await (const data of eventsOf(streamOf(response))) {
      expectWithin(settings.idleTimeoutMs);
      const piece = pieceOf(data);
      if (piece === null || signal.aborted) continue;
      usage = piece.usage ?? usage;
      finish = piece.finish ?? finish;
      if (piece.text === '') continue;
      texts.push(piece.text);
      report({ type: 'text', index: texts.length - 1, text: piece.text });
      // An event holds a token or several; four letters are one, as a rule.
      written += Math.max(1, piece.text.length / 4);
      report({ type: 'progress', fraction: Math.min(0.99, written / maxTokens) });
    }
    // A line that was dropped may look like one that ended.
    if (!signal.aborted) line.signal.throwIfAborted();
  } catch (error) {
    if (!signal.aborted) {
      // Nobody knows whether it goes on: it must not.
      stop();
      throw failureOf(error, 'engineCrashed', line.signal);
    }
  } finally {
    callOff();
    signal.removeEventListener('abort', stop);
    over.resolve();
    await Promise.all(stops);
  }
  signal.throwIfAborted();
  return { text: texts.join(''), finish, usage };
}

function streamOf(response: Response): AsyncIterable<Uint8Array> {
  const type = response.headers.get('content-type') ?? '';
  if (type.startsWith('text/event-stream') && response.body !== null) return response.body;
  void response.body?.cancel().catch(() => {});
  throw new EngineFailure('outputInvalid', 'The server did not answer with a stream of words.');
}

/** A stream that begins with an error: usually there is no model any more. */
async function refused(client: KoboldClient): Promise<EngineFailure> {
  const { result } = await client
    .ask({ path: '/api/v1/model', schema: modelName })
    .catch(() => ({ result: '' }));
  return result === 'inactive'
    ? new EngineFailure('modelMissing', 'KoboldCPP has no model loaded any more.')
    : new EngineFailure('engineError', 'KoboldCPP could not write this text.');
}

const DROPPED = new Error('dropped');
const silence = (limitMs: number) =>
  new EngineFailure(
    'engineError',
    `KoboldCPP said nothing for ${Math.round(limitMs / 1000)} s in the middle of a text.`,
  );
