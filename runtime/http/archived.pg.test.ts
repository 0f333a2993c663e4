// What people can still do with a job that ended long ago, when it has left the hot table.
import { sql } from 'slonik';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { z } from 'zod';
import type { JobView } from '../../machines/contract/views.ts';
import { jobRef, SYSTEM_ACCOUNT } from '../../machines/contract/ids.ts';
import { Housekeeping } from '../housekeeping.ts';
import { blobIdOf, PNG, startTestRuntime, until, type TestRuntime } from './testing.ts';

let runtime: TestRuntime;
let worker: Awaited<ReturnType<TestRuntime['worker']>>;
let key: string;
let job: JobView;

const wish = { modality: 'image', prompt: 'A heron, at dawn' };
const submit = (json: object) =>
  runtime.call({ url: '/v1/jobs', key, json, headers: { 'idempotency-key': 'first' } });
const get = (url: string) => runtime.call({ url, key });

beforeAll(async () => {
  runtime = await startTestRuntime();
  worker = await runtime.worker();
  key = (await runtime.key('user', 'acc_a')).key;
  job = (await submit(wish)).json<JobView>();
  await until(() => worker.agent.of('run').some((run) => run.job === job.id));
  worker.agent.acknowledgeAll();
  const [id, bytes] = [blobIdOf(PNG), PNG.byteLength];
  await runtime.call({
    method: 'PUT',
    url: `/v1/workers/jobs/${job.id}/attempts/1/blobs/${id}`,
    key: worker.key,
    payload: PNG,
    headers: {
      'content-type': 'application/octet-stream',
      'upload-offset': '0',
      'upload-length': String(bytes),
    },
  });
  const outputs = [{ blob: id, bytes, mediaType: 'image/png', facts: {} }];
  worker.agent.say({ type: 'finished', job: job.id, attempt: 1, outputs, runMs: 10 });
  await until(() => worker.agent.of('settled').length > 0);
  job = (await get(`/v1/jobs/${job.id}`)).json<JobView>();
  expect(job.state).toBe('succeeded');

  const { pool, clock } = runtime.host;
  const housekeeping = new Housekeeping({
    ...{ pool, blobs: runtime.blobs, clock, retention: { jobsMs: 0, graceMs: 0 } },
    log: (line) => expect.fail(line),
    count: () => undefined,
  });
  for (let sweep = 0; sweep < 2; sweep += 1) await housekeeping.runOnce();
  // As another runtime would meet it, which never had it in memory.
  runtime.core.residents.evict([`acc_a/job/${job.id}`]);
});
afterAll(() => runtime.stop());

describe('an archived job', () => {
  it('is shown and listed as it ended, with its receipts', async () => {
    expect((await get(`/v1/jobs/${job.id}`)).json()).toEqual(job);
    expect((await get('/v1/jobs')).json()).toMatchObject({ data: [job], next_cursor: null });
    const ledger = await get('/v1/account/ledger');
    expect(ledger.json<{ data: { job_id: string }[] }>().data.map((line) => line.job_id)).toContain(
      job.id,
    );
  });

  it('still has its output', async () => {
    const answer = await get(job.outputs[0]!.url);
    expect([answer.statusCode, answer.rawPayload.equals(PNG)]).toEqual([200, true]);
  });

  it('is not made anew under its key, and no other job is', async () => {
    const again = await submit(wish);
    expect([again.statusCode, again.headers['idempotent-replayed']]).toEqual([202, 'true']);
    expect(again.json()).toEqual(job);
    const other = await submit({ ...wish, prompt: 'A hen' });
    expect([other.statusCode, other.json<{ code: string }>().code]).toEqual([
      409,
      'idempotency_conflict',
    ]);
    const { available_millitokens } = (await get('/v1/account')).json<{
      available_millitokens: number;
    }>();
    expect(available_millitokens).toBe(20_000 - job.cost.millitokens);
  });

  it('tells its story when the journal has dropped it', async () => {
    const admin = await runtime.key('admin', SYSTEM_ACCOUNT);
    const story = () =>
      runtime.call({
        url: `/v1/admin/actors/job/${job.id}/journal?account=acc_a`,
        key: admin.key,
      });
    const before = (await story()).json<{ data: { revision: number; to: string }[] }>();
    await runtime.host.pool.query(sql.type(z.object({}))`
      alter table journal detach partition journal_default`);
    expect((await story()).json()).toEqual(before);
    await runtime.host.pool.query(sql.type(z.object({}))`
      alter table journal attach partition journal_default default`);
    expect(before.data.map(({ revision }) => revision)).toEqual(before.data.map((_, n) => n + 1));
    expect(before.data.at(-1)).toMatchObject({ to: 'succeeded' });
  });

  it('stays as it ended, whoever comes late', async () => {
    const cancelled = await runtime.call({ method: 'POST', url: `/v1/jobs/${job.id}/cancel`, key });
    expect([cancelled.statusCode, cancelled.json()]).toEqual([200, job]);
    const ref = jobRef('acc_a', job.id);
    const late = await runtime.core.turns.post(
      ref,
      { type: 'timer.fired' },
      { timer: { name: 'xstate.after.deadline.job', armingId: 1 } },
    );
    expect(late).toMatchObject({ ok: true, changed: false });
    // An agent that missed the answer says it once more.
    worker.agent.heard.length = 0;
    const outputs = [{ blob: blobIdOf(PNG), bytes: 1, mediaType: 'image/png', facts: {} }];
    worker.agent.say({ type: 'finished', job: job.id, attempt: 1, outputs, runMs: 10 });
    await until(() => worker.agent.of('settled').some((settled) => settled.job === job.id));
    expect((await get(`/v1/jobs/${job.id}`)).json()).toEqual(job);
  });
});
