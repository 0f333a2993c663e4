// Work that keeps the tables in shape, once an hour: partitions of the coming days, sessions that ended,
// what the stream told long ago.
import type { DatabasePool } from 'slonik';
import { createJournalPartitions, deleteStreamOlderThan } from '../db/queries/retention.ts';
import { deleteExpiredSessions } from '../db/queries/sessions.ts';
import type { Clock } from './clock.ts';

const EVERY_MS = 3_600_000;
const PARTITION_DAYS = 3;
/** A frontend that was away for longer reads the list instead of the stream. */
const STREAM_KEPT_MS = 7 * 24 * 3_600_000;
const DELETED_MAX = 10_000;

export class Housekeeping {
  readonly #pool: DatabasePool;
  readonly #clock: Clock;
  readonly #log: (message: string) => void;
  readonly #stop = new AbortController();
  #loop: Promise<void> = Promise.resolve();

  constructor(pool: DatabasePool, clock: Clock, log: (message: string) => void) {
    this.#pool = pool;
    this.#clock = clock;
    this.#log = log;
  }

  async runOnce(): Promise<void> {
    await createJournalPartitions(this.#pool, PARTITION_DAYS);
    await deleteStreamOlderThan(this.#pool, STREAM_KEPT_MS, DELETED_MAX);
    await deleteExpiredSessions(this.#pool);
  }

  start(): void {
    this.#loop = this.#run();
  }

  async #run(): Promise<void> {
    const { signal } = this.#stop;
    while (!signal.aborted) {
      await this.#clock.sleep(EVERY_MS, signal);
      if (signal.aborted) return;
      await this.runOnce().catch((error: Error) => this.#log(`housekeeping: ${error.message}`));
    }
  }

  async stop(): Promise<void> {
    this.#stop.abort();
    await this.#loop;
  }
}
