// One request to a Whisper server and its answer. Not `fetch`: that gives up after five minutes without an answer,
// and keeps sockets open. whisper.cpp answers when it is done, and an idle socket of ours holds one of its few
// threads for five seconds. So: one connection per request, closed when the request is no longer wanted.
import http from 'node:http';
import https from 'node:https';
import { EngineFailure } from '../../../../machines/contract/engine.ts';
import type { Timers } from '../../seams.ts';

export interface Ask {
  readonly method: 'GET' | 'POST' | 'DELETE';
  readonly path: string;
  readonly form?: FormData;
  readonly limitMs: number;
}

export interface Reply {
  readonly status: number;
  /** The header by which whisper.cpp is recognised. */
  readonly server: string;
  readonly text: string;
}

export type Client = (ask: Ask, signal?: AbortSignal) => Promise<Reply>;

/** An hour of words with their times is a few megabytes. */
const ANSWER_BYTES_MAX = 32 * 1024 * 1024;
/** Finds out that the other machine is gone while we wait for a long answer. */
const KEEP_ALIVE_MS = 15_000;

export interface ClientOptions {
  readonly url: string;
  readonly password: string | undefined;
  readonly timers: Timers;
}

export function createClient({ url, password, timers }: ClientOptions): Client {
  return async (ask, signal) => {
    signal?.throwIfAborted();
    const body = ask.form && new Response(ask.form);
    const bytes = body && Buffer.from(await body.arrayBuffer());
    const headers = {
      connection: 'close',
      ...(body && { 'content-type': body.headers.get('content-type')! }),
      ...(bytes && { 'content-length': bytes.length }),
      ...(password !== undefined && { authorization: `Bearer ${password}` }),
    };
    const target = new URL(url + ask.path);
    const { request } = target.protocol === 'https:' ? https : http;
    const { promise, resolve, reject } = Promise.withResolvers<Reply>();
    let wasConnected = false;
    const call = request(target, { method: ask.method, headers, agent: false }, (answer) => {
      read(answer).then(resolve, reject);
    });
    call.on('socket', (socket) => {
      socket.setKeepAlive(true, KEEP_ALIVE_MS);
      socket.once('connect', () => (wasConnected = true));
    });
    call.once('error', reject);
    const stop = () => call.destroy(new Error('no longer wanted'));
    signal?.addEventListener('abort', stop, { once: true });
    let isLate = false;
    const callOff = timers.after(ask.limitMs, () => {
      isLate = true;
      call.destroy(new Error('too late'));
    });
    call.end(bytes);
    try {
      return await promise;
    } catch (error) {
      signal?.throwIfAborted();
      if (error instanceof EngineFailure) throw error;
      throw failureOf(error, { isLate, wasConnected, limitMs: ask.limitMs });
    } finally {
      callOff();
      signal?.removeEventListener('abort', stop);
      call.destroy();
    }
  };
}

async function read(answer: http.IncomingMessage): Promise<Reply> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of answer as AsyncIterable<Buffer>) {
    chunks.push(chunk);
    size += chunk.length;
    if (size > ANSWER_BYTES_MAX)
      throw new EngineFailure('outputInvalid', 'The Whisper server answered more than 32 MiB.');
  }
  const { statusCode = 0, headers } = answer;
  return {
    status: statusCode,
    server: String(headers.server ?? ''),
    text: String(Buffer.concat(chunks)),
  };
}

function failureOf(
  cause: unknown,
  { isLate, wasConnected, limitMs }: { isLate: boolean; wasConnected: boolean; limitMs: number },
): EngineFailure {
  if (isLate)
    return new EngineFailure(
      'timedOut',
      `The Whisper server did not answer within ${Math.round(limitMs / 1000)} s.`,
      { cause },
    );
  return wasConnected
    ? new EngineFailure('engineCrashed', 'The Whisper server broke the connection.', { cause })
    : new EngineFailure('engineUnreachable', 'The Whisper server cannot be reached.', { cause });
}
