// Threads that run seeds, as many at once as there are cores.
import { availableParallelism } from 'node:os';
import { Worker } from 'node:worker_threads';
import type { SeedResult } from './seed.ts';
import type { Task, ThreadData } from './thread.ts';

export const THREADS = Math.max(1, Math.min(8, availableParallelism()));

interface Thread {
  readonly worker: Worker;
  done: ((result: SeedResult) => void) | null;
  failed: ((error: Error) => void) | null;
}

export class Pool {
  readonly #threads: Thread[];
  readonly #idle: Thread[];
  readonly #waiting: ((thread: Thread) => void)[] = [];

  constructor(planted: string | null = null, size = THREADS) {
    this.#threads = Array.from({ length: size }, () => this.#start(planted));
    this.#idle = [...this.#threads];
  }

  #start(planted: string | null): Thread {
    const workerData: ThreadData = { planted };
    const worker = new Worker(new URL('./thread.ts', import.meta.url), { workerData });
    const thread: Thread = { worker, done: null, failed: null };
    worker.on('message', (result: SeedResult) => thread.done?.(result));
    worker.on('error', (error) => thread.failed?.(error as Error));
    worker.on('exit', () => thread.failed?.(new Error('A thread of the simulation has ended.')));
    return thread;
  }

  /** Waits for a thread that has nothing to do. */
  async run(task: Task): Promise<SeedResult> {
    const thread =
      this.#idle.pop() ?? (await new Promise<Thread>((free) => this.#waiting.push(free)));
    try {
      return await new Promise<SeedResult>((done, failed) => {
        thread.done = done;
        thread.failed = failed;
        thread.worker.postMessage(task);
      });
    } finally {
      thread.done = thread.failed = null;
      const next = this.#waiting.shift();
      if (next) next(thread);
      else this.#idle.push(thread);
    }
  }

  async close(): Promise<void> {
    await Promise.all(this.#threads.map(({ worker }) => worker.terminate()));
  }
}
