// A rolling deploy on Postgres: old and new runtimes at once, then what stayed behind.
import { afterAll, beforeAll, expect, it } from 'vitest';
import type { DatabasePool } from 'slonik';
import pg from 'pg';
import { createDatabasePool } from '../db/pool.ts';
import { PostgresStore } from '../db/postgres-store.ts';
import { testDatabase } from '../db/testing.ts';
import { jobRef, quotaRef } from '../machines/contract/ids.ts';
import { realIds, StoreClock } from './clock.ts';
import { makeCore } from './core.ts';
import { LeftAlone } from './parking.ts';
import { bringForward } from './stragglers.ts';
import { everyFileIsStored, spec, submit } from './testing.ts';
import { raised } from './versions-testing.ts';
import { REGISTRY, type Registry } from './versions.ts';

const database = await testDatabase();
const client = new pg.Client({ connectionString: database.url });
let pool: DatabasePool;
const said: string[] = [];
const stops: (() => Promise<void>)[] = [];

beforeAll(async () => {
  await client.connect();
  pool = await createDatabasePool({ url: database.url });
});
afterAll(async () => {
  for (const stop of stops.reverse()) await stop();
  await pool.end();
  await client.end();
  await database.drop();
});

async function start(runtimeId: string, registry: Registry) {
  const store = new PostgresStore({ url: database.url });
  const core = makeCore({
    ...{ store, clock: new StoreClock(), ids: realIds, isStored: everyFileIsStored, registry },
    ...{ runtimeId, version: 'test', log: (line: string) => void said.push(line) },
  });
  await core.start();
  stops.push(async () => {
    await core.stop();
    await store.close();
  });
  return core;
}

const jobOf = (n: number, account = n % 5) => spec(`job_${n}`, { accountId: `acc_${account}` });
const cancel = { type: 'job.cancelRequested' } as const;
const versions = async (kind: string): Promise<unknown[]> => {
  const text = `select version, count(*)::int as n from actors where kind = $1 group by 1 order by 1`;
  return (await client.query(text, [kind])).rows;
};

it('loses nothing, moves nobody back, and leaves nobody behind', async () => {
  const old = await start('old', REGISTRY);
  for (let n = 0; n < 20; n += 1) await submit(old, jobOf(n));
  const NEXT = raised();
  const newer = await start('new', NEXT);

  // Both at once, on the same accounts. Whoever is told to come back comes to the other.
  const answers = Array.from({ length: 40 }, async (_, n) => {
    const job = jobOf(20 + n, n % 4);
    const [first, second] = (n >> 2) % 2 ? [newer, old] : [old, newer];
    try {
      return (await submit(first, job)).ok;
    } catch (error) {
      expect(error).toBeInstanceOf(LeftAlone);
      return (await submit(second, job)).ok;
    }
  });
  // 20 tokens a day each: four jobs are held already, so 40 more fit into four accounts.
  expect((await Promise.all(answers)).every(Boolean)).toBe(true);
  expect(await versions('quota')).toEqual([
    { version: 1, n: 1 },
    { version: 2, n: 4 },
  ]);
  const jobs = (await versions('job')) as { n: number }[];
  expect(jobs.reduce((sum, { n }) => sum + n, 0)).toBe(60);

  // A job that began before the deploy ends under the chart it began with.
  const outcome = await newer.turns.post(jobRef('acc_0', 'job_0'), cancel);
  expect(outcome).toMatchObject({ ok: true, changed: true, actor: { chart: { version: 1 } } });

  const seams = {
    registry: NEXT,
    post: newer.turns.post.bind(newer.turns),
    log: (line: string) => expect.fail(line),
  };
  expect(await bringForward(pool, seams, 1)).toBe(1);
  expect(await versions('quota')).toEqual([{ version: 2, n: 5 }]);
  expect(await bringForward(pool, seams, 1)).toBe(0);
  await expect(
    old.turns.post(quotaRef('acc_4'), { type: 'plan.changed', plan: 'pro' }),
  ).rejects.toThrow(LeftAlone);
  // Every commit of an account by whichever runtime: revisions without a gap, and one journal row each.
  const gaps = `select a.id from actors a where a.revision <> (select count(*) from journal j
    where j.account_id = a.account_id and j.kind = a.kind and j.actor_id = a.id)`;
  expect((await client.query(`${gaps} and a.kind = 'job'`)).rows).toEqual([]);
  const held = `select sum(amount_mt)::int as held from ledger where book = 'held'`;
  expect((await client.query(held)).rows).toEqual([{ held: 59_000 }]);
});
