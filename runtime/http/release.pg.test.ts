// A parked account is set going again: what was kept for it is applied, once and in order.
import pg from 'pg';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { insertBlob } from '../../db/queries/blobs.ts';
import { SYSTEM_ACCOUNT } from '../../machines/contract/ids.ts';
import type { JobView } from '../../machines/contract/views.ts';
import { PNG, startTestRuntime, until, type TestRuntime } from './testing.ts';

let runtime: TestRuntime;
let worker: Awaited<ReturnType<TestRuntime['worker']>>;
let client: pg.Client;
let user: string;
let admin: Awaited<ReturnType<TestRuntime['key']>>;

beforeEach(async () => {
  runtime = await startTestRuntime();
  worker = await runtime.worker();
  client = new pg.Client({ connectionString: runtime.url });
  await client.connect();
  user = (await runtime.key('user', 'acc_a')).key;
  admin = await runtime.key('admin', SYSTEM_ACCOUNT);
});
afterEach(async () => {
  await client.end();
  await runtime.stop();
});

const release = async (path = 'quota/acc_a') => {
  const url = `/v1/admin/actors/${path}/release`;
  return runtime.call({ method: 'POST', url, key: admin.key });
};
const rows = async (text: string): Promise<unknown[]> => (await client.query(text)).rows;
const account = async () =>
  (await runtime.call({ url: '/v1/account', key: user })).json<Record<string, number>>();

/** A job that ends while its account is parked, as a bug in the account's chart would have it. */
async function endWhileParked(): Promise<JobView> {
  const json = { modality: 'image', prompt: 'a heron' };
  const job = (await runtime.call({ url: '/v1/jobs', key: user, json })).json<JobView>();
  await until(() => worker.agent.of('run').some((run) => run.job === job.id));
  worker.agent.acknowledgeAll();
  await client.query(`update actors set parked_at = now() where kind = 'quota'`);
  runtime.core.residents.evict(['acc_a/quota/acc_a']);
  async function* bytes() {
    yield await Promise.resolve(PNG);
  }
  const stored = await runtime.blobs.put(bytes(), 100);
  await insertBlob(runtime.host.pool, 'acc_a', { ...stored, mediaType: 'image/png' });
  const output = { blob: stored.id, bytes: stored.bytes, mediaType: 'image/png', facts: {} };
  worker.agent.say({ type: 'finished', job: job.id, attempt: 1, outputs: [output], runMs: 1 });
  await until(() => worker.agent.of('settled').length > 0);
  return job;
}

describe('a parked actor', () => {
  it('goes on with what was kept for it, once', async () => {
    const job = await endWhileParked();
    expect(await account()).toMatchObject({ held_millitokens: 1000 });
    expect(await rows('select kind from parked')).toEqual([{ kind: 'quota' }]);

    const answer = await release();
    expect(answer.json()).toEqual({ object: 'release', applied: 1, stopped_by: null });
    expect(await account()).toMatchObject({
      held_millitokens: 0,
      available_millitokens: 19_000,
    });
    expect(await rows('select * from parked')).toEqual([]);
    expect(await rows('select parked_at from actors where parked_at is not null')).toEqual([]);
    const spent = `select amount_mt from ledger where book = 'system:spent' and job_id = '${job.id}'`;
    expect(await rows(spent)).toEqual([{ amount_mt: '1000' }]);
    expect(await rows(`select account_id, done_by, action from audit`)).toEqual([
      { account_id: 'acc_a', done_by: admin.id, action: 'actor.released' },
    ]);

    // Asked again, and for one that was never parked, there is nothing to do and nothing to note.
    expect((await release()).json()).toMatchObject({ applied: 0, stopped_by: null });
    expect((await release(`worker/${worker.id}`)).json()).toMatchObject({ applied: 0 });
    expect(await rows('select 1 from audit')).toHaveLength(1);
    expect((await account())['held_millitokens']).toBe(0);
  });

  it('is parked once more by what it still cannot apply; the rest stays in order', async () => {
    await endWhileParked();
    const poison = { type: 'hold.captureRequested', job: 'job_x', amountMt: 1, reason: '' };
    await client.query(
      `insert into parked (account_id, id, kind, actor_id, event, reason, at)
        values ('acc_a', 'first', 'quota', 'acc_a', $1, 'It broke.', now() - interval '1 hour')`,
      [JSON.stringify(poison)],
    );
    const stopped = (await release()).json<{ stopped_by: string }>();
    expect(stopped).toMatchObject({ applied: 0 });
    expect(stopped.stopped_by).toMatch('could not take hold.captureRequested');
    const kept = async () =>
      ((await rows(`select event from parked order by at, id`)) as { event: string }[]).map(
        ({ event }) => (JSON.parse(event) as { job: string }).job === 'job_x',
      );
    expect(await kept()).toEqual([true, false]);
    expect(await rows(`select 1 from actors where parked_at is not null`)).toHaveLength(1);
    expect(await account()).toMatchObject({ held_millitokens: 1000 });
  });

  it('that was interrupted half way goes on from there', async () => {
    await endWhileParked();
    // Released, and then the runtime died.
    await client.query('update actors set parked_at = null');
    expect((await release()).json()).toMatchObject({ applied: 1, stopped_by: null });
    expect(await account()).toMatchObject({ held_millitokens: 0 });
  });

  it('keeps the timer that could not go off: it goes off by itself', async () => {
    await endWhileParked();
    await client.query(`insert into parked (account_id, id, kind, actor_id, event, reason, at)
      values ('acc_a', 'timer', 'quota', 'acc_a', '{"type":"xstate.after.x"}', '', now())`);
    expect((await release()).json()).toMatchObject({ applied: 2, stopped_by: null });
  });

  it('must exist, and be ours to run', async () => {
    expect((await release('quota/acc_nobody')).statusCode).toBe(404);
    await endWhileParked();
    await client.query(`update actors set version = 99 where kind = 'quota'`);
    const answer = await release();
    expect([answer.statusCode, answer.headers['retry-after']]).toEqual([503, '2']);
    expect(await rows(`select 1 from actors where parked_at is not null`)).toHaveLength(1);
    expect(await rows('select 1 from audit')).toEqual([]);
  });
});
