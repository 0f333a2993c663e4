// The database of a run: real, durable, killed without warning, and back on the same folder and port.
import { readFileSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import {
  type EmbeddedPostgres,
  startEmbeddedPostgres,
} from '../../db/embedded/embedded-postgres.ts';

export class KeptPostgres {
  readonly #folder: string;
  #server: EmbeddedPostgres;
  #isClosed = false;
  #restarting: Promise<void> = Promise.resolve();
  isBusy = false;

  private constructor(folder: string, server: EmbeddedPostgres) {
    this.#folder = folder;
    this.#server = server;
  }

  static async start(folder: string): Promise<KeptPostgres> {
    const onExit = () => kept.#comeBack();
    const kept: KeptPostgres = new KeptPostgres(
      folder,
      await startEmbeddedPostgres({ folder, onExit }),
    );
    return kept;
  }

  get url(): string {
    return this.#server.url;
  }

  #comeBack(): void {
    if (this.#isClosed) return;
    this.#restarting = startEmbeddedPostgres({
      ...{ folder: this.#folder, port: this.#server.port, onExit: () => this.#comeBack() },
    }).then((server) => void (this.#server = server));
  }

  /** The postmaster: every connection breaks, and the next start recovers from the log. */
  async kill(): Promise<void> {
    const { pid } = this.#server;
    process.kill(pid, 'SIGKILL');
    while (this.#server.pid === pid) {
      await this.#restarting;
      await delay(20);
    }
  }

  /** One backend in the middle of its work: Postgres then ends all others and recovers in place. */
  killBackend(): boolean {
    const backend = childrenOf(this.#server.pid).find((pid) =>
      /^postgres: \S+ \S+ 127\.0\.0\.1\(/.test(readProcess(pid, 'cmdline')),
    );
    if (backend === undefined) return false;
    process.kill(backend, 'SIGKILL');
    return true;
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    await this.#restarting;
    await this.#server.stop();
  }
}

const readProcess = (pid: number, file: string): string => {
  try {
    return readFileSync(`/proc/${pid}/${file}`, 'utf8');
  } catch {
    return '';
  }
};

const childrenOf = (pid: number): number[] =>
  readProcess(pid, `task/${pid}/children`).trim().split(' ').filter(Boolean).map(Number);
