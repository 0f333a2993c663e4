// One question to an engine's server and its whole answer. Not `fetch`: that gives up after five minutes without a
// head, and a server that makes a minute of music in one call sends none for longer. Redirects are never followed,
// and a line is used once: a kept one may be dead, which looks as if the engine had crashed.
import { request as httpRequest, type IncomingMessage } from 'node:http';
import { request as httpsRequest } from 'node:https';
import { z } from 'zod';
import { EngineFailure } from '../../../machines/contract/engine.ts';
import type { Timers } from '../seams.ts';
import { failureOf, type EngineAnswer } from './engine-answers.ts';

export interface CallerOptions {
  /** May hold a path, under which the server lives. */
  readonly url: string;
  /** Sent as a Bearer token. */
  readonly apiKey?: string | undefined;
  readonly timers: Timers;
  /** An answer that is larger is not read further. */
  readonly bytesMax: number;
}

export interface CallOptions {
  /** Sent as JSON. */
  readonly body?: unknown;
  readonly signal?: AbortSignal;
  readonly timeoutMs?: number;
  /** What a person wrote: never repeated in the sentence of a failure. */
  readonly secret?: string;
}

export interface Caller {
  /** Any answer, whatever its status. */
  ask(method: string, path: string, options?: CallOptions): Promise<EngineAnswer>;
  /** Only an answer of 200 to 299; another is thrown as the failure that it means. */
  get(path: string, options?: CallOptions): Promise<EngineAnswer>;
  post(path: string, options?: CallOptions): Promise<EngineAnswer>;
  /** The server's own address of a path; throws for one that leads elsewhere. */
  urlOf(path: string): URL;
}

/** Generous: many servers do not even tell their health while they work. */
const TIMEOUT_MS = 30_000;

/** As it stands in settings. A key has its own place, where no log and no sentence repeats it. */
export const serverUrl = z
  .url({ protocol: /^https?$/ })
  .refine((url) => !/^https?:\/\/[^/]*@/.test(url), 'must not hold a password: use apiKey');

export function createCaller(options: CallerOptions): Caller {
  const base = new URL(options.url.replace(/\/*$/, '/'));

  const urlOf = (path: string): URL => {
    const url = new URL(path.replace(/^\/+/, ''), base);
    const isOurs = url.origin === base.origin && url.username === '' && url.password === '';
    if (isOurs) return url;
    throw new EngineFailure('outputInvalid', 'The engine named an address on another server.');
  };

  const ask: Caller['ask'] = async (method, path, call = {}) => {
    const { signal, timeoutMs = TIMEOUT_MS } = call;
    signal?.throwIfAborted();
    const stop = new AbortController();
    const cancel = () => stop.abort(signal!.reason);
    signal?.addEventListener('abort', cancel, { once: true });
    const callOff = options.timers.after(timeoutMs, () =>
      stop.abort(
        new EngineFailure(
          'timedOut',
          `The engine did not answer within ${Math.round(timeoutMs / 1000)} s.`,
        ),
      ),
    );
    try {
      return await exchange(method, urlOf(path), call.body, options, stop.signal);
    } finally {
      callOff();
      signal?.removeEventListener('abort', cancel);
    }
  };

  const askFor = async (method: string, path: string, call?: CallOptions) => {
    const answer = await ask(method, path, call);
    if (answer.status >= 200 && answer.status < 300) return answer;
    throw failureOf(answer, call?.secret);
  };

  return {
    ask,
    get: (path, call) => askFor('GET', path, call),
    post: (path, call) => askFor('POST', path, call),
    urlOf,
  };
}

function exchange(
  method: string,
  url: URL,
  body: unknown,
  { apiKey, bytesMax }: CallerOptions,
  signal: AbortSignal,
): Promise<EngineAnswer> {
  const sent = body === undefined ? undefined : Buffer.from(JSON.stringify(body));
  const headers = {
    accept: '*/*',
    ...(apiKey !== undefined && { authorization: `Bearer ${apiKey}` }),
    ...(sent && { 'content-type': 'application/json', 'content-length': sent.length }),
  };
  return new Promise((resolve, reject) => {
    let isConnected = false;
    const send = url.protocol === 'https:' ? httpsRequest : httpRequest;
    const request = send(url, { method, headers, agent: false });
    const fail = (error: unknown) => {
      request.destroy();
      reject(signal.aborted ? signal.reason : brokenLine(error, isConnected));
    };
    const stop = () => fail(signal.reason);
    signal.addEventListener('abort', stop, { once: true });
    request.once('close', () => signal.removeEventListener('abort', stop));
    request.once('socket', (socket) => socket.once('connect', () => (isConnected = true)));
    request.once('response', (response) => void read(response, bytesMax).then(resolve, fail));
    // More than once: destroying a request that waits for its answer is an error of its own.
    request.on('error', fail);
    request.end(sent);
  });
}

async function read(response: IncomingMessage, bytesMax: number): Promise<EngineAnswer> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of response as AsyncIterable<Buffer>) {
    bytes += chunk.length;
    if (bytes > bytesMax) {
      const sentence = `The engine's answer is larger than ${bytesMax} bytes, which is more than its settings allow.`;
      throw new EngineFailure('outputInvalid', sentence);
    }
    chunks.push(chunk);
  }
  const contentType = response.headers['content-type'] ?? '';
  return { status: response.statusCode ?? 0, contentType, bytes: Buffer.concat(chunks) };
}

/** Before it stood: nobody is there. Afterwards: whoever was there stopped at work. */
function brokenLine(error: unknown, isConnected: boolean): EngineFailure {
  if (error instanceof EngineFailure) return error;
  return isConnected
    ? new EngineFailure('engineCrashed', 'The engine broke the connection while it worked.', {
        cause: error,
      })
    : new EngineFailure('engineUnreachable', 'Nothing answers at the address of the engine.', {
        cause: error,
      });
}
