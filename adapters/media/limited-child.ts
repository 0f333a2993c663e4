// A process that does what may go wrong: it is given one thing at a time, has so much time and memory for it, knows
// nothing of our settings, and may be killed at any moment without harm. The next call starts another one.
import { fork, type ChildProcess } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { MediaBusy } from '../../machines/contract/media.ts';

/** Decoders leak a little: after so many calls it has done its part. */
const CALLS_MAX = 500;
const HEAP_MB = 256;

export interface Limits {
  /** A TypeScript file that answers messages, by `answering` of `answering.ts`. */
  readonly program: string;
  readonly timeMs: number;
  /** Of all it has in memory. */
  readonly memoryBytes: number;
  /** Calls that may wait for their turn. */
  readonly waitingMax: number;
  /** The only folder that it may write to; null: none. */
  readonly folder: string | null;
}

/** It was killed, or died: by time, by memory, or by what it was given. */
export class ChildDied extends Error {
  override readonly name = 'ChildDied';
}

type Answer = { readonly answer: unknown } | { readonly error: string };

interface Call {
  readonly question: object;
  readonly resolve: (answer: unknown) => void;
  readonly reject: (error: Error) => void;
}

export class LimitedChild {
  readonly #limits: Limits;
  readonly #waiting: Call[] = [];
  #child: ChildProcess | null = null;
  #calls = 0;
  #isBusy = false;
  #isStopped = false;

  constructor(limits: Limits) {
    this.#limits = limits;
  }

  get load(): number {
    return this.#waiting.length + (this.#isBusy ? 1 : 0);
  }

  /** The running process, for tests. */
  get pid(): number | null {
    return this.#child?.pid ?? null;
  }

  /** @throws MediaBusy, ChildDied, Error as the program said it */
  call(question: object): Promise<unknown> {
    if (this.#waiting.length >= this.#limits.waitingMax || this.#isStopped)
      return Promise.reject(new MediaBusy('Too many files wait to be looked at.'));
    return new Promise((resolve, reject) => {
      this.#waiting.push({ question, resolve, reject });
      this.#next();
    });
  }

  stop(): void {
    this.#isStopped = true;
    this.#child?.kill('SIGKILL');
  }

  #next(): void {
    if (this.#isBusy) return;
    const call = this.#waiting.shift();
    if (!call) return;
    this.#isBusy = true;
    void this.#ask(call).finally(() => {
      this.#isBusy = false;
      this.#next();
    });
  }

  async #ask({ question, resolve, reject }: Call): Promise<void> {
    const child = this.#running();
    let overtime: NodeJS.Timeout | undefined;
    try {
      const answer = await new Promise<Answer>((told, failed) => {
        child.once('message', told);
        child.once('exit', (code, signal) =>
          failed(new ChildDied(`It ended with ${signal ?? code} before it had an answer.`)),
        );
        child.once('error', failed);
        overtime = setTimeout(() => child.kill('SIGKILL'), this.#limits.timeMs);
        child.send(question, (error) => error && failed(new ChildDied(error.message)));
      });
      if ('error' in answer) reject(new Error(answer.error));
      else resolve(answer.answer);
    } catch (error) {
      this.#letGo(child);
      reject(error as Error);
    } finally {
      clearTimeout(overtime);
      child.removeAllListeners('message');
      child.removeAllListeners('exit');
      if (this.#calls >= CALLS_MAX) this.#letGo(child);
      else this.#rest(child);
    }
  }

  #running(): ChildProcess {
    this.#calls += 1;
    const known = this.#child;
    if (known?.connected && known.exitCode === null && known.signalCode === null) {
      known.ref();
      known.channel?.ref();
      return known;
    }
    this.#calls = 1;
    const { program, memoryBytes, folder } = this.#limits;
    const child = fork(program, [String(memoryBytes)], {
      execArgv: [
        `--max-old-space-size=${HEAP_MB}`,
        ...['--permission', '--allow-addons', '--allow-fs-read=*'],
        ...(folder === null ? [] : [`--allow-fs-write=${folder}`]),
      ],
      // Nothing of ours: no keys, no addresses.
      env: { PATH: process.env['PATH'] },
      stdio: ['ignore', 'ignore', 'ignore', 'ipc'],
    });
    // Without listeners of a call it would throw here.
    child.on('error', () => undefined);
    shieldOthers(child.pid);
    this.#child = child;
    return child;
  }

  #letGo(child: ChildProcess): void {
    child.kill('SIGKILL');
    if (this.#child === child) this.#child = null;
  }

  /** Nobody waits for it: it alone does not keep the process alive. */
  #rest(child: ChildProcess): void {
    child.unref();
    child.channel?.unref();
  }
}

/** Where memory runs out all the same, Linux takes this process first. */
function shieldOthers(pid: number | undefined): void {
  if (pid === undefined || process.platform !== 'linux') return;
  try {
    writeFileSync(`/proc/${pid}/oom_score_adj`, '1000');
  } catch {
    // Gone already, or not ours to say.
  }
}
