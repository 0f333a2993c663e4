// Deadline, cancel, retry and release on the real store, by the real clock: each wait is for a commit,
// never for a guessed time.
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import pg from 'pg';
import { PostgresStore } from '../db/postgres-store.ts';
import { testDatabase, type TestDatabase } from '../db/testing.ts';
import type { JobSpec } from '../machines/contract/events.ts';
import { jobRef, quotaRef } from '../machines/contract/ids.ts';
import type { JobContext } from '../machines/job/context.ts';
import type { QuotaContext } from '../machines/quota/decisions.ts';
import { restore, stateName } from './actor.ts';
import { StoreClock, realIds } from './clock.ts';
import { makeCore, type Core } from './core.ts';
import { TestAgent, everyFileIsStored, spec, submit } from './testing.ts';
import { contextOf } from './views.ts';

let database: TestDatabase;
let store: PostgresStore;
let core: Core;
let account = 0;

beforeAll(async () => {
  database = await testDatabase();
  store = new PostgresStore({ url: database.url });
});
afterAll(async () => {
  await store.close();
  await database.drop();
});
afterEach(() => core.stop());

/** Called after every commit; tests wait for what they want to see by adding to it. */
const watchers = new Set<() => void>();

async function start(): Promise<void> {
  account += 1;
  core = makeCore({
    store,
    clock: new StoreClock(),
    ids: realIds,
    isStored: everyFileIsStored,
    runtimeId: 'runtime-1',
    version: 'test',
    log: () => undefined,
    observe: () => watchers.forEach((look) => look()),
  });
  await core.start();
}

const accountId = () => `acc_${account}`;
const ours = (id: string, change: Partial<JobSpec> = {}) =>
  spec(`${id}_${account}`, { accountId: accountId(), ...change });

async function jobOf({ id }: JobSpec) {
  const [row] = await store.load([jobRef(accountId(), id)]);
  const actor = restore(row!);
  return { state: stateName(actor.snapshot.value), ...contextOf<JobContext>(actor).run };
}

async function becomes(job: JobSpec, state: string): Promise<void> {
  await new Promise<void>((resolve, reject) => {
    const look = () =>
      void jobOf(job).then((now) => {
        if (now.state !== state) return;
        watchers.delete(look);
        resolve();
      }, reject);
    watchers.add(look);
    look();
  });
}

async function balance() {
  const [row] = await store.load([quotaRef(accountId())]);
  const { allowanceMt, heldMt } = contextOf<QuotaContext>(restore(row!)).balance;
  return { allowanceMt, heldMt };
}

const worker = (name: string, change: Parameters<TestAgent['hello']>[0] = {}) => {
  const agent = new TestAgent(core, `wrk_${name}_${account}`);
  agent.hello({ loaded: ['sketch'], ...change });
  return agent;
};

/** An agent that acknowledges and starts whatever it is told to run. */
const willing = (agent: TestAgent) => {
  const look = () => agent.acknowledgeAll();
  watchers.add(look);
  return agent;
};

const everythingBack = { allowanceMt: 20_000, heldMt: 0 };

describe('on the real store', () => {
  test('a job that nobody takes expires at its deadline and returns everything', async () => {
    await start();
    const job = ours('late', { deadlineMs: 300 });
    await submit(core, job);
    await becomes(job, 'expired');
    expect(await jobOf(job)).toMatchObject({ failure: { code: 'deadlineExceeded' }, chargedMt: 0 });
    expect(await balance()).toEqual(everythingBack);
  });

  test('a deadline ends a running job, and its worker is told to stop', async () => {
    await start();
    const agent = willing(worker('a'));
    const job = ours('running', { deadlineMs: 600 });
    await submit(core, job);
    await becomes(job, 'assigned.loadingModel');
    agent.say({ type: 'started', job: job.id, attempt: 1 });
    await becomes(job, 'expired');
    expect(agent.of('cancel')).toMatchObject([{ job: job.id, attempt: 1 }]);
    expect(await balance()).toEqual(everythingBack);
  });

  test('cancel while it waits', async () => {
    await start();
    const job = ours('waiting');
    await submit(core, job);
    await cancel(job);
    expect((await jobOf(job)).state).toBe('cancelled');
    expect(await balance()).toEqual(everythingBack);
  });

  test.each(['assigned.loadingModel', 'assigned.executing', 'backingOff'])(
    'cancel in %s',
    async (state) => {
      await start();
      const agent = willing(worker('a'));
      const job = ours('cancelled');
      await submit(core, job);
      await becomes(job, 'assigned.loadingModel');
      if (state === 'assigned.executing') agent.say({ type: 'started', job: job.id, attempt: 1 });
      if (state === 'backingOff')
        agent.say({ type: 'failed', job: job.id, attempt: 1, code: 'outOfMemory', message: '' });
      await becomes(job, state);
      await cancel(job);
      expect((await jobOf(job)).state).toBe('cancelled');
      expect(await balance()).toEqual(everythingBack);
      expect(agent.of('cancel')).toHaveLength(state === 'backingOff' ? 0 : 1);
    },
  );

  test('cancel of a job that ended changes nothing', async () => {
    await start();
    const agent = willing(worker('a'));
    const job = ours('ended');
    await submit(core, job);
    await becomes(job, 'assigned.loadingModel');
    agent.finish(job.id);
    await becomes(job, 'succeeded');
    await cancel(job);
    expect(await jobOf(job)).toMatchObject({ state: 'succeeded', chargedMt: 1000 });
    expect(await balance()).toEqual({ allowanceMt: 19_000, heldMt: 0 });
  });

  test('an attempt that failed is tried on another worker', async () => {
    await start();
    const first = willing(worker('a'));
    const job = ours('retried');
    await submit(core, job);
    await becomes(job, 'assigned.loadingModel');
    const second = willing(worker('b'));
    first.say({ type: 'failed', job: job.id, attempt: 1, code: 'engineCrashed', message: '' });
    await becomes(job, 'backingOff');
    await becomes(job, 'assigned.loadingModel');
    expect(second.of('run')).toMatchObject([{ job: job.id, attempt: 2 }]);
    second.finish(job.id, 2);
    await becomes(job, 'succeeded');
    expect(await balance()).toEqual({ allowanceMt: 19_000, heldMt: 0 });
  });

  test('after the last attempt everything is returned, and the ledger says so', async () => {
    await start();
    const agent = willing(worker('a'));
    const job = ours('hopeless');
    await submit(core, job);
    for (const attempt of [1, 2, 3]) {
      await becomes(job, 'assigned.loadingModel');
      const code = 'outOfMemory';
      agent.say({ type: 'failed', job: job.id, attempt, code, message: 'no room' });
      await becomes(job, attempt === 3 ? 'failed' : 'backingOff');
    }
    expect(await balance()).toEqual(everythingBack);
    expect(await ledgerOf(accountId())).toEqual([
      ['Tokens for', 20_000, 0],
      ['Held for an image', -1000, 1000],
      ['Returned: the job failed', 1000, -1000],
    ]);
  });

  test('a second runtime takes over what the first left: nothing is lost, nothing is done twice', async () => {
    await start();
    const agent = willing(worker('a'));
    const job = ours('carried');
    await submit(core, job);
    await becomes(job, 'assigned.loadingModel');
    await core.stop();
    account -= 1;
    await start();
    const back = willing(worker('a', { attempts: [{ job: job.id, attempt: 1 }] }));
    back.finish(job.id);
    await becomes(job, 'succeeded');
    expect(agent.of('run')).toHaveLength(1);
    expect(back.of('run')).toEqual([]);
    expect(await balance()).toEqual({ allowanceMt: 19_000, heldMt: 0 });
  });
});

const cancel = ({ id }: JobSpec) =>
  core.turns.post(jobRef(accountId(), id), { type: 'job.cancelRequested' });

/** Per posting: its reason, and the change of what is spendable and of what is held. */
async function ledgerOf(id: string) {
  const client = new pg.Client({ connectionString: database.url });
  await client.connect();
  const { rows } = await client.query<{ reason: string; available: number; held: number }>(
    `select min(reason) as reason,
       coalesce(sum(amount_mt) filter (where book in ('allowance', 'topUp')), 0)::int as available,
       coalesce(sum(amount_mt) filter (where book = 'held'), 0)::int as held
     from ledger where account_id = $1 group by posting order by posting`,
    [id],
  );
  await client.end();
  return rows.map(({ reason, available, held }) => [
    reason.startsWith('Tokens for') ? 'Tokens for' : reason,
    available,
    held,
  ]);
}
