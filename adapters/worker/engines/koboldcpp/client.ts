// Questions to a KoboldCPP server and what its answers mean. It says 200 to nearly everything, so an answer
// counts only in the shape that was promised.
import { request as requestHttp } from 'node:http';
import { request as requestHttps } from 'node:https';
import { Readable } from 'node:stream';
import type { z } from 'zod';
import { EngineFailure } from '../../../../machines/contract/engine.ts';
import type { FailureCode } from '../../../../machines/contract/failures.ts';
import type { Seams, Timers } from '../../seams.ts';
import type { KoboldcppSettings } from './settings.ts';

export type KoboldSeams = Pick<Seams, 'timers' | 'random'> & {
  readonly uuid: () => string;
};

export interface KoboldClient {
  /** A small question: answered within seconds, even while the server works. */
  ask<Schema extends z.ZodType>(question: Question<Schema>): Promise<z.infer<Schema>>;
  /** Work: the answer comes when it is done, or begins when its turn has come. */
  start(path: string, body: object, signal: AbortSignal): Promise<Response>;
}

export interface Question<Schema extends z.ZodType> {
  readonly path: string;
  readonly schema: Schema;
  /** Asked with POST where there is one. */
  readonly body?: object;
  readonly signal?: AbortSignal | undefined;
  readonly asAdmin?: boolean;
}

/** GETs are answered in milliseconds; a long prompt is counted in less than a second. */
const ASK_TIMEOUT_MS = 15_000;
const ANSWER_BYTES_MAX = 256 * 1024 * 1024;

export function createClient(settings: KoboldcppSettings, seams: KoboldSeams): KoboldClient {
  const root = settings.url.replace(/\/+$/, '');
  const { password, adminPassword } = settings;

  const send = async (
    path: string,
    options: { body?: object; key?: string | undefined; signal: AbortSignal },
  ): Promise<Response> => {
    const response = await exchange(root + path, options);
    const failure = refusalOf(response.status);
    if (failure === null) return response;
    await response.body?.cancel().catch(() => {});
    throw failure;
  };

  return {
    ask: async ({ path, schema, body, signal, asAdmin }) => {
      const limit = limitOf(seams.timers, ASK_TIMEOUT_MS, signal);
      const key = asAdmin ? adminPassword : (password ?? adminPassword);
      try {
        const response = await send(path, { ...(body && { body }), key, signal: limit.signal });
        const answer = schema.safeParse(await response.json().catch(notJson(limit.signal)));
        if (answer.success) return answer.data;
      } catch (error) {
        throw failureOf(error, 'engineUnreachable', signal);
      } finally {
        limit.end();
      }
      throw new EngineFailure(
        'outputInvalid',
        `The server did not answer ${path} as KoboldCPP does.`,
      );
    },
    start: async (path, body, signal) => {
      try {
        return await send(path, { body, key: password ?? adminPassword, signal });
      } catch (error) {
        // The line broke after the work was sent: it may have begun.
        throw failureOf(error, 'engineCrashed', signal);
      }
    },
  };
}

/**
 * Not `fetch`, which gives up after five minutes without a head: that is how long a turn may take to come. And a line
 * is used once, for in router mode the server closes each without saying so.
 */
function exchange(
  url: string,
  { body, key, signal }: { body?: object; key?: string | undefined; signal: AbortSignal },
): Promise<Response> {
  const request = url.startsWith('https:') ? requestHttps : requestHttp;
  const json = body === undefined ? '' : JSON.stringify(body);
  return new Promise((resolve, reject) => {
    const asked = request(url, {
      method: body === undefined ? 'GET' : 'POST',
      agent: false,
      signal,
      headers: {
        'content-type': 'application/json',
        'content-length': Buffer.byteLength(json),
        ...(key !== undefined && { authorization: `Bearer ${key}` }),
      },
    });
    asked.on('error', reject);
    asked.once('response', (message) => {
      const { statusCode: status = 500, headers } = message;
      const type = { 'content-type': headers['content-type'] ?? '' };
      const length = { 'content-length': headers['content-length'] ?? '0' };
      const content = Readable.toWeb(message) as ReadableStream<Uint8Array>;
      resolve(new Response(content, { status, headers: { ...type, ...length } }));
    });
    asked.end(json);
  });
}

/** The whole answer to work that was started. */
export async function bytesOf(response: Response, signal: AbortSignal): Promise<Uint8Array> {
  const length = Number(response.headers.get('content-length') ?? 0);
  if (length > ANSWER_BYTES_MAX) {
    await response.body?.cancel().catch(() => {});
    throw new EngineFailure('outputInvalid', 'The answer of KoboldCPP is larger than 256 MB.');
  }
  try {
    const bytes = new Uint8Array(await response.arrayBuffer());
    if (bytes.length >= length) return bytes;
  } catch (error) {
    throw failureOf(error, 'engineCrashed', signal);
  }
  signal.throwIfAborted();
  throw new EngineFailure('engineCrashed', 'The answer of KoboldCPP was cut short.');
}

const notJson = (signal: AbortSignal) => (error: unknown) => {
  if (error instanceof SyntaxError) return undefined;
  signal.throwIfAborted();
  throw error;
};

/** A signal that also ends by itself. */
function limitOf(timers: Timers, timeoutMs: number, signal: AbortSignal | undefined) {
  const limit = new AbortController();
  const pass = () => limit.abort(signal?.reason);
  if (signal?.aborted) pass();
  signal?.addEventListener('abort', pass, { once: true });
  const callOff = timers.after(timeoutMs, () =>
    limit.abort(
      new EngineFailure('engineUnreachable', 'KoboldCPP accepts connections but does not answer.'),
    ),
  );
  return {
    signal: limit.signal,
    end: () => {
      callOff();
      signal?.removeEventListener('abort', pass);
    },
  };
}

/** Sentences of our own: the server's may hold a prompt. */
function refusalOf(status: number): EngineFailure | null {
  if (status >= 200 && status < 300) return null;
  if (status === 401)
    return new EngineFailure(
      'engineUnreachable',
      'KoboldCPP refuses the password; set `password` in the settings of this engine.',
    );
  if (status === 502 || status === 503 || status === 504)
    return new EngineFailure(
      'engineUnreachable',
      'KoboldCPP is busy with the work of others, or is just loading a model.',
    );
  return new EngineFailure('engineError', `KoboldCPP refused the request with status ${status}.`);
}

const NOT_THERE = new Set([
  'ECONNREFUSED',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'ENOTFOUND',
  'EAI_AGAIN',
  'ETIMEDOUT',
]);

/** Nobody listens there: no process, no memory, no work. */
export function isGone(error: unknown): boolean {
  if (typeof error !== 'object' || error === null) return false;
  const { code, cause } = error as { code?: unknown; cause?: unknown };
  return (typeof code === 'string' && NOT_THERE.has(code)) || isGone(cause);
}

/** What is thrown on: an abort keeps its reason, a broken line means what the caller says it means. */
export function failureOf(
  error: unknown,
  broken: FailureCode,
  signal: AbortSignal | undefined,
): unknown {
  if (signal?.aborted) return signal.reason as unknown;
  if (error instanceof EngineFailure) return error;
  if (isGone(error))
    return new EngineFailure('engineUnreachable', 'KoboldCPP does not listen at its address.', {
      cause: error,
    });
  return new EngineFailure(broken, 'The connection to KoboldCPP broke.', { cause: error });
}
