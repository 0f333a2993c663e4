// Work that keeps the tables small and the folder of files free of what nobody has any more, once an hour.
// One runtime at a time does it; every step goes in slices that may be done again, so a crash costs nothing.
import type { DatabasePool, DatabasePoolConnection } from 'slonik';
import { archiveEnded, removeArchived } from '../db/queries/archive.ts';
import { deleteExpiredBlobs, listUnowned } from '../db/queries/blobs.ts';
import {
  createJournalPartitions,
  deleteStreamOlderThan,
  dropJournalOlderThan,
  withSweepLock,
} from '../db/queries/retention.ts';
import { deleteOldLinkCodes } from '../db/queries/joined-accounts.ts';
import { deleteExpiredSessions } from '../db/queries/sessions.ts';
import { deleteOldAttempts } from '../db/queries/sign-ins.ts';
import type { BlobKeeping } from '../machines/contract/blobs.ts';
import type { Clock } from './clock.ts';

const HOUR_MS = 3_600_000;
export const DAY_MS = 24 * HOUR_MS;
/** Soon after a start, but not while everybody comes back to it. */
const FIRST_MS = 60_000;
const PARTITION_DAYS = 3;

/** How long things are kept. */
export interface Retention {
  /** An ended job in the hot table. An idempotency key is remembered for ever: the archive has it, too. */
  readonly jobsMs: number;
  /** In both tables, so that a commit under way meets the job in one of them. */
  readonly graceMs: number;
  /** Inputs and outputs, after their job has ended. */
  readonly filesMs: number;
  /** A file that no account has, since it was written: its row may be on its way. */
  readonly unownedMs: number;
  readonly journalMs: number;
  /** A frontend that was away for longer reads the list instead of the stream. */
  readonly streamMs: number;
  readonly slice: number;
}

export const RETENTION: Retention = {
  jobsMs: 3 * DAY_MS,
  graceMs: 60_000,
  filesMs: 30 * DAY_MS,
  unownedMs: DAY_MS,
  journalMs: 30 * DAY_MS,
  streamMs: 7 * DAY_MS,
  slice: 500,
};

/** What a sweep did, by what it did it to. */
export const SWEPT = [
  'jobs_archived',
  'jobs_removed',
  'journal_days_dropped',
  'stream_rows_deleted',
  'files_expired',
  'files_removed',
  'uploads_removed',
  'actors_brought_forward',
] as const;
export type Swept = (typeof SWEPT)[number];

interface Seams {
  readonly pool: DatabasePool;
  readonly blobs: BlobKeeping;
  readonly clock: Clock;
  readonly log: (message: string) => void;
  readonly count: (what: Swept, rows: number) => void;
  readonly retention?: Partial<Retention>;
  /** See `stragglers.ts`. */
  readonly bringForward?: (limit: number) => Promise<number>;
}

export class Housekeeping {
  readonly #seams: Seams;
  readonly #kept: Retention;
  readonly #stop = new AbortController();
  #loop: Promise<void> = Promise.resolve();

  constructor(seams: Seams) {
    this.#seams = seams;
    this.#kept = { ...RETENTION, ...seams.retention };
  }

  /** What must be there before the first turn. */
  async prepare(): Promise<void> {
    await createJournalPartitions(this.#seams.pool, PARTITION_DAYS);
  }

  /** @returns false when another runtime is at it */
  runOnce(): Promise<boolean> {
    return withSweepLock(this.#seams.pool, async (connection) => {
      for (const step of this.#steps(connection))
        // One that fails is done by the next sweep; the others need not wait for that.
        await step().catch((error: Error) => this.#seams.log(`housekeeping: ${error.message}`));
    });
  }

  #steps(connection: DatabasePoolConnection): readonly (() => Promise<unknown>)[] {
    const { streamMs, slice, graceMs, journalMs, filesMs, jobsMs: ageMs } = this.#kept;
    let after: string | null = null;
    return [
      () => createJournalPartitions(connection, PARTITION_DAYS),
      () =>
        this.#slices('jobs_removed', () =>
          removeArchived(connection, { ageMs, graceMs, limit: slice }),
        ),
      () =>
        this.#slices('jobs_archived', async () => {
          const options = { ageMs, filesKeptMs: filesMs, limit: slice, after };
          const { archived, next } = await archiveEnded(connection, options);
          after = next;
          return archived;
        }),
      async () => {
        const days = await dropJournalOlderThan(connection, journalMs);
        this.#seams.count('journal_days_dropped', days.length);
      },
      () =>
        this.#slices('stream_rows_deleted', () =>
          deleteStreamOlderThan(connection, streamMs, slice),
        ),
      () => deleteExpiredSessions(connection),
      () => deleteOldLinkCodes(connection),
      () => deleteOldAttempts(connection),
      () => this.#expireFiles(connection),
      () => this.#removeFiles(connection),
    ];
  }

  /** Goes on while slices are full. */
  async #slices(what: Swept, next: () => Promise<number>): Promise<void> {
    for (let rows = this.#kept.slice; rows === this.#kept.slice && !this.#isStopping;) {
      rows = await next();
      this.#seams.count(what, rows);
    }
  }

  async #expireFiles(connection: DatabasePoolConnection): Promise<void> {
    // Each is looked for in all jobs of its account that are not archived yet.
    const limit = Math.ceil(this.#kept.slice / 10);
    for (let seen = limit; seen === limit && !this.#isStopping;) {
      const expired = await deleteExpiredBlobs(connection, limit);
      this.#seams.count('files_expired', expired.deleted);
      ({ seen } = expired);
    }
  }

  /** A file comes before its row, so one without a row counts only when it is old. */
  async #removeFiles(connection: DatabasePoolConnection): Promise<void> {
    const { blobs, count } = this.#seams;
    const { unownedMs } = this.#kept;
    for await (const ids of blobs.storedBefore(unownedMs)) {
      if (this.#isStopping) return;
      for (const id of await listUnowned(connection, ids))
        if (await blobs.remove(id, unownedMs)) count('files_removed', 1);
    }
    count('uploads_removed', await blobs.sweepUploads());
  }

  get #isStopping(): boolean {
    return this.#stop.signal.aborted;
  }

  start(): void {
    this.#loop = this.#run();
  }

  async #run(): Promise<void> {
    const { clock, log } = this.#seams;
    const { signal } = this.#stop;
    for (let pauseMs = FIRST_MS; ; pauseMs = HOUR_MS) {
      await clock.sleep(pauseMs, signal);
      if (signal.aborted) return;
      await this.runOnce().catch((error: Error) => log(`housekeeping: ${error.message}`));
      if (pauseMs === HOUR_MS) await this.#bringForward();
    }
  }

  /** An hour after the start, when a rolling deploy is over. */
  async #bringForward(): Promise<void> {
    const { bringForward, count, log } = this.#seams;
    try {
      count('actors_brought_forward', (await bringForward?.(this.#kept.slice)) ?? 0);
    } catch (error) {
      log(`housekeeping: ${(error as Error).message}`);
    }
  }

  async stop(): Promise<void> {
    this.#stop.abort();
    await this.#loop;
  }
}
