// ComfyUI over HTTP: one function per question. An answer that is not usable, whatever the reason, is `NoAnswer`:
// then nobody knows yet what the server did.
import type { z } from 'zod';
import { EngineFailure } from '../../../../machines/contract/engine.ts';
import type { Timers } from '../../seams.ts';
import * as answers from './answers.ts';
import type { Graph } from './workflow.ts';

export class NoAnswer extends EngineFailure {
  constructor(code: 'engineUnreachable' | 'engineError', message: string, options?: ErrorOptions) {
    super(code, message, options);
    this.name = 'NoAnswer';
  }
}

export interface ClientOptions {
  readonly url: string;
  readonly fetch: typeof fetch;
  readonly timers: Timers;
}

/** Where a prompt of ours is. `absent`: this server process does not know it. */
export type Whereabouts =
  | { readonly at: 'pending' | 'running' | 'absent' }
  | { readonly at: 'ended'; readonly entry: answers.HistoryEntry };

type Client = ReturnType<typeof createClient>;
export type { Client };

interface Ask {
  readonly method?: 'GET' | 'POST';
  readonly json?: unknown;
  readonly body?: FormData;
  readonly timeoutMs?: number;
  readonly bytesMax?: number;
  readonly signal?: AbortSignal | undefined;
}
interface Answer {
  readonly status: number;
  readonly bytes: Uint8Array;
}

const MEBIBYTE = 1024 * 1024;
const TIMEOUT_MS = 10_000;
const BYTES_MAX = 64 * MEBIBYTE;
/** Its event loop may be held while models are read from a slow disk. */
const SUBMIT_TIMEOUT_MS = 30_000;
const FILE_TIMEOUT_MS = 120_000;

export function createClient({ url, fetch, timers }: ClientOptions) {
  const ask = async (path: string, options: Ask = {}): Promise<Answer> => {
    const { method = 'GET', json, body, timeoutMs = TIMEOUT_MS, bytesMax = BYTES_MAX } = options;
    const stop = new AbortController();
    const callOff = timers.after(timeoutMs, () => stop.abort(new Error('no answer in time')));
    const signal = options.signal ? AbortSignal.any([options.signal, stop.signal]) : stop.signal;
    try {
      const response = await fetch(`${url}${path}`, {
        method,
        signal,
        // A redirect leads to somebody who is not ComfyUI.
        redirect: 'error',
        ...(json !== undefined && { body: JSON.stringify(json) }),
        ...(body !== undefined && { body }),
      });
      return { status: response.status, bytes: await readAll(response, bytesMax) };
    } catch (cause) {
      if (options.signal?.aborted) throw options.signal.reason;
      if (cause instanceof EngineFailure) throw cause;
      throw new NoAnswer('engineUnreachable', `ComfyUI did not answer ${bare(path)}.`, { cause });
    } finally {
      callOff();
    }
  };

  const get = async <T extends z.ZodType>(path: string, shape: T, options?: Ask) =>
    parse(path, await ask(path, options), shape);

  const post = async (path: string, json: unknown, signal?: AbortSignal): Promise<void> => {
    const { status } = await ask(path, { method: 'POST', json, signal });
    if (status !== 200)
      throw new NoAnswer('engineError', `ComfyUI answered ${bare(path)} with ${status}.`);
  };

  return {
    alive: () => get('/prompt', answers.alive),
    stats: (signal?: AbortSignal) => get('/system_stats', answers.systemStats, { signal }),
    objectInfo: () => get('/object_info', answers.objectInfo, { timeoutMs: 60_000 }),
    /** Empty for a folder that it does not have. */
    filesIn: async (folder: string): Promise<readonly string[]> => {
      const path = `/models/${encodeURIComponent(folder)}`;
      const answer = await ask(path);
      return answer.status === 404 ? [] : parse(path, answer, answers.fileNames);
    },
    free: (signal?: AbortSignal) =>
      post('/free', { unload_models: true, free_memory: true }, signal),
    deletePending: (id: string) => post('/queue', { delete: [id] }),
    interrupt: (id: string) => post('/interrupt', { prompt_id: id }),

    /**
     * Queue first: what leaves it is in the history already (one lock on the server), so that a prompt that is
     * in neither is not there.
     */
    find: async (id: string, signal?: AbortSignal): Promise<Whereabouts> => {
      const { queue_running, queue_pending } = await get('/queue', answers.queue, { signal });
      if (queue_running.some((each) => each[1] === id)) return { at: 'running' };
      if (queue_pending.some((each) => each[1] === id)) return { at: 'pending' };
      const entries = await get(`/history/${encodeURIComponent(id)}`, answers.history, { signal });
      const entry = entries[id];
      return entry === undefined ? { at: 'absent' } : { at: 'ended', entry };
    },

    /** Never repeated: the same id posted twice runs twice. */
    submit: async (body: { prompt: Graph; client_id: string; prompt_id: string }) => {
      const answer = await ask('/prompt', {
        method: 'POST',
        json: body,
        timeoutMs: SUBMIT_TIMEOUT_MS,
      });
      if (answer.status === 400)
        return {
          isAccepted: false,
          ...parse('/prompt', { ...answer, status: 200 }, answers.rejected),
        } as const;
      return { isAccepted: true, ...parse('/prompt', answer, answers.accepted) } as const;
    },

    upload: async (name: string, bytes: Uint8Array, signal: AbortSignal) => {
      const body = new FormData();
      body.set('image', new Blob([bytes]), name);
      // The server empties its `temp` folder at each start; `input` would keep people's files for ever.
      body.set('type', 'temp');
      body.set('subfolder', 'tessera');
      const answer = await ask('/upload/image', {
        method: 'POST',
        body,
        signal,
        timeoutMs: FILE_TIMEOUT_MS,
      });
      return parse('/upload/image', answer, answers.uploaded);
    },

    /** Null where the file is gone. */
    view: async (
      { filename, subfolder, type }: answers.ServerFile,
      bytesMax: number,
      signal: AbortSignal,
    ): Promise<Uint8Array | null> => {
      const path = `/view?${new URLSearchParams({ filename, subfolder, type }).toString()}`;
      const { status, bytes } = await ask(path, { signal, bytesMax, timeoutMs: FILE_TIMEOUT_MS });
      if (status === 404) return null;
      if (status !== 200)
        throw new NoAnswer('engineError', `ComfyUI answered /view with ${status}.`);
      return bytes;
    },
  };
}

/** Into one buffer; what is longer than agreed is not read to its end. */
async function readAll(response: Response, bytesMax: number): Promise<Uint8Array> {
  const chunks: Uint8Array[] = [];
  let length = 0;
  for await (const chunk of response.body ?? []) {
    chunks.push(chunk as Uint8Array);
    length += (chunk as Uint8Array).byteLength;
    if (length > bytesMax)
      throw new EngineFailure('outputInvalid', `ComfyUI sent more than ${bytesMax} bytes at once.`);
  }
  return Buffer.concat(chunks);
}

function parse<T extends z.ZodType>(path: string, answer: Answer, shape: T): z.infer<T> {
  const told = () =>
    new NoAnswer(
      'engineError',
      answer.status === 200
        ? `ComfyUI answered ${bare(path)} with something else than it promises.`
        : `ComfyUI answered ${bare(path)} with ${answer.status}.`,
    );
  if (answer.status !== 200) throw told();
  let json: unknown;
  try {
    json = JSON.parse(Buffer.from(answer.bytes).toString('utf8'));
  } catch {
    throw told();
  }
  const read = shape.safeParse(json);
  if (!read.success) throw told();
  return read.data;
}

/** Without ids and file names: a sentence is read by people. */
const bare = (path: string) => path.replace(/\?.*/, '').replace(/(\/history)\/.*/, '$1');
