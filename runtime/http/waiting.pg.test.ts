// `Prefer: wait`: the ended job in one call, and nothing lost when it takes too long or nobody waits any more.
import { afterAll, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import type { JobView } from '../../machines/contract/views.ts';
import { startTestRuntime, until, type TestRuntime } from './testing.ts';

let runtime: TestRuntime;
let worker: Awaited<ReturnType<TestRuntime['worker']>>;
let url: string;
beforeAll(async () => {
  runtime = await startTestRuntime();
  url = await runtime.app.listen({ host: '127.0.0.1', port: 0 });
  worker = await runtime.worker({ slots: 32 });
});
afterAll(() => runtime.stop());

let people = 0;
/** What the worker was told to run by earlier tests. */
let before: number;
let key: string;
beforeEach(async () => {
  before = worker.agent.of('run').length;
  ({ key } = await runtime.key('user', `acc_${++people}`));
});

const picture = { modality: 'image', prompt: 'a heron at dawn' };
const make = (seconds: number, headers = {}) =>
  runtime.call({
    ...{ url: '/v1/jobs', key, json: picture },
    headers: { prefer: `wait=${seconds}`, ...headers },
  });
const look = (id: string, seconds: number) =>
  runtime.call({ url: `/v1/jobs/${id}`, key, headers: { prefer: `wait=${seconds}` } });
/** Resolves when the worker was told to run the test's job. */
const told = async () => {
  await until(() => worker.agent.of('run').length > before);
  return worker.agent.of('run')[before]!;
};
const finish = (job: string) => {
  worker.agent.acknowledgeAll();
  worker.agent.say({ type: 'started', job, attempt: 1 });
  worker.agent.say({
    type: 'failed',
    job,
    attempt: 1,
    code: 'invalidInput',
    message: 'No.',
  });
};
const watched = () => [...runtime.host.live.watchedAccounts].includes(`acc_${people}`);
/** The wait of a call comes to its end when the test says so. */
const overAt = (seconds: number) => {
  const { sleep } = runtime.clock;
  const { promise, resolve } = Promise.withResolvers<void>();
  const spy = vi
    .spyOn(runtime.clock, 'sleep')
    .mockImplementation((ms, signal) =>
      ms === seconds * 1000 ? promise : sleep.call(runtime.clock, ms, signal),
    );
  return () => {
    resolve();
    spy.mockRestore();
  };
};

describe('making a job and waiting for it', () => {
  it('answers with the ended job', async () => {
    const answer = make(60);
    finish((await told()).job);
    const { statusCode, headers, ...rest } = await answer;
    const job = rest.json<JobView>();
    expect(statusCode).toBe(200);
    expect(headers['preference-applied']).toBe('wait=60');
    expect(job).toMatchObject({ state: 'failed' });
    expect(headers['location']).toBe(`/v1/jobs/${job.id}`);
    expect(watched()).toBe(false);
  });

  it('answers with the job as it is when the time is over', async () => {
    const end = overAt(17);
    const answer = make(17);
    const { job } = await told();
    end();
    const open = await answer;
    expect([open.statusCode, open.headers['preference-applied']]).toEqual([202, 'wait=17']);
    expect(open.json()).toMatchObject({ id: job, finished_at: null });
    expect(watched()).toBe(false);
  });

  it('does not wait when nobody asked for it, and says nothing of it', async () => {
    const answer = await make(0, { prefer: 'respond-async' });
    expect([answer.statusCode, answer.headers['preference-applied']]).toEqual([202, undefined]);
  });

  it('leaves the job alone when the caller hangs up', async () => {
    const gone = new AbortController();
    const call = fetch(`${url}/v1/jobs`, {
      ...{ method: 'POST', body: JSON.stringify(picture), signal: gone.signal },
      headers: {
        authorization: `Bearer ${key}`,
        'content-type': 'application/json',
        prefer: 'wait=60',
      },
    }).catch((error: Error) => error.name);
    const { job } = await told();
    expect(watched()).toBe(true);
    gone.abort();
    expect(await call).toBe('AbortError');
    await until(() => !watched());
    expect((await look(job, 0)).json()).toMatchObject({ id: job, finished_at: null });
  });

  it('gives the same key the ended job at once', async () => {
    const headers = { 'idempotency-key': 'one' };
    const first = make(60, headers);
    finish((await told()).job);
    await first;
    const again = await make(60, headers);
    expect([again.statusCode, again.headers['idempotent-replayed']]).toEqual([200, 'true']);
  });
});

describe('looking at a job and waiting for it', () => {
  it('answers when it has ended', async () => {
    const { id } = (await make(0)).json<JobView>();
    const answer = look(id, 60);
    await until(watched);
    finish((await told()).job);
    expect((await answer).statusCode).toBe(200);
    expect((await answer).json()).toMatchObject({ id, state: 'failed' });
  });

  it('is refused for a job of somebody else, at once', async () => {
    const { id } = (await make(0)).json<JobView>();
    ({ key } = await runtime.key('user', `acc_${++people}`));
    expect((await look(id, 60)).statusCode).toBe(404);
    expect(watched()).toBe(false);
  });

  it('of one account is held open fifty times; the next is answered at once', async () => {
    const { id } = (await make(0)).json<JobView>();
    const held = Array.from({ length: 50 }, () => look(id, 60));
    await until(watched);
    const one = await look(id, 60);
    expect([one.statusCode, one.headers['preference-applied']]).toEqual([200, undefined]);
    finish((await told()).job);
    for (const answer of await Promise.all(held))
      expect(answer.json()).toMatchObject({ state: 'failed' });
  });
});

describe('several jobs at once', () => {
  const list = (ids: readonly string[], query = '') =>
    runtime.call({ url: `/v1/jobs?ids=${ids.join(',')}${query}`, key });

  it('come in the order asked for, each once, without those of others', async () => {
    const [first, second] = [(await make(0)).json<JobView>(), (await make(0)).json<JobView>()];
    const mine = key;
    ({ key } = await runtime.key('user', `acc_${++people}`));
    const { id: foreign } = (await make(0)).json<JobView>();
    key = mine;
    const none = `job_${'0'.repeat(26)}`;
    const answer = await list([second.id, foreign, none, first.id, second.id]);
    expect(answer.json()).toMatchObject({ object: 'list', next_cursor: null });
    const ids = answer.json<{ data: JobView[] }>().data.map(({ id }) => id);
    expect(ids).toEqual([second.id, first.id]);
  });

  it('are a hundred at most', async () => {
    const id = (n: number) => `job_${String(n).padStart(26, '0')}`;
    const ids = Array.from({ length: 101 }, (_, n) => id(n));
    expect((await list(ids.slice(1))).json()).toMatchObject({ data: [] });
    expect((await list(ids)).statusCode).toBe(400);
    expect((await list(['x'])).statusCode).toBe(400);
    expect((await list([])).statusCode).toBe(400);
  });
});
