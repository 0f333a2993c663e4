// One file from where it lies into a partial file, going on where an earlier try ended, and only trusted when its
// hash is the promised one.
import { createHash, type Hash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { open, rm, stat, type FileHandle } from 'node:fs/promises';
import { EngineFailure } from '../../../machines/contract/engine.ts';
import type { Timers } from '../seams.ts';
import { isAllowed, type Lora } from './lora-list.ts';
import { wrongWith } from './safetensors.ts';

export interface DownloadOptions {
  readonly lora: Lora;
  /** Where it grows. */
  readonly part: string;
  readonly fetch: typeof fetch;
  readonly timers: Timers;
  readonly signal: AbortSignal;
  /** Told the whole size before anything is written; throws when there is no room. */
  readonly reserve: (bytes: number) => Promise<void>;
  readonly report: (fraction: number) => void;
}

const HOPS_MAX = 5;
/** A server that sends nothing for so long has forgotten us. */
const STALL_MS = 30_000;

/** Resolves with the size of a partial file that is complete and sound. */
export async function download(options: DownloadOptions): Promise<number> {
  const held = await stat(options.part).then(
    ({ size }) => size,
    () => 0,
  );
  const file = await open(options.part, held > 0 ? 'r+' : 'w+');
  try {
    let hash = await fill(file, held, options);
    // What was kept may be of a file that has changed since: once more, from the beginning.
    if (held > 0 && hash !== options.lora.sha256) hash = await fill(file, 0, options);
    const wrong =
      hash === options.lora.sha256 ? await wrongWith(file) : 'its hash is not the one in the list';
    if (wrong !== null) throw new Refused(options.lora, wrong);
    await file.sync();
    return (await file.stat()).size;
  } catch (error) {
    const isEmpty = (await file.stat()).size === 0;
    if (error instanceof Refused || isEmpty) await rm(options.part, { force: true });
    throw error;
  } finally {
    await file.close();
  }
}

/** Not worth another try soon: the same bytes would come again. */
export class Refused extends EngineFailure {
  constructor({ name }: Pick<Lora, 'name'>, wrong: string) {
    super('modelLoadFailed', `The adaptation ${name} was refused: ${wrong}.`);
  }
}

async function fill(file: FileHandle, held: number, options: DownloadOptions): Promise<string> {
  const { lora, signal, reserve, report } = options;
  const stall = watch(options.timers);
  const either = AbortSignal.any([signal, stall.signal]);
  try {
    const { from, bytes, body } = await begin(held, options, either);
    await reserve(bytes);
    const hash = createHash('sha256');
    await hashFirst(file, from, hash, either);
    await file.truncate(from);
    let at = from;
    for await (const chunk of body) {
      stall.touch();
      either.throwIfAborted();
      if (at + chunk.byteLength > bytes) throw new Refused(lora, 'it is longer than was said');
      hash.update(chunk);
      await file.write(chunk, 0, chunk.byteLength, at);
      at += chunk.byteLength;
      report(at / bytes);
    }
    if (at < bytes) throw new Error('the connection ended early');
    return hash.digest('hex');
  } catch (error) {
    signal.throwIfAborted();
    if (error instanceof EngineFailure) throw error;
    const why = isFull(error) ? 'The disk is full.' : 'Its server cannot be reached or broke off.';
    throw new EngineFailure(
      'modelLoadFailed',
      `The adaptation ${lora.name} did not arrive. ${why}`,
      {
        cause: error,
      },
    );
  } finally {
    stall.end();
  }
}

interface Beginning {
  /** What was held is good up to here. */
  readonly from: number;
  readonly bytes: number;
  readonly body: AsyncIterable<Uint8Array>;
}

async function begin(
  held: number,
  { lora, fetch }: DownloadOptions,
  signal: AbortSignal,
): Promise<Beginning> {
  if (lora.url.startsWith('/')) {
    const { size } = await stat(lora.url).catch(() => {
      throw new EngineFailure(
        'modelLoadFailed',
        `The file of the adaptation ${lora.name} is not there.`,
      );
    });
    return { from: 0, bytes: size, body: createReadStream(lora.url, { signal }) };
  }
  const answer = await follow(new URL(lora.url), held, { fetch, signal, name: lora.name });
  const isPart = answer.status === 206;
  const [, start, total] =
    /^bytes (\d+)-\d+\/(\d+)$/.exec(answer.headers.get('content-range') ?? '') ?? [];
  // Past the end, or not what was asked for: from the beginning.
  if (answer.status === 416 || (isPart && Number(start) !== held)) {
    await answer.body?.cancel();
    if (held > 0) return begin(0, { lora, fetch } as DownloadOptions, signal);
  }
  if (!answer.ok || answer.body === null)
    throw new EngineFailure(
      'modelLoadFailed',
      `The server of the adaptation ${lora.name} answered with status ${answer.status}.`,
    );
  const told = answer.headers.get('content-encoding') ? null : answer.headers.get('content-length');
  const bytes = isPart ? Number(total) : told === null ? lora.bytes : Number(told);
  if (bytes === undefined)
    throw new EngineFailure(
      'modelLoadFailed',
      `The server does not tell the size of the adaptation ${lora.name}. Write its \`bytes\` into the list.`,
    );
  if (lora.bytes !== undefined && bytes !== lora.bytes) {
    await answer.body.cancel();
    throw new Refused(lora, 'its size is not the one in the list');
  }
  return { from: isPart ? held : 0, bytes, body: answer.body };
}

/** Redirects by hand: each address must be one that would be allowed in the list. */
async function follow(
  url: URL,
  held: number,
  { fetch, signal, name }: { fetch: typeof globalThis.fetch; signal: AbortSignal; name: string },
): Promise<Response> {
  const headers = { 'accept-encoding': 'identity', ...(held > 0 && { range: `bytes=${held}-` }) };
  let next = url;
  for (let hop = 0; hop <= HOPS_MAX; hop += 1) {
    const answer = await fetch(next, { headers, redirect: 'manual', signal });
    const location = answer.headers.get('location');
    if (answer.status < 300 || answer.status >= 400 || location === null) return answer;
    await answer.body?.cancel();
    next = new URL(location, next);
    // In the clear, or back onto this machine: nobody who offers files needs that.
    if (!isAllowed(next) || (next.protocol === 'http:' && url.protocol === 'https:')) break;
  }
  throw new EngineFailure('modelLoadFailed', `The address of the adaptation ${name} leads astray.`);
}

async function hashFirst(file: FileHandle, bytes: number, hash: Hash, signal: AbortSignal) {
  if (bytes === 0) return;
  const kept = file.createReadStream({ start: 0, end: bytes - 1, autoClose: false, signal });
  for await (const chunk of kept) hash.update(chunk as Buffer);
}

function watch(timers: Timers) {
  const stalled = new AbortController();
  const arm = () => timers.after(STALL_MS, () => stalled.abort(new Error('nothing came')));
  let callOff = arm();
  const touch = () => {
    callOff();
    callOff = arm();
  };
  const end = () => {
    callOff();
    // Whatever is still open of the request is of no use to anybody.
    stalled.abort(new Error('it is over'));
  };
  return { signal: stalled.signal, touch, end };
}

const isFull = (error: unknown) => (error as NodeJS.ErrnoException).code === 'ENOSPC';
