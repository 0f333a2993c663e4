// One job as server-sent events, read as a browser would read them.
import { afterAll, beforeAll, beforeEach, expect, it } from 'vitest';
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
afterAll(async () => {
  // Of so many at once the client has a connection to spare, on which it never asked anything.
  runtime.app.server.closeAllConnections();
  await runtime.stop();
});

let people = 0;
let key: string;
beforeEach(async () => ({ key } = await runtime.key('user', `acc_${++people}`)));

interface Told {
  readonly id: string | undefined;
  readonly event: string;
  readonly data: unknown;
}

/** Reads on until the server ends the stream, or the test does. */
async function follow(job: string, headers: Record<string, string> = {}) {
  const gone = new AbortController();
  const response = await fetch(`${url}/v1/jobs/${job}/events`, {
    headers: { authorization: `Bearer ${key}`, ...headers },
    signal: gone.signal,
  });
  const told: Told[] = [];
  const read = async () => {
    let rest = '';
    for await (const chunk of response.body!.pipeThrough(new TextDecoderStream())) {
      const blocks = (rest + chunk).split('\n\n');
      rest = blocks.pop()!;
      for (const block of blocks) {
        const field = (name: string) => new RegExp(`^${name}: (.*)$`, 'm').exec(block)?.[1];
        const [event, data] = [field('event'), field('data')];
        if (event && data) told.push({ id: field('id'), event, data: JSON.parse(data) as unknown });
      }
    }
  };
  const ended = response.status === 200 ? read().catch(() => undefined) : Promise.resolve();
  return { response, told, ended, hangUp: () => gone.abort() };
}

const states = (told: readonly Told[]) =>
  told.filter(({ event }) => event === 'job').map(({ data }) => (data as JobView).state);

/** Begun by the worker. */
async function begun(): Promise<string> {
  const json = { modality: 'image', prompt: 'a heron at dawn' };
  const { id } = (await runtime.call({ url: '/v1/jobs', key, json })).json<JobView>();
  await until(() => worker.agent.of('run').some(({ job }) => job === id));
  worker.agent.acknowledgeAll();
  worker.agent.say({ type: 'started', job: id, attempt: 1 });
  return id;
}
const fail = (job: string) =>
  worker.agent.say({ type: 'failed', job, attempt: 1, code: 'invalidInput', message: 'No.' });
const watched = () => [...runtime.host.live.watchedAccounts].includes(`acc_${people}`);

it('shows the job, what changes and what comes on the way, and ends with it', async () => {
  const job = await begun();
  const other = await begun();
  const { response, told, ended } = await follow(job);
  expect(response.headers.get('content-type')).toBe('text/event-stream; charset=utf-8');
  await until(() => told.length > 0);
  worker.agent.say({ type: 'text', job: other, attempt: 1, index: 0, text: 'not this' });
  worker.agent.say({ type: 'text', job, attempt: 1, index: 0, text: 'Once' });
  await until(() => told.some(({ event }) => event === 'text'));
  fail(other);
  fail(job);
  await ended;
  expect(states(told)[0]).toBe('running');
  expect(states(told).at(-1)).toBe('failed');
  expect(told.filter(({ event }) => event === 'text')).toEqual([
    { id: undefined, event: 'text', data: { index: 0, text: 'Once' } },
  ]);
  const ids = told.flatMap(({ id }) => (id === undefined ? [] : [Number(id)]));
  expect(ids).toEqual([...new Set(ids)].sort((a, b) => a - b));
  expect(watched()).toBe(false);
});

it('goes on after the last event that was read', async () => {
  const job = await begun();
  const first = await follow(job);
  await until(() => first.told.length > 0);
  const { id } = first.told.findLast((each) => each.id !== undefined)!;
  first.hangUp();
  await until(() => !watched());
  fail(job);
  const second = await follow(job, { 'last-event-id': id! });
  await second.ended;
  expect(states(second.told).at(-1)).toBe('failed');
  expect(second.told.every((each) => Number(each.id) > Number(id))).toBe(true);
  const last = second.told.at(-1)!.id!;
  const third = await follow(job, { 'last-event-id': last });
  expect(third.response.status).toBe(204);
});

it.each(['soon', '-1', '999999999999999', ''])(
  'begins anew after an id that is not ours: %j',
  async (last) => {
    const job = await begun();
    fail(job);
    const { told, ended } = await follow(job, { 'last-event-id': last });
    await ended;
    expect(states(told).at(-1)).toBe('failed');
  },
);

it('leaves the job alone when the reader hangs up', async () => {
  const job = await begun();
  const { told, hangUp } = await follow(job);
  await until(() => told.length > 0);
  hangUp();
  await until(() => !watched());
  const look = await runtime.call({ url: `/v1/jobs/${job}`, key });
  expect(look.json()).toMatchObject({ finished_at: null });
});

it('is a problem document for a job of somebody else', async () => {
  const job = await begun();
  ({ key } = await runtime.key('user', `acc_${++people}`));
  const { response } = await follow(job);
  expect([response.status, response.headers.get('content-type')]).toEqual([
    404,
    'application/problem+json; charset=utf-8',
  ]);
  expect(watched()).toBe(false);
});

it('is open 32 times for one account', async () => {
  const job = await begun();
  const lines = await Promise.all(Array.from({ length: 32 }, () => follow(job)));
  const { response } = await follow(job);
  expect([response.status, response.headers.get('retry-after')]).toEqual([503, '2']);
  await response.arrayBuffer();
  for (const line of lines) line.hangUp();
  await until(() => !watched());
});
