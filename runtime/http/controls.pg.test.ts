// The operator's hand on the queue: what is paused waits and says so, what is moved goes first, what is pinned
// stays; and all of it is written down.
import pg from 'pg';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { SYSTEM_ACCOUNT } from '../../machines/contract/ids.ts';
import type {
  AdminWorkerListView,
  AdminWorkerView,
  QueueView,
} from '../../machines/contract/admin-views.ts';
import type { JobView } from '../../machines/contract/views.ts';
import { offer } from '../testing.ts';
import { startTestRuntime, until, type TestRuntime } from './testing.ts';

const GB = 1024 ** 3;
const card = { name: 'card', vramBytes: 16 * GB };
const models = [
  offer('sketch', { vramBytes: 6 * GB }),
  offer('paint', { vramBytes: 6 * GB }),
  offer('film', { vramBytes: 12 * GB }),
];

let runtime: TestRuntime;
let worker: Awaited<ReturnType<TestRuntime['worker']>>;
let user: string;
let admin: Awaited<ReturnType<TestRuntime['key']>>;

beforeEach(async () => {
  runtime = await startTestRuntime();
  worker = await runtime.worker({ gpu: card, models, loaded: ['sketch'] });
  user = (await runtime.key('user', 'acc_a')).key;
  admin = await runtime.key('admin', SYSTEM_ACCOUNT);
});
afterEach(() => runtime.stop());

const post = (path: string, json: object = {}) =>
  runtime.call({ url: `/v1/admin/${path}`, key: admin.key, json });
const queue = async () =>
  (await runtime.call({ url: '/v1/admin/queue', key: admin.key })).json<QueueView>();
const ask = async (model = 'sketch'): Promise<JobView> =>
  (
    await runtime.call({
      url: '/v1/jobs',
      key: user,
      json: { modality: 'image', prompt: 'a heron', model },
    })
  ).json<JobView>();
const look = async ({ id }: JobView) =>
  (await runtime.call({ url: `/v1/jobs/${id}`, key: user })).json<JobView>();
const ordered = () => worker.agent.of('run').map(({ job }) => job);
/** As often as has been asked for; the other way it waits for ever. */
const orderedIs = (...jobs: JobView[]) =>
  until(() => ordered().join() === jobs.map(({ id }) => id).join());
const finish = (job: JobView) => {
  worker.agent.acknowledgeAll();
  worker.agent.say({ type: 'loaded', model: job.model, loadMs: 1, vramBytes: 1 });
  worker.agent.say({
    ...{ type: 'failed', job: job.id, attempt: 1, code: 'unsupported', message: '' },
  });
};
async function audited(): Promise<unknown[]> {
  const client = new pg.Client({ connectionString: runtime.url });
  await client.connect();
  const { rows } = await client.query<{ done_by: string; action: string; details: string }>(
    `select done_by, action, details from audit order by position`,
  );
  await client.end();
  return rows.map(({ done_by, action, details }) => [done_by, action, JSON.parse(details)]);
}

describe('a pause', () => {
  it.each([
    [{}, { scope: 'queue', name: null }],
    [{ model: 'sketch' }, { scope: 'model', name: 'sketch' }],
    [{ plan: 'free' }, { scope: 'plan', name: 'free' }],
  ])('of %j holds up what waits, says so, and ends', async (target, shown) => {
    expect((await post('queue/pause', target)).json()).toMatchObject({ pauses: [shown] });
    const job = await ask();
    expect(job).toMatchObject({ state: 'queued', eta: { reason: 'paused by the operator' } });
    expect((await look(job)).eta?.reason).toBe('paused by the operator');
    expect((await queue()).waiting).toEqual([{ model: 'sketch', plan: 'free', jobs: 1 }]);
    expect(ordered()).toEqual([]);

    expect((await post('queue/resume', target)).json()).toMatchObject({ pauses: [] });
    await orderedIs(job);
  });

  it('of a worker holds up that one only', async () => {
    await post('queue/pause', { worker: worker.id });
    const job = await ask();
    expect(job.eta?.reason).toBe('paused by the operator');
    const other = await runtime.worker({ epoch: 'other', gpu: card, models, loaded: ['sketch'] });
    await until(() => other.agent.of('run').length === 1);
    expect(other.agent.of('run')[0]!.job).toBe(job.id);
    expect(ordered()).toEqual([]);
  });

  it('of a model leaves the others alone, and what runs goes on', async () => {
    const running = await ask();
    await orderedIs(running);
    await post('queue/pause', { model: 'sketch' });
    const [held, free] = [await ask(), await ask('paint')];
    expect(free.eta?.reason).not.toBe('paused by the operator');
    finish(running);
    await orderedIs(running, free);
    expect((await look(running)).state).toBe('failed');
    expect((await look(held)).state).toBe('queued');
  });

  it('is seen by a runtime that starts, before it gives anything away', async () => {
    await post('queue/pause');
    await runtime.core.pauses.stop();
    const job = await ask();
    await runtime.core.pauses.start();
    expect(runtime.core.pauses.isEverything).toBe(true);
    expect((await look(job)).state).toBe('queued');
    expect(ordered()).toEqual([]);
  });

  it('can be asked for twice, and is written down once, with who did it', async () => {
    for (const path of ['pause', 'pause', 'resume', 'resume'])
      expect((await post(`queue/${path}`, { plan: 'pro' })).statusCode).toBe(200);
    const details = { scope: 'plan', name: 'pro' };
    expect(await audited()).toEqual([
      [admin.id, 'queue.paused', details],
      [admin.id, 'queue.resumed', details],
    ]);
  });

  it('of what is not there is refused', async () => {
    expect((await post('queue/pause', { model: 'skech' })).json()).toMatchObject({
      code: 'not_found',
      detail: 'No worker has offered a model called skech.',
    });
    expect((await post('queue/pause', { worker: 'wrk_none' })).statusCode).toBe(404);
    expect((await post('queue/pause', { plan: 'gold' })).statusCode).toBe(400);
    expect((await post('queue/pause', { plan: 'pro', model: 'sketch' })).statusCode).toBe(400);
  });
});

describe('a place in the line', () => {
  const move = ({ id }: JobView, to: string) => post(`jobs/${id}/move`, { to });

  it('in front goes first, behind goes last, and its own is as before', async () => {
    await post('queue/pause');
    const [first, second, third] = [await ask(), await ask(), await ask()];
    expect((await move(third, 'front')).json()).toEqual({
      ...{ object: 'move', job: third.id, to: 'front' },
    });
    await move(first, 'back');
    await post('queue/resume');
    await orderedIs(third);
    finish(third);
    await orderedIs(third, second);
    finish(second);
    await orderedIs(third, second, first);
    expect((await audited()).filter((row) => (row as string[])[1] === 'job.moveRequested')).toEqual(
      [
        [admin.id, 'job.moveRequested', { account: 'acc_a', job: third.id, to: 'front' }],
        [admin.id, 'job.moveRequested', { account: 'acc_a', job: first.id, to: 'back' }],
      ],
    );
  });

  it('is for jobs that wait', async () => {
    const job = await ask();
    await orderedIs(job);
    expect((await move(job, 'front')).json()).toMatchObject({ status: 409, code: 'not_waiting' });
    expect((await move({ ...job, id: 'job_none' }, 'front')).statusCode).toBe(404);
    expect((await move(job, 'top')).statusCode).toBe(400);
  });
});

describe('a worker', () => {
  const wish = (path: string, json: object = {}) => post(`workers/${worker.id}/${path}`, json);

  it('is drained with work under way, and works again', async () => {
    const running = await ask();
    await orderedIs(running);
    expect((await wish('drain')).json<AdminWorkerView>()).toMatchObject({ state: 'draining' });
    expect(worker.agent.of('drain')).toHaveLength(1);
    const waiting = await ask();
    expect(waiting.eta?.reason).toBe('the operator is draining its worker');
    finish(running);
    await until(() => worker.agent.of('settled').length === 1);
    expect((await look(waiting)).state).toBe('queued');
    expect((await wish('resume')).json<AdminWorkerView>()).toMatchObject({ state: 'idle' });
    await orderedIs(running, waiting);
    const wishes = (await audited()).map((row) => (row as unknown[])[1]);
    expect(wishes).toEqual(['worker.drainRequested', 'worker.resumeRequested']);
  });

  it('keeps what is pinned, and is not given what does not fit beside it', async () => {
    const view = (await wish('pin', { model: 'sketch' })).json<AdminWorkerView>();
    expect(view).toMatchObject({ id: worker.id, pinned: ['sketch'], models: expect.any(Array) });
    expect(worker.agent.of('pin')).toMatchObject([{ models: ['sketch'] }]);
    const [film, paint] = [await ask('film'), await ask('paint')];
    await orderedIs(paint);
    expect((await look(film)).state).toBe('queued');
    await wish('unpin', { model: 'sketch' });
    expect(worker.agent.of('pin').at(-1)).toMatchObject({ models: [] });
    finish(paint);
    await orderedIs(paint, film);
  });

  it('cannot keep more than its card holds, nor what it has not', async () => {
    await wish('pin', { model: 'sketch' });
    expect((await wish('pin', { model: 'film' })).json()).toMatchObject({
      code: 'impossible',
      detail: 'film does not fit beside what is pinned already: sketch. Unpin it first.',
    });
    expect((await wish('pin', { model: 'opera' })).statusCode).toBe(404);
    expect((await post('workers/wrk_none/drain')).statusCode).toBe(404);
  });

  it('is listed with what it has', async () => {
    const list = await runtime.call({ url: '/v1/admin/workers', key: admin.key });
    expect(list.json()).toMatchObject({
      data: [{ id: worker.id, connected: true, paused: false, loaded: ['sketch'], pinned: [] }],
    });
  });

  it('is listed with what its models take there, declared or seen', async () => {
    const times = async () => {
      const list = await runtime.call({ url: '/v1/admin/workers', key: admin.key });
      return list.json<AdminWorkerListView>().data[0]?.times.find(({ model }) => model === 'film');
    };
    const declared = { run_ms: { median: 1000 }, runs_seen: 0 };
    expect(await times()).toMatchObject({ ...declared, load_ms: { median: 500 }, loads_seen: 0 });
    for (const loadMs of [9_000, 9_100, 8_900]) {
      worker.agent.say({ type: 'loaded', model: 'film', loadMs, vramBytes: 1 });
      worker.agent.say({ type: 'unloaded', model: 'film' });
    }
    await until(() => runtime.host.times.seen(worker.id, 'film').loads === 3);
    expect(await times()).toMatchObject({ ...declared, loads_seen: 3 });
    expect((await times())?.load_ms.median).toBeGreaterThan(8_800);
  });
});
