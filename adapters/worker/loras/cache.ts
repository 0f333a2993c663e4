// Adaptations on demand, in a folder of limited size: fetched when a job needs one, kept as long as there is room,
// the longest unused first out, one in use never.
import { EngineFailure } from '../../../machines/contract/engine.ts';
import { systemSeams, type Log, type Timers } from '../seams.ts';
import { download, Refused } from './download.ts';
import { loraList, type Lora } from './lora-list.ts';
import { fileNameOf, openShelf } from './shelf.ts';

export interface LoraCacheOptions {
  /** The folder that the engine reads adaptations from. Files of others in it stay untouched. */
  readonly folder: string;
  /** As an operator writes it: see `lora-list.ts`. */
  readonly list: unknown;
  readonly bytesMax: number;
  readonly log?: Log;
  readonly fetch?: typeof fetch;
  readonly timers?: Timers;
}

export interface LoraUse {
  /** Its name in the folder, made of its hash. */
  readonly file: string;
  /** It may go when it is in the way. Saying so twice is saying it once. */
  release(): void;
}

export interface LoraCache {
  readonly loras: readonly Lora[];
  use(name: string, signal: AbortSignal, onProgress?: (fraction: number) => void): Promise<LoraUse>;
  /** Stops downloads; what has come stays for the next time. */
  close(): Promise<void>;
}

interface Fetching {
  readonly promise: Promise<void>;
  readonly stop: AbortController;
  readonly listeners: Set<(fraction: number) => void>;
  waiting: number;
  /** What it will take, once it is known. */
  bytes: number;
}

/** A file that was wrong is not fetched again for so long: gigabytes per job would be worse than an answer. */
const REFUSED_MS = 10 * 60_000;

export async function createLoraCache(options: LoraCacheOptions): Promise<LoraCache> {
  const { folder, bytesMax, log, fetch = globalThis.fetch, timers = systemSeams.timers } = options;
  const loras = loraList.parse(options.list);
  const shelf = await openShelf(folder, new Set(loras.map(({ sha256 }) => sha256)));
  const users = new Map<string, number>();
  const fetching = new Map<string, Fetching>();
  const refusals = new Map<string, { failure: EngineFailure; until: number }>();
  let isClosed = false;

  const makeRoom = async (sha256: string, bytes: number) => {
    const own = fetching.get(sha256);
    if (own) own.bytes = bytes;
    const taken = () =>
      [...shelf.whole.values(), ...fetching.values()].reduce((sum, each) => sum + each.bytes, 0);
    if (taken() + (await shelf.partBytes()) > bytesMax)
      await shelf.removeParts(new Set(fetching.keys()));
    const idle = [...shelf.whole]
      .filter(([held]) => !users.has(held))
      .sort(([, a], [, b]) => a.usedAt - b.usedAt);
    for (const [held] of idle) {
      if (taken() <= bytesMax) break;
      log?.info({ sha256: held }, 'An adaptation made room for another');
      await shelf.remove(held);
    }
    if (taken() <= bytesMax) return;
    throw new EngineFailure(
      'modelLoadFailed',
      'There is no room for this adaptation: the others are in use, or it is larger than the limit.',
    );
  };
  // One after the other: two that make room at once would count the same files.
  let lastRoom: Promise<void> = Promise.resolve();
  const reserve = (sha256: string, bytes: number) => {
    const turn = lastRoom.then(() => makeRoom(sha256, bytes));
    lastRoom = turn.catch(() => undefined);
    return turn;
  };

  const bring = async (lora: Lora, signal: AbortSignal, report: (fraction: number) => void) => {
    const { sha256 } = lora;
    if (await shelf.check(sha256)) return;
    const part = shelf.partPath(sha256);
    const room = (bytes: number) => reserve(sha256, bytes);
    const bytes = await download({ lora, part, fetch, timers, signal, reserve: room, report });
    await shelf.keep(sha256, bytes);
    log?.info({ name: lora.name, bytes }, 'An adaptation has arrived');
  };

  const start = (lora: Lora): Fetching => {
    const { sha256 } = lora;
    const stop = new AbortController();
    const listeners = new Set<(fraction: number) => void>();
    const report = (fraction: number) => {
      for (const listen of listeners) listen(fraction);
    };
    const promise = bring(lora, stop.signal, report)
      .catch((error: unknown) => {
        if (error instanceof Refused)
          refusals.set(sha256, { failure: error, until: timers.now() + REFUSED_MS });
        throw error;
      })
      .finally(() => fetching.delete(sha256));
    promise.catch(() => undefined); // each who waits hears of it
    const begun = { promise, stop, listeners, waiting: 0, bytes: 0 };
    fetching.set(sha256, begun);
    return begun;
  };

  const arrival = async (lora: Lora, signal: AbortSignal, listen: (fraction: number) => void) => {
    const { sha256 } = lora;
    // One that everybody has left is ending: what it holds is needed by the next.
    let under = fetching.get(sha256);
    while (under?.stop.signal.aborted) {
      await under.promise.catch(() => undefined);
      under = fetching.get(sha256);
    }
    signal.throwIfAborted();
    under ??= start(lora);
    under.waiting += 1;
    under.listeners.add(listen);
    try {
      await unlessAborted(under.promise, signal);
    } finally {
      under.waiting -= 1;
      under.listeners.delete(listen);
      if (under.waiting === 0) under.stop.abort(new Error('nobody waits for it any more'));
    }
  };

  const use: LoraCache['use'] = async (name, signal, onProgress = () => undefined) => {
    signal.throwIfAborted();
    if (isClosed) throw new EngineFailure('modelLoadFailed', 'The worker is stopping.');
    const lora = loras.find((each) => each.name === name);
    if (!lora) throw new EngineFailure('invalidInput', 'There is no adaptation of that name here.');
    const { sha256 } = lora;
    const refusal = refusals.get(sha256);
    if (refusal && refusal.until > timers.now()) throw refusal.failure;
    // Counted from now on, so that it is not the next to make room.
    count(sha256, 1);
    try {
      await arrival(lora, signal, onProgress);
      await shelf.touch(sha256);
    } catch (error) {
      count(sha256, -1);
      throw error;
    }
    let isReleased = false;
    const release = () => {
      if (!isReleased) count(sha256, -1);
      isReleased = true;
    };
    return { file: fileNameOf(sha256), release };
  };

  const count = (sha256: string, change: 1 | -1) => {
    const left = (users.get(sha256) ?? 0) + change;
    if (left === 0) users.delete(sha256);
    else users.set(sha256, left);
  };

  const close = async () => {
    isClosed = true;
    const open = [...fetching.values()];
    for (const { stop } of open)
      stop.abort(new EngineFailure('modelLoadFailed', 'The worker is stopping.'));
    await Promise.allSettled(open.map(({ promise }) => promise));
  };

  return { loras, use, close };
}

function unlessAborted<T>(promise: Promise<T>, signal: AbortSignal): Promise<T> {
  return new Promise((resolve, reject) => {
    const stop = () => reject(signal.reason);
    signal.addEventListener('abort', stop, { once: true });
    promise.then(resolve, reject).finally(() => signal.removeEventListener('abort', stop));
  });
}
