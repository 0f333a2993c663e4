// Goal: a commit whose answer is lost is never done twice, and one whose request is lost is never left undone,
// whichever turn of a life it was.
// Method: whole lives over a proxy that loses the answer to every commit, or every other request to commit.
import { afterAll, afterEach, beforeEach, expect, test } from 'vitest';
import pg from 'pg';
import { type Fault, type FaultyProxy, startFaultyProxy } from '../db/faulty-proxy.ts';
import { PostgresStore } from '../db/postgres-store.ts';
import { testDatabase } from '../db/testing.ts';
import { jobRef, workerRef } from '../machines/contract/ids.ts';
import { StoreClock, realIds } from './clock.ts';
import { makeCore, type Core } from './core.ts';
import { FaithfulAgent } from './faithful-testing.ts';
import { everyFileIsStored, spec, submit } from './testing.ts';

const database = await testDatabase();
const admin = new pg.Pool({ connectionString: database.url, max: 1 });
afterAll(async () => {
  await admin.end();
  await database.drop();
});

const clock = new StoreClock();
let proxy: FaultyProxy;
let store: PostgresStore;
let core: Core;
let lives = 0;
beforeEach(async () => {
  lives += 1;
  proxy = await startFaultyProxy(database.url);
  store = new PostgresStore({ url: proxy.url });
  core = makeCore({
    ...{ store, clock, ids: realIds, isStored: everyFileIsStored },
    runtimeId: 'runtime-1',
    version: 'test',
    log: () => undefined,
  });
  await core.start();
});
afterEach(async () => {
  proxy.inject(null);
  await core.stop();
  await store.close();
  await proxy.close();
});

const isCommit = (request: string): boolean => request.includes('commit_');
let lost = 0;
const FAULTS: readonly (readonly [string, () => Fault])[] = [
  [
    'the answer to every commit is lost',
    () => ({ kind: 'loseAnswer', of: (request) => isCommit(request) && ++lost > 0 }),
  ],
  [
    'every other request to commit is lost',
    () => ({ kind: 'loseRequest', of: (request) => isCommit(request) && ++lost % 2 === 1 }),
  ],
];

/** What happens to the actors of this life; each in a commit that went wrong. */
const TURNS = [
  'job.submitRequested job',
  'hold.requested quota',
  'worker.connected worker',
  'job.dispatched job',
  'slot.claimed worker',
  'run.started job',
  'run.finished worker',
  'run.finished job',
  'hold.captureRequested quota',
  'job.cancelRequested job',
  'hold.releaseRequested quota',
  'xstate.after.deadline.job job',
  'worker.disconnected worker',
];

test.for(FAULTS)('%s: a life goes on, and everything happens once', async ([, fault]) => {
  lost = 0;
  proxy.inject(fault());
  const accountId = `acc_${lives}`;
  const agent = new FaithfulAgent({ clock, current: core });
  const ids = ['done', 'cancelled', 'expired'].map((end) => `job_${end}_${lives}`);
  const [done, cancelled, expired] = ids as [string, string, string];
  const elsewhere = { model: 'atelier' }; // which no worker has
  await Promise.all([
    submit(core, spec(done, { accountId })),
    submit(core, spec(cancelled, { accountId, ...elsewhere })),
    submit(core, spec(expired, { accountId, ...elsewhere, deadlineMs: 300 })),
  ]);
  await core.turns.post(jobRef(accountId, cancelled), { type: 'job.cancelRequested' });

  const statesOf = async () => {
    const rows = await store.load(ids.map((id) => jobRef(accountId, id)));
    return Object.fromEntries(rows.map(({ ref, state }) => [ref.id, state]));
  };
  const ends = { [done]: 'succeeded', [cancelled]: 'cancelled', [expired]: 'expired' };
  while (JSON.stringify(sorted(await statesOf())) !== JSON.stringify(sorted(ends)));
  while (!agent.isIdle) await clock.sleep(0);
  agent.leave();
  const worker = async () => (await store.load([workerRef('wrk_1')]))[0]!.state;
  await core.turns.idle();
  expect(['idle', 'offline']).toContain(await worker());

  expect(lost).toBeGreaterThan(3); // many turns share a commit
  const held = await admin.query<{ job_id: string; legs: string }>(
    `select job_id, string_agg(amount_mt::text, ' ' order by posting) as legs from ledger
      where account_id = $1 and book = 'held' group by job_id order by job_id`,
    [accountId],
  );
  expect(held.rows).toEqual(ids.toSorted().map((id) => ({ job_id: id, legs: '1000 -1000' })));
  const turns = await admin.query<{ turn: string }>(
    "select distinct (event::json ->> 'type') || ' ' || kind as turn from journal",
  );
  expect(turns.rows.map(({ turn }) => turn)).toEqual(expect.arrayContaining(TURNS));
  const gaps = await admin.query(
    `select account_id, kind, actor_id from journal group by 1, 2, 3
      having count(*) <> max(revision) or count(distinct revision) <> count(*)`,
  );
  expect(gaps.rows).toEqual([]);
  expect((await admin.query('select * from parked')).rows).toEqual([]);
});

const sorted = (states: object) => Object.entries(states).sort(([a], [b]) => (a < b ? -1 : 1));
