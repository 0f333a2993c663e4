// One blob to the runtime, in chunks, resumable. The runtime says how much it holds; we never guess.
import { open } from 'node:fs/promises';
import { EngineFailure } from '../../machines/contract/engine.ts';
import { backoffMs, RETRY_REQUEST } from './backoff.ts';
import { pause, type Log, type Seams } from './seams.ts';
import type { StoredOutput } from './results.ts';

export interface UploadOptions {
  readonly url: string;
  readonly key: string;
  readonly job: string;
  readonly attempt: number;
  readonly stored: StoredOutput;
  readonly seams: Seams;
  readonly log: Log;
  readonly signal: AbortSignal;
  readonly isOnline: () => boolean;
  readonly whenOnline: (signal: AbortSignal) => Promise<void>;
}

/** As much as a runtime with an ordinary body limit accepts at once. */
const CHUNK_BYTES = 1024 * 1024;
const REQUEST_LIMIT_MS = 60_000;
/** Failures in a row, without one byte of progress, before the connection itself is doubted. */
const FAILURES_MAX = 8;
/** A second damaged arrival is not chance. */
const RESTARTS_MAX = 2;

interface Answer {
  readonly status: number;
  readonly offset: number | undefined;
}

export async function upload(options: UploadOptions): Promise<void> {
  const { seams, signal } = options;
  let failures = 0;
  let restarts = 0;
  let offset: number | undefined;
  for (;;) {
    signal.throwIfAborted();
    try {
      if (offset === undefined) offset = heldBytes(await request(options, 'HEAD', 0));
      const answer = await request(options, 'PUT', offset);
      if (answer.status === 204) return;
      if (answer.status === 422) {
        restarts += 1;
        if (restarts > RESTARTS_MAX)
          throw new EngineFailure('outputInvalid', 'The result arrived damaged, again and again.');
        offset = undefined;
      } else if (answer.status === 202 || answer.status === 409) {
        const held: number = answer.offset ?? offset + chunkLength(options, offset);
        // A runtime that keeps answering with the same offset must not be asked for ever.
        failures = held > offset ? 0 : countFailure(failures, options);
        offset = held;
      } else {
        throw refusalOf(answer.status);
      }
    } catch (error) {
      if (signal.aborted) throw signal.reason;
      if (error instanceof EngineFailure) throw error;
      offset = undefined;
      if (failures >= FAILURES_MAX && !options.isOnline()) {
        await options.whenOnline(signal);
        failures = 0;
      } else {
        failures = countFailure(failures, options, error);
        await pause(seams.timers, backoffMs(RETRY_REQUEST, failures - 1, seams.random), signal);
      }
    }
  }
}

function countFailure(failures: number, options: UploadOptions, error?: unknown): number {
  if (failures >= FAILURES_MAX && options.isOnline()) {
    throw new EngineFailure('outputMissing', 'The result could not be uploaded.', { cause: error });
  }
  options.log.warn(
    { blob: options.stored.told.blob, error },
    'An upload broke off; it is taken up again',
  );
  return failures + 1;
}

const chunkLength = (options: UploadOptions, offset: number) =>
  Math.min(CHUNK_BYTES, options.stored.told.bytes - offset);

function heldBytes(answer: Answer): number {
  if (answer.status !== 200) throw refusalOf(answer.status);
  return answer.offset ?? 0;
}

/**
 * Hardly any answer is final: a runtime that has just started, or has just lost our socket, knows this
 * attempt again a moment after it has read our `hello`. One that is really over is settled or cancelled.
 */
function refusalOf(status: number): Error {
  if (status !== 413) return new Error(`the runtime answered ${status}`);
  return new EngineFailure('outputInvalid', 'The result is larger than the runtime accepts.');
}

async function request(
  options: UploadOptions,
  method: 'HEAD' | 'PUT',
  offset: number,
): Promise<Answer> {
  const { stored, seams } = options;
  const limit = new AbortController();
  const callOff = seams.timers.after(REQUEST_LIMIT_MS, () =>
    limit.abort(new Error('the runtime does not answer')),
  );
  const path = `/v1/workers/jobs/${encodeURIComponent(options.job)}/attempts/${options.attempt}/blobs/${stored.told.blob}`;
  try {
    const response = await seams.fetch(options.url.replace(/\/+$/, '') + path, {
      method,
      signal: AbortSignal.any([options.signal, limit.signal]),
      headers: {
        authorization: `Bearer ${options.key}`,
        ...(method === 'PUT' && {
          'content-type': 'application/octet-stream',
          'upload-offset': String(offset),
          'upload-length': String(stored.told.bytes),
        }),
      },
      ...(method === 'PUT' && { body: await readChunk(options, offset) }),
    });
    await response.arrayBuffer();
    const header = response.headers.get('upload-offset');
    const held = header === null ? undefined : Number(header);
    if (held !== undefined && !(held >= 0 && held <= stored.told.bytes))
      throw new Error(`the runtime claims to hold ${header} bytes`);
    return { status: response.status, offset: held };
  } finally {
    callOff();
  }
}

async function readChunk(options: UploadOptions, offset: number): Promise<Uint8Array<ArrayBuffer>> {
  const file = await open(options.stored.path);
  try {
    const chunk = new Uint8Array(chunkLength(options, offset));
    await file.read(chunk, 0, chunk.byteLength, offset);
    return chunk;
  } finally {
    await file.close();
  }
}
