import { mkdtemp, rm, utimes } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import pg from 'pg';
import { type DatabasePool, sql } from 'slonik';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { z } from 'zod';
import { LocalBlobs } from '../adapters/blobs/local-blobs.ts';
import { batchOf, journalOf, write } from '../db/conformance/batches.ts';
import { createDatabasePool } from '../db/pool.ts';
import { PostgresStore } from '../db/postgres-store.ts';
import { findArchivedJournal } from '../db/queries/archive.ts';
import { findBlob, findFilesGoing, insertBlob } from '../db/queries/blobs.ts';
import { listJobs } from '../db/queries/jobs.ts';
import { dropJournalOlderThan, withSweepLock } from '../db/queries/retention.ts';
import type { StoredActor } from '../db/store.ts';
import { testDatabase } from '../db/testing.ts';
import { jobRef, quotaRef } from '../machines/contract/ids.ts';
import { StoreClock } from './clock.ts';
import { Housekeeping, type Retention, type Swept } from './housekeeping.ts';

let database: Awaited<ReturnType<typeof testDatabase>>;
let store: PostgresStore;
let pool: DatabasePool;
let blobs: LocalBlobs;
let folder: string;
let client: pg.Client;
let said: string[];
let swept: Partial<Record<Swept, number>>;

beforeEach(async () => {
  database = await testDatabase();
  store = new PostgresStore({ url: database.url });
  pool = await createDatabasePool({ url: database.url });
  folder = await mkdtemp(join(tmpdir(), 'tessera-housekeeping-'));
  blobs = await LocalBlobs.open(folder);
  client = new pg.Client({ connectionString: database.url });
  await client.connect();
  said = [];
  swept = {};
});
afterEach(async () => {
  await client.end();
  await store.close();
  await pool.end();
  await database.drop();
  await rm(folder, { recursive: true });
});

/** Everything that has ended is old enough, and so is what was archived. */
const AT_ONCE: Partial<Retention> = { jobsMs: 0, graceMs: 0 };

const sweeper = (
  retention: Partial<Retention> = AT_ONCE,
  count: (what: Swept, rows: number) => void = () => undefined,
) =>
  new Housekeeping({
    ...{ pool, blobs, clock: new StoreClock(), retention },
    log: (line) => void said.push(line),
    count: (what, rows) => {
      swept[what] = (swept[what] ?? 0) + rows;
      count(what, rows);
    },
  });

const rows = async (text: string): Promise<number> => {
  const found = await client.query<{ n: string }>(`select count(*) as n from ${text}`);
  return Number(found.rows[0]!.n);
};

const ENDED = { state: 'succeeded', tags: ['settled'] };

/** Jobs of `acc_0` to `acc_9` that were made, held, charged and ended, by commits of 500. */
async function endedJobs(total: number): Promise<void> {
  for (let from = 0; from < total; from += 500) {
    const jobs = Array.from({ length: Math.min(500, total - from) }, (_, n) => {
      const account = `acc_${(from + n) % 10}`;
      const ref = jobRef(account, `job_${String(from + n).padStart(6, '0')}`);
      return { ref, made: write(n, ref, 0), ended: write(n, ref, 1, ENDED) };
    });
    for (const turn of ['made', 'ended'] as const)
      await store.commit(
        batchOf({
          actors: jobs.map((job) => job[turn]),
          journal: jobs.map((job) => journalOf(job[turn])),
          ledger: jobs.flatMap(({ ref }, n) =>
            [-5, 5].map((amountMt, leg) => ({
              ...{ component: n, accountId: ref.accountId, leg: leg + 1, amountMt },
              posting: 2 * (from + n) + (turn === 'made' ? 1 : 2),
              ...{ book: leg ? 'system:spent' : 'system:granted', balanceMt: null },
              ...{ reason: turn, jobId: ref.id },
            })),
          ),
        }),
      );
  }
}

const everyJobOf = async (account: string): Promise<string[]> => {
  const ids: string[] = [];
  for (let cursor: string | null = null; ;) {
    const page: Awaited<ReturnType<typeof listJobs>> = await listJobs(pool, account, {
      limit: 77,
      cursor,
    });
    ids.push(...page.rows.map(({ id }) => id));
    cursor = page.nextCursor;
    if (cursor === null) return ids;
  }
};

describe('jobs that ended', () => {
  it('leave the hot table with their story, ten thousand of them; the receipts stay', async () => {
    await endedJobs(10_000);
    const live = write(0, jobRef('acc_0', 'job_live'), 0);
    const quota = write(1, quotaRef('acc_0'), 0);
    await store.commit(batchOf({ actors: [live, quota] }));
    const ref = jobRef('acc_3', 'job_000123');
    const [before] = await store.load([ref]);
    const listed = await everyJobOf('acc_0');
    expect(listed.length).toBe(1001);

    expect(await sweeper().runOnce()).toBe(true);
    expect(await rows('archive')).toBe(10_000);
    // In both tables now, and listed once.
    expect(await rows(`actors where kind = 'job'`)).toBe(10_001);
    expect(await everyJobOf('acc_0')).toEqual(listed);
    await sweeper().runOnce();

    expect(said).toEqual([]);
    expect(swept).toMatchObject({ jobs_archived: 10_000, jobs_removed: 10_000 });
    expect(await rows('actors')).toBe(2);
    expect(await rows('ledger')).toBe(40_000);
    expect(await everyJobOf('acc_0')).toEqual(listed);
    expect(await store.load([ref, live.ref])).toEqual([
      expect.objectContaining({ ref: live.ref }),
      before,
    ]);
    const story = await findArchivedJournal(pool, ref);
    expect(story?.map(({ revision, event, to }) => [revision, event, to])).toEqual([
      [1, '{"type":"job.submitted"}', 'queued'],
      [2, '{"type":"job.submitted"}', 'succeeded'],
    ]);
    await client.query('analyze');
    const bytes = await client.query<{ small: boolean }>(
      `select avg(length(snapshot) + length(journal)) < 400 as small from archive`,
    );
    expect(bytes.rows).toEqual([{ small: true }]);
  }, 120_000);

  it('stay while they are young, parked or still going on', async () => {
    await endedJobs(2);
    await client.query(`update actors set parked_at = now() where id = 'job_000000'`);
    await store.commit(batchOf({ actors: [write(0, jobRef('acc_0', 'job_live'), 0)] }));
    for (let sweep = 0; sweep < 2; sweep += 1) await sweeper({}).runOnce();
    expect(await rows('archive')).toBe(0);
    for (let sweep = 0; sweep < 2; sweep += 1) await sweeper().runOnce();
    expect(await rows('archive')).toBe(1);
    expect(await rows('actors')).toBe(2);
  });

  it('keep their ids: a commit that would make one anew is lost', async () => {
    await endedJobs(1);
    const again = batchOf({ actors: [write(0, jobRef('acc_0', 'job_000000'), 0)] });
    for (let sweep = 0; sweep < 3; sweep += 1) {
      expect((await store.commit(again)).lost).toEqual([0]);
      await sweeper().runOnce();
    }
    expect(await rows('actors')).toBe(0);
    // The same name in another account is another job, and quotas have nothing to do with it.
    const others = [write(0, jobRef('acc_1', 'job_000000'), 0), write(1, quotaRef('acc_0'), 0)];
    expect((await store.commit(batchOf({ actors: others }))).lost).toEqual([]);
  });
});

describe('a sweep', () => {
  // Of this test's database: another's server process holds such locks, too.
  const killSweeper = () =>
    client.query(`select pg_terminate_backend(l.pid) from pg_locks l join pg_database d on d.oid = l.database
      where l.locktype = 'advisory' and d.datname = current_database() and l.pid <> pg_backend_pid()`);

  it.each(['jobs_removed', 'jobs_archived', 'journal_days_dropped'] as const)(
    'that dies after %s is finished by the next one',
    async (step) => {
      await endedJobs(40);
      await sweeper({ ...AT_ONCE, slice: 7 }).runOnce();
      await endedJobsLater();
      const killed: Promise<unknown>[] = [];
      const dying = sweeper({ ...AT_ONCE, slice: 7 }, (what) => {
        if (what === step && killed.length === 0) killed.push(killSweeper());
      });
      await dying.runOnce().catch(() => undefined);
      await Promise.all(killed);
      for (let sweep = 0; sweep < 2; sweep += 1) await sweeper().runOnce();
      expect(await rows('archive')).toBe(45);
      expect(await rows('actors')).toBe(0);
      expect(await rows('(select distinct id from archive) as ids')).toBe(45);
      expect(await rows('ledger')).toBe(160);
    },
  );

  async function endedJobsLater(): Promise<void> {
    const refs = Array.from({ length: 5 }, (_, n) => jobRef('acc_x', `job_later_${n}`));
    await store.commit(batchOf({ actors: refs.map((ref, n) => write(n, ref, 0, ENDED)) }));
  }

  it('is done by one at a time', async () => {
    await endedJobs(3);
    const other = await withSweepLock(pool, async () => {
      expect(await sweeper().runOnce()).toBe(false);
    });
    expect(other).toBe(true);
    expect(await rows('archive')).toBe(0);
    expect(await sweeper().runOnce()).toBe(true);
    expect(await rows('archive')).toBe(3);
    // The connections are as they were.
    const set = await pool.any(sql.type(z.object({ name: z.string() }))`
      select name from pg_settings where setting <> reset_val and name ~ '^(enable_|lock_timeout)'`);
    expect(set).toEqual([]);
    expect(await sweeper().runOnce()).toBe(true);
  });

  it('gives way to turns, and tries again later', async () => {
    await client.query(`create table journal_20200101 partition of journal
      for values from ('2020-01-01+00') to ('2020-01-02+00')`);
    const turn = new pg.Client({ connectionString: database.url });
    await turn.connect();
    await turn.query('begin; lock table journal in row exclusive mode');
    await sweeper().runOnce();
    expect(said.join()).toMatch(/lock timeout/);
    expect(await rows(`pg_class where relname = 'journal_20200101'`)).toBe(1);
    await turn.query('commit');
    await turn.end();
    await sweeper().runOnce();
    expect(swept.journal_days_dropped).toBe(1);
  });

  it('drops no day of the journal while the story of an ended job is in it', async () => {
    await client.query(`create table journal_20200101 partition of journal
      for values from ('2020-01-01+00') to ('2020-01-02+00')`);
    await client.query(`insert into journal values
      ('acc_o', 'job', 'job_old', 1, '2020-01-01 12:00+00', '{}', '-', 'failed', '{}', '{}', 'b')`);
    await client.query(`insert into actors (account_id, kind, id, machine, version, revision, state,
      tags, snapshot, created_at, updated_at) values ('acc_o', 'job', 'job_old', 'job', 1, 1, 'failed',
      '{settled}', '{}', '2020-01-01 12:00+00', '2020-01-01 12:00+00')`);
    expect(await dropJournalOlderThan(pool, 30 * 86_400_000)).toEqual([]);
    await sweeper({}).runOnce();
    expect(swept).toMatchObject({ jobs_archived: 1, journal_days_dropped: 1 });
    const story = await findArchivedJournal(pool, jobRef('acc_o', 'job_old'));
    expect(story?.map(({ batchId }) => batchId)).toEqual(['b']);
  });
});

describe('files', () => {
  const put = async (text: string, account: string | null = 'acc_a') => {
    async function* bytes() {
      yield await Promise.resolve(Buffer.from(text));
    }
    const { id, bytes: total } = await blobs.put(bytes(), 100);
    if (account !== null)
      await insertBlob(pool, account, { id, bytes: total, mediaType: 'text/plain' });
    return id;
  };
  const age = async (id: string) => {
    const digest = id.slice(7);
    const path = join(folder, 'sha256', digest.slice(0, 2), digest.slice(2, 4), digest);
    const long = new Date(Date.now() - 2 * 86_400_000);
    await utimes(path, long, long);
  };
  const jobWith = (id: string, file: string, changes: object) =>
    write(0, jobRef('acc_a', id), 0, {
      snapshot: JSON.stringify({ context: { run: { outputs: [{ blob: file }] } } }),
      ...changes,
    });
  const expire = (id: string) =>
    client.query(`update blobs set kept_until = now() - interval '1 second' where id = $1`, [id]);

  it('that nobody has are removed when they are old; those of somebody stay', async () => {
    const [young, old, owned] = [await put('1', null), await put('2', null), await put('3')];
    for (const id of [old, owned]) await age(id);
    await sweeper().runOnce();
    expect(await Promise.all([young, old, owned].map((id) => blobs.has(id)))).toEqual([
      true,
      false,
      true,
    ]);
    expect(swept.files_removed).toBe(1);
  });

  it('of a job are kept while it is in the hot table, and as promised after its end', async () => {
    const [running, done, unused] = [await put('1'), await put('2'), await put('3')];
    await store.commit(batchOf({ actors: [jobWith('job_1', running, {})] }));
    await store.commit(batchOf({ actors: [jobWith('job_2', done, ENDED)] }));
    for (const id of [running, done, unused]) {
      await age(id);
      await expire(id);
    }
    const has = () => Promise.all([running, done, unused].map((id) => blobs.has(id)));
    for (let sweep = 0; sweep < 2; sweep += 1) await sweeper().runOnce();
    expect(await rows(`actors where id = 'job_2'`)).toBe(0);
    expect(await has()).toEqual([true, true, false]);
    expect(await findBlob(pool, 'acc_a', unused)).toBeNull();
    // 30 days after its end.
    expect(
      await rows(`blobs where id = '${done}' and kept_until > now() + interval '29 days'`),
    ).toBe(1);
    for (const id of [running, done]) await expire(id);
    await sweeper().runOnce();
    expect(await has()).toEqual([true, false, false]);
  });

  it('of a job whose plan keeps them are kept as it was promised, and told of before they go', async () => {
    const [long, short] = [await put('long'), await put('short')];
    const promised = (file: string, filesKeptDays: number) => ({
      ...ENDED,
      snapshot: JSON.stringify({
        context: {
          // What a person writes promises nothing.
          spec: { prompt: ',"filesKeptDays":3650,' },
          run: { filesKeptDays, outputs: [{ blob: file }] },
        },
      }),
    });
    for (const [id, file, days] of [
      ['job_long', long, 90],
      ['job_short', short, 9],
    ] as const)
      await store.commit(
        batchOf({ actors: [write(0, jobRef('acc_a', id), 0, promised(file, days))] }),
      );
    await sweeper().runOnce();
    const keptFor = async (file: string, days: number) =>
      rows(
        `blobs where id = '${file}' and promised and kept_until > now() + interval '${days - 6} days'
          and kept_until < now() + interval '${days + 1} days'`,
      );
    expect(await Promise.all([keptFor(long, 90), keptFor(short, 9)])).toEqual([1, 1]);
    const day = 86_400_000;
    expect(await findFilesGoing(pool, 'acc_a', 1000)).toBeNull();
    expect(await findFilesGoing(pool, 'acc_a', 10 * day)).toMatchObject({ count: 1 });
    expect(await findFilesGoing(pool, 'acc_a', 91 * day)).toMatchObject({ count: 2 });
    expect(await findFilesGoing(pool, 'acc_b', 91 * day)).toBeNull();
  });

  it('that two accounts have are removed when both have let go', async () => {
    const id = await put('shared', 'acc_a');
    await put('shared', 'acc_b');
    await age(id);
    await client.query(
      `update blobs set kept_until = now() - interval '1 s' where account_id = 'acc_a'`,
    );
    await sweeper().runOnce();
    expect([await findBlob(pool, 'acc_a', id), await blobs.has(id)]).toEqual([null, true]);
    await expire(id);
    await sweeper().runOnce();
    expect(await blobs.has(id)).toBe(false);
  });
});

it('what is stored of a job says the same from either table', async () => {
  await endedJobs(1);
  const ref = jobRef('acc_0', 'job_000000');
  const loaded: StoredActor[] = [];
  for (let sweep = 0; sweep < 3; sweep += 1) {
    loaded.push(...(await store.load([ref])));
    await sweeper().runOnce();
  }
  expect(loaded.length).toBe(3);
  expect(loaded[2]).toEqual(loaded[0]);
});
