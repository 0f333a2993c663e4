// The threads of one loaded model. One is always kept; a job that finds none idle opens another.
import { Worker } from 'node:worker_threads';
import {
  EngineFailure,
  type EngineJob,
  type EngineOutput,
  type EngineUpdate,
} from '../../../../machines/contract/engine.ts';
import type { ThreadJob, ThreadMessage } from './thread.ts';

export interface Room {
  readonly bytes: number;
  run(
    job: EngineJob,
    report: (update: EngineUpdate) => void,
    signal: AbortSignal,
  ): Promise<EngineOutput[]>;
  close(): Promise<void>;
}

interface Thread {
  readonly worker: Worker;
  readonly bytes: number;
}

/** A craft looks at its stop flag far more often; a call into WebAssembly may not. */
const STOP_WITHIN_MS = 400;

export async function openRoom(model: string, signal: AbortSignal): Promise<Room> {
  const idle: Thread[] = [];
  const all = new Set<Thread>();
  let isClosed = false;

  const startThread = async (abort: AbortSignal): Promise<Thread> => {
    const thread = await openThread(model, abort);
    all.add(thread);
    thread.worker.once('exit', () => {
      all.delete(thread);
      const at = idle.indexOf(thread);
      if (at !== -1) idle.splice(at, 1);
    });
    return thread;
  };

  const first = await startThread(signal);
  idle.push(first);
  return {
    bytes: first.bytes,
    run: async (job, report, abort) => {
      abort.throwIfAborted();
      const thread = idle.pop() ?? (await startThread(abort));
      try {
        return await work(thread, job, report, abort);
      } finally {
        if (isClosed || !all.has(thread) || idle.length > 0) await thread.worker.terminate();
        else idle.push(thread);
      }
    },
    close: async () => {
      isClosed = true;
      await Promise.all([...all].map(({ worker }) => worker.terminate()));
    },
  };
}

function openThread(model: string, signal: AbortSignal): Promise<Thread> {
  return new Promise((resolve, reject) => {
    if (signal.aborted) return reject(signal.reason);
    const worker = new Worker(new URL('./thread.ts', import.meta.url), { workerData: { model } });
    // A thread that dies while it idles is found missing by the next job; nobody else need know.
    worker.on('error', () => {});
    const failed = (cause: unknown) =>
      new EngineFailure(
        'modelLoadFailed',
        `The built-in model ${model} could not be prepared: ${String(cause)}`,
        { cause },
      );
    const settle = (end: () => void) => {
      signal.removeEventListener('abort', onAbort);
      worker.off('message', onMessage);
      worker.off('error', onError);
      worker.off('exit', onExit);
      end();
    };
    const onAbort = () => {
      void worker.terminate();
      settle(() => reject(signal.reason));
    };
    const onMessage = (message: ThreadMessage) =>
      settle(() => resolve({ worker, bytes: message.type === 'ready' ? message.bytes : 0 }));
    const onError = (cause: unknown) => settle(() => reject(failed(cause)));
    const onExit = () => settle(() => reject(failed('its thread ended')));
    signal.addEventListener('abort', onAbort, { once: true });
    worker.on('message', onMessage);
    worker.on('error', onError);
    worker.on('exit', onExit);
  });
}

function work(
  { worker }: Thread,
  job: EngineJob,
  report: (update: EngineUpdate) => void,
  signal: AbortSignal,
): Promise<EngineOutput[]> {
  return new Promise((resolve, reject) => {
    const stopFlag = new Int32Array(new SharedArrayBuffer(Int32Array.BYTES_PER_ELEMENT));
    let terminateTimer: NodeJS.Timeout | undefined;
    const settle = (end: () => void) => {
      clearTimeout(terminateTimer);
      signal.removeEventListener('abort', stop);
      worker.off('message', onMessage);
      worker.off('error', onError);
      worker.off('exit', onExit);
      end();
    };
    const stop = () => {
      Atomics.store(stopFlag, 0, 1);
      terminateTimer = setTimeout(() => void worker.terminate(), STOP_WITHIN_MS);
    };
    const onMessage = (message: ThreadMessage) => {
      if (message.type === 'update') {
        if (!signal.aborted) report(message.update);
      } else if (message.type === 'failed') {
        settle(() => reject(new EngineFailure(message.code, message.message)));
      } else {
        settle(() => (message.type === 'done' ? resolve(message.outputs) : reject(signal.reason)));
      }
    };
    const crashed = (cause: unknown) =>
      signal.aborted
        ? signal.reason
        : new EngineFailure('engineCrashed', 'The built-in engine stopped while it worked.', {
            cause,
          });
    const onError = (error: Error) => settle(() => reject(crashed(error)));
    const onExit = () => settle(() => reject(crashed(undefined)));
    worker.on('message', onMessage);
    worker.on('error', onError);
    worker.on('exit', onExit);
    signal.addEventListener('abort', stop, { once: true });
    worker.postMessage({ job, stopFlag } satisfies ThreadJob);
  });
}
