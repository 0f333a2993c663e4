// What bots need of the control plane: what they still have to bring to whom, what their buttons mean, what people and
// chats chose, and one stream for all of it.
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { sql } from 'slonik';
import type { WebSocket } from 'ws';
import type {
  ActionView,
  DeliveryListView,
  DeliveryView,
} from '../../machines/contract/frontend-views.ts';
import { readOrigin, writeOrigin } from '../../machines/contract/frontend-views.ts';
import { SYSTEM_ACCOUNT } from '../../machines/contract/ids.ts';
import type { JobView, StreamFrame } from '../../machines/contract/views.ts';
import { startTestRuntime, until, type TestRuntime } from './testing.ts';

let runtime: TestRuntime;
let bot: string;
let botId: string;
let otherBot: string;
let discord: string;
let admin: string;
beforeAll(async () => {
  runtime = await startTestRuntime();
  await runtime.worker();
  const made = await runtime.key('frontend', SYSTEM_ACCOUNT, 'telegram');
  [bot, botId] = [made.key, made.id];
  otherBot = (await runtime.key('frontend', SYSTEM_ACCOUNT, 'telegram')).key;
  discord = (await runtime.key('frontend', SYSTEM_ACCOUNT, 'discord')).key;
  admin = (await runtime.key('admin', SYSTEM_ACCOUNT)).key;
});
afterAll(() => runtime.stop());

const as = (person: string | null) => (person === null ? {} : { 'tessera-user': person });
interface Call {
  readonly key?: string;
  readonly person?: string | null;
  readonly json?: unknown;
  readonly headers?: Record<string, string>;
}
const call = async <View>(
  method: 'GET' | 'POST' | 'PATCH' | 'PUT',
  url: string,
  { key = bot, person = null, json, headers = {} }: Call = {},
) => {
  const sent = { method, url, key, json, headers: { ...as(person), ...headers } };
  const answer = await runtime.call(sent);
  return { status: answer.statusCode, body: answer.json<View>() };
};
const order = async (person: string, more: Record<string, unknown> = {}, key = bot) =>
  (
    await call<JobView>('POST', '/v1/jobs', {
      ...{ key, person },
      json: { modality: 'image', prompt: 'a heron', ...more },
    })
  ).body;
const cancel = (person: string, id: string) =>
  call<JobView>('POST', `/v1/jobs/${id}/cancel`, { person });
const open = async (query = '', key = bot) =>
  (await call<DeliveryListView>('GET', `/v1/deliveries${query}`, { key })).body.data;

class Line {
  readonly frames: StreamFrame[] = [];
  readonly socket: WebSocket;
  constructor(socket: WebSocket) {
    this.socket = socket;
    socket.on('message', (data: Buffer) =>
      this.frames.push(JSON.parse(data.toString()) as StreamFrame),
    );
  }
  jobs() {
    return this.frames.filter((frame) => frame.type === 'job');
  }
  of(id: string) {
    return this.jobs().filter(({ job }) => job.id === id);
  }
}

async function watch(after = -1, headers: Record<string, string> = {}, key = bot): Promise<Line> {
  let line: Line | undefined;
  await runtime.dial(
    '/v1/stream',
    { authorization: `Bearer ${key}`, ...headers },
    { onInit: (socket) => (line = new Line(socket)) },
  );
  line!.socket.send(JSON.stringify({ subscribe: { after } }));
  await until(() => line!.frames.some(({ type }) => type === 'subscribed'));
  return line!;
}

describe('a delivery', () => {
  it('is there with the job, knows whom it is for, and is gone when it was brought', async () => {
    const origin = writeOrigin({ bot: 'telegram-image-1', chat: '-100777', message: '12' });
    const { id } = await order('telegram:501', { origin });
    const [found] = (await open('?bot=telegram-image-1')).filter(({ job }) => job.id === id);
    expect(found).toMatchObject({
      ...{ person: 'telegram:501', bot: 'telegram-image-1', chat: '-100777', state: 'open' },
      ...{ note: {}, job: { id, origin } },
    });
    expect(await open('?bot=telegram-image-2')).toEqual([]);
    const url = `/v1/deliveries/${id}`;
    const noted = await call<DeliveryView>('PATCH', url, { json: { note: { message: 13 } } });
    expect(noted.body.note).toEqual({ message: 13 });
    await call('PATCH', url, { json: { state: 'delivered' } });
    expect((await open()).map(({ job }) => job.id)).not.toContain(id);
    // A late word changes nothing of it.
    const late = await call<DeliveryView>('PATCH', url, { json: { state: 'dead', reason: 'x' } });
    expect(late.body).toMatchObject({ state: 'delivered', reason: null, note: { message: 13 } });
  });

  it('is one, however often the job is asked for', async () => {
    const headers = { 'idempotency-key': 'telegram-image-1:99' };
    const json = { modality: 'image', prompt: 'once', origin: 'telegram-image-1/9/1' };
    const ask = () => call<JobView>('POST', '/v1/jobs', { person: 'telegram:502', json, headers });
    const answers = await Promise.all(Array.from({ length: 10 }, ask));
    const [id, ...rest] = [...new Set(answers.map(({ body }) => body.id))];
    expect(rest).toEqual([]);
    expect((await open()).filter(({ job }) => job.id === id)).toHaveLength(1);
  });

  it('is not left behind by a job that was refused, nor by a person of their own', async () => {
    const before = (await open()).length;
    const json = { modality: 'image', prompt: 'x', model: 'none-such' };
    const answer = await call('POST', '/v1/jobs', { person: 'telegram:503', json });
    expect(answer.status).toBe(422);
    // The list leaves out what has no job; the table tells.
    const left = await runtime.host.pool.any(sql.unsafe`
      select 1 from deliveries where person = 'telegram:503'`);
    expect(left).toEqual([]);
    const own = await runtime.key('user', 'acc_own');
    await runtime.call({ url: '/v1/jobs', key: own.key, json: { ...json, model: undefined } });
    expect((await open()).length).toBe(before);
  });

  it('is nobody else’s', async () => {
    const { id } = await order('telegram:504');
    for (const key of [otherBot, discord]) {
      expect((await call('GET', `/v1/deliveries/${id}`, { key })).status).toBe(404);
      const json = { state: 'delivered' };
      expect((await call('PATCH', `/v1/deliveries/${id}`, { key, json })).status).toBe(404);
      expect((await call('GET', `/v1/deliveries/${id}/outputs/0`, { key })).status).toBe(404);
    }
    expect((await call<DeliveryView>('GET', `/v1/deliveries/${id}`)).body.state).toBe('open');
  });

  it('that is dead is shown to the operator, who has it tried again', async () => {
    const { id } = await order('telegram:505');
    const dead = { state: 'dead', reason: 'The person has blocked the bot.' };
    expect((await call('PATCH', `/v1/deliveries/${id}`, { json: { state: 'dead' } })).status).toBe(
      400,
    );
    await call('PATCH', `/v1/deliveries/${id}`, { json: dead });
    const list = async () =>
      (await call<DeliveryListView>('GET', '/v1/admin/deliveries', { key: admin })).body.data;
    expect((await list())[0]).toMatchObject({ ...dead, job: { id } });
    const retry = () => call('POST', `/v1/admin/deliveries/${id}/retry`, { key: admin, json: {} });
    expect((await retry()).status).toBe(202);
    expect((await retry()).status).toBe(404);
    expect((await open()).map(({ job }) => job.id)).toContain(id);
    expect((await list()).map(({ job }) => job.id)).not.toContain(id);
  });

  it('comes in pages, oldest first', async () => {
    const all = (await open('?limit=100')).map(({ job }) => job.id);
    expect(all.length).toBeGreaterThan(2);
    const paged: string[] = [];
    for (let cursor: string | null = ''; cursor !== null;) {
      const query: string = `?limit=2${cursor === '' ? '' : `&cursor=${cursor}`}`;
      const page: DeliveryListView = (await call<DeliveryListView>('GET', `/v1/deliveries${query}`))
        .body;
      paged.push(...page.data.map(({ job }) => job.id));
      cursor = page.next_cursor;
    }
    expect(paged).toEqual(all);
  });
});

describe('the stream of a frontend', () => {
  it('tells of everybody it asked for, and of nobody else', async () => {
    const [line, others] = [await watch(), await watch(-1, {}, otherBot)];
    const [ann, bob] = [await order('telegram:601'), await order('telegram:602')];
    const theirs = await order('telegram:601', {}, otherBot);
    await cancel('telegram:602', bob.id);
    await until(() => line.of(bob.id).at(-1)?.job.state === 'cancelled');
    expect(line.of(ann.id)).not.toEqual([]);
    expect(line.of(theirs.id)).toEqual([]);
    await until(() => others.of(theirs.id).length > 0);
    expect(others.of(ann.id)).toEqual([]);
    line.socket.close();
    others.socket.close();
  });

  it('goes on where it was', async () => {
    const line = await watch();
    const { id } = await order('telegram:603');
    await until(() => line.of(id).length > 0);
    const { seq } = line.of(id)[0]!;
    line.socket.terminate();
    await cancel('telegram:603', id);
    const again = await watch(seq);
    await until(() => again.of(id).at(-1)?.job.state === 'cancelled');
    expect(again.jobs().every((frame) => frame.seq > seq)).toBe(true);
    again.socket.close();
  });

  it('shows the progress of its own jobs, also of those from before it came', async () => {
    const { id } = await order('telegram:604');
    const accountId = (await call<{ id: string }>('GET', '/v1/account', { person: 'telegram:604' }))
      .body.id;
    const line = await watch();
    const progress = (job: string) => ({ type: 'progress' as const, job_id: job, fraction: 0.5 });
    await until(() => {
      runtime.host.live.ephemeral(accountId, progress('job_elsewhere'));
      runtime.host.live.ephemeral(accountId, progress(id));
      return line.frames.some(({ type }) => type === 'progress');
    });
    const told = line.frames.flatMap((frame) => (frame.type === 'progress' ? [frame.job_id] : []));
    expect(new Set(told)).toEqual(new Set([id]));
    await cancel('telegram:604', id);
    await until(() => line.of(id).at(-1)?.job.state === 'cancelled');
    const before = line.frames.length;
    runtime.host.live.ephemeral(accountId, progress(id));
    await order('telegram:605');
    await until(() => line.frames.length > before);
    expect(line.frames.slice(before).every(({ type }) => type !== 'progress')).toBe(true);
    line.socket.close();
  });

  it('by an acknowledgement of the end settles what was brought, and that alone', async () => {
    const line = await watch();
    const [one, two] = [await order('telegram:606'), await order('telegram:606')];
    await cancel('telegram:606', one.id);
    await cancel('telegram:606', two.id);
    await until(() => line.of(two.id).at(-1)?.job.state === 'cancelled');
    const stateOf = async (id: string) =>
      (await call<DeliveryView>('GET', `/v1/deliveries/${id}`)).body.state;
    // An event on the way is not the end.
    line.socket.send(JSON.stringify({ acknowledge: line.of(one.id)[0]!.seq }));
    line.socket.send(JSON.stringify({ acknowledge: line.of(two.id).at(-1)!.seq }));
    await expect.poll(() => stateOf(two.id)).toBe('delivered');
    expect(await stateOf(one.id)).toBe('open');
    line.socket.close();
  });

  it('with a name is that person’s, whoever asked', async () => {
    const line = await watch(-1, as('telegram:607'));
    const mine = await order('telegram:607', {}, otherBot);
    const theirs = await order('telegram:608');
    await until(() => line.of(mine.id).length > 0);
    expect(line.of(theirs.id)).toEqual([]);
    line.socket.close();
  });

  it('wakes for a frontend only when there is something, however much others do', async () => {
    const line = await watch();
    const own = await runtime.key('user', 'acc_busy');
    for (let n = 0; n < 5; n++)
      await runtime.call({
        url: '/v1/jobs',
        key: own.key,
        json: { modality: 'image', prompt: `${n}` },
      });
    const { id } = await order('telegram:609');
    await until(() => line.of(id).length > 0);
    expect(new Set(line.jobs().map(({ job }) => job.id))).toEqual(new Set([id]));
    line.socket.close();
  });
});

describe('a button', () => {
  it('means what it meant, for whoever presses it, and stays the same id', async () => {
    const meanings = [{ do: 'again', job: 'job_1' }, { do: 'cancel' }];
    const ask = async () =>
      (
        await call<{ data: { id: string }[] }>('POST', '/v1/actions', {
          ...{ person: 'telegram:701', json: { meanings } },
        })
      ).body.data.map(({ id }) => id);
    const ids = await ask();
    expect(await ask()).toEqual(ids);
    expect(ids.every((id) => id.length <= 64)).toBe(true);
    const look = async (person: string | null, key = bot) =>
      call<ActionView>('GET', `/v1/actions/${ids[0]}`, { person, key });
    expect((await look('telegram:701')).body).toMatchObject({ meaning: meanings[0], mine: true });
    expect((await look('telegram:702', otherBot)).body).toMatchObject({ mine: false });
    expect((await look(null)).body).toMatchObject({ mine: false });
    expect((await look('discord:701', discord)).status).toBe(404);
    expect((await call('GET', '/v1/actions/act_none')).status).toBe(404);
    const nobody = await call('POST', '/v1/actions', { json: { meanings } });
    expect(nobody.status).toBe(400);
  });
});

describe('what was chosen', () => {
  it('is kept for a person and for a chat, apart', async () => {
    const url = '/v1/account/preferences/telegram-image-1';
    const ask = (person: string) => call<{ value: unknown }>('GET', url, { person });
    expect((await ask('telegram:801')).body.value).toEqual({});
    const json = { value: { style: 'ink', count: 4 } };
    await call('PUT', url, { person: 'telegram:801', json });
    expect((await ask('telegram:801')).body.value).toEqual(json.value);
    expect((await ask('telegram:802')).body.value).toEqual({});
    const chat = '/v1/chats/-100123/preferences/limits';
    await call('PUT', chat, { json: { value: { perHour: 5 } } });
    expect((await call<{ value: unknown }>('GET', chat)).body.value).toEqual({ perHour: 5 });
    const abroad = await call<{ value: unknown }>('GET', chat, { key: discord });
    expect(abroad.body.value).toEqual({});
    const large = { value: { text: 'x'.repeat(5_000) } };
    expect((await call('PUT', chat, { json: large })).status).toBe(400);
  });
});

it('reads origins as it writes them, and no others', () => {
  const origin = { bot: 'telegram-image-1', chat: '-1001', message: '5/7' };
  expect(readOrigin(writeOrigin(origin))).toEqual(origin);
  for (const text of [null, '', 'web', 'https://x.org/a/b', 'a/b'])
    expect(readOrigin(text)).toBeNull();
  expect(botId).toMatch(/^key_telegram_/);
});
