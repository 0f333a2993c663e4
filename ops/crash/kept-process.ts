// A process that is kept running however it is treated, and that can be treated badly: killed at once or
// at a named point, stopped and continued, asked to end.
import { type ChildProcess, spawn } from 'node:child_process';
import { closeSync, openSync, readFileSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import { REPOSITORY } from '../cli/home.ts';
import { type Arming, NOTHING, WHY } from './points.ts';

export interface KeptOptions {
  readonly name: string;
  /** Arguments to Node. */
  readonly command: readonly string[];
  readonly env: NodeJS.ProcessEnv;
  readonly log: string;
  /** Asked again and again after a start. */
  readonly isReady: (child: ChildProcess) => Promise<boolean>;
  /** It ended by itself although it was up: that must not happen. */
  readonly onUnbidden: (sentence: string) => void;
}

/** Past this a process that was asked to end counts as hung. */
const TERM_LIMIT_MS = 25_000;
const READY_POLL_MS = 40;
const RESTART_MS = 250;

export class KeptProcess {
  readonly name: string;
  readonly #options: KeptOptions;
  #child: ChildProcess | null = null;
  #state: 'down' | 'starting' | 'up' = 'down';
  #isPaused = false;
  #isEnding = false;
  #isClosed = false;
  #exited = Promise.withResolvers<number | null>();
  /** Somebody is at it: two mischiefs at once would be blamed on each other. */
  isBusy = false;
  starts = 0;

  constructor(options: KeptOptions) {
    this.name = options.name;
    this.#options = options;
  }

  get isUp(): boolean {
    return this.#state === 'up' && !this.#isPaused;
  }

  get isRunning(): boolean {
    return this.#state !== 'down' && !this.#isPaused;
  }

  start(): void {
    const { command, env, log } = this.#options;
    const output = openSync(log, 'a');
    // The channel closes when the suite is gone, even by kill -9: the process then stops by itself.
    const child = spawn(process.execPath, command, {
      ...{ cwd: REPOSITORY, env, stdio: ['ignore', output, output, 'ipc'] },
    });
    closeSync(output);
    this.#child = child;
    this.#state = 'starting';
    this.#isEnding = false;
    this.#exited = Promise.withResolvers();
    this.starts += 1;
    child.once('exit', (code, signal) => void this.#ended(code, signal));
    // A message to one that has just died is no news.
    child.on('error', () => undefined);
    void this.#watchReady(child);
  }

  async #watchReady(child: ChildProcess): Promise<void> {
    while (this.#child === child && this.#state === 'starting') {
      if (await this.#options.isReady(child).catch(() => false)) {
        if (this.#child === child) this.#state = 'up';
        return;
      }
      await delay(READY_POLL_MS);
    }
  }

  async #ended(code: number | null, signal: NodeJS.Signals | null): Promise<void> {
    // Only this suite sends SIGKILL. One that could not start (the database is away) is started again.
    const isUnbidden = signal !== 'SIGKILL' && !this.#isEnding && this.#state === 'up';
    if (isUnbidden) this.#options.onUnbidden(`${this.name} ended by itself (${signal ?? code}).`);
    this.#child = null;
    this.#state = 'down';
    this.#isPaused = false;
    this.#exited.resolve(code);
    await delay(RESTART_MS);
    if (!this.#isClosed && this.#child === null) this.start();
  }

  async whenUp(): Promise<void> {
    while (!this.isUp) await delay(READY_POLL_MS);
  }

  async kill(): Promise<void> {
    this.#child?.kill('SIGKILL');
    await this.#exited.promise;
  }

  /** @returns false when the point was not reached in time: then nothing has happened */
  async killAt(arming: Arming, limitMs: number): Promise<boolean> {
    this.#tell(arming);
    const limit = new AbortController();
    const reached = await Promise.race([
      this.#exited.promise.then(() => true),
      delay(limitMs, false, { signal: limit.signal }),
    ]);
    limit.abort();
    if (!reached) this.#tell(null);
    return reached;
  }

  /** @returns false when the point was not reached in time */
  async pauseAt(arming: Arming, limitMs: number): Promise<boolean> {
    this.#tell(arming);
    const until = performance.now() + limitMs;
    while (performance.now() < until && this.#child !== null) {
      if (isStopped(this.#child.pid ?? 0)) {
        this.#isPaused = true;
        return true;
      }
      await delay(20);
    }
    this.#tell(null);
    return false;
  }

  pause(): void {
    this.#isPaused = true;
    this.#child?.kill('SIGSTOP');
  }

  resume(): void {
    this.#isPaused = false;
    this.#child?.kill('SIGCONT');
  }

  /** SIGTERM; the end is awaited. Told when it takes too long or does not end well. */
  async term(arming: Arming | null = null): Promise<NodeJS.Signals | null> {
    const child = this.#child;
    if (child === null) return null;
    if (arming) this.#tell(arming);
    this.#isEnding = true;
    child.kill('SIGTERM');
    const hung = new AbortController();
    void delay(TERM_LIMIT_MS, null, { signal: hung.signal }).then(
      () => {
        this.#options.onUnbidden(`${this.name} did not end within 25 s of SIGTERM.`);
        if (child.connected) child.send(WHY);
        setTimeout(() => child.kill('SIGKILL'), 500);
      },
      () => undefined,
    );
    const code = await this.#exited.promise;
    hung.abort();
    if (code !== 0 && code !== null)
      this.#options.onUnbidden(`${this.name} ended with code ${code} after SIGTERM.`);
    return child.signalCode;
  }

  /** For good. */
  async close(): Promise<void> {
    this.#isClosed = true;
    if (this.#isPaused) this.resume();
    await this.term();
  }

  #tell(arming: Arming | null): void {
    if (this.#child?.connected) this.#child.send(arming ?? NOTHING);
  }
}

/** Stopped by a signal, as the kernel sees it (Linux). */
function isStopped(pid: number): boolean {
  try {
    return /^\d+ \(.*\) T/s.test(readFileSync(`/proc/${pid}/stat`, 'utf8'));
  } catch {
    return false;
  }
}
