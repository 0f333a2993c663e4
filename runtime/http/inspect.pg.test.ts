// The operator's view of an actor, and the inspector's socket, end to end on the real store.
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { WebSocket } from 'ws';
import { archiveEnded, removeArchived } from '../../db/queries/archive.ts';
import { SYSTEM_ACCOUNT } from '../../machines/contract/ids.ts';
import type { JobView } from '../../machines/contract/views.ts';
import type { InspectionFrame } from '../inspector/frames.ts';
import { startTestRuntime, until, type TestRuntime } from './testing.ts';

let runtime: TestRuntime;
let admin: string;
let user: string;
let worker: Awaited<ReturnType<TestRuntime['worker']>>;
beforeAll(async () => {
  runtime = await startTestRuntime();
  admin = (await runtime.key('admin', SYSTEM_ACCOUNT)).key;
  user = (await runtime.key('user')).key;
  worker = await runtime.worker();
});
afterAll(() => runtime.stop());

interface ActorView {
  readonly revision: number;
  readonly state: string;
  readonly context: object;
  readonly tags: readonly string[];
  readonly timers: readonly { readonly name: string; readonly due_at: string }[];
  readonly links: readonly object[];
}
interface JournalView {
  readonly data: readonly { readonly revision: number; readonly event: { type: string } }[];
  readonly next_after: number | null;
}

const look = async <T>(path: string): Promise<T> => {
  const answer = await runtime.call({ url: `/v1/admin/actors/${path}`, key: admin });
  expect([path, answer.statusCode]).toEqual([path, 200]);
  return answer.json<T>();
};
const make = async () => {
  const json = { modality: 'image', prompt: 'a lighthouse' };
  return (await runtime.call({ url: '/v1/jobs', key: user, json })).json<JobView>().id;
};
const cancel = (id: string) =>
  runtime.call({ method: 'POST', url: `/v1/jobs/${id}/cancel`, key: user });

describe('an actor', () => {
  it('is shown with its timers and what it has to do with', async () => {
    const id = await make();
    await until(() => worker.agent.heard.some((frame) => 'id' in frame));
    const job = await look<ActorView>(`job/${id}?account=acc_a`);
    expect(job).toMatchObject({
      ...{ object: 'actor', account: 'acc_a', kind: 'job', id, machine: 'job', status: 'active' },
      chart: expect.stringMatching(/^job@\d+$/),
      value: { assigned: 'loadingModel' },
      context: { spec: { prompt: 'a lighthouse' } },
      ...{ parked: false, parked_events: [] },
      links: [
        { why: 'pays', account: 'acc_a', kind: 'quota', id: 'acc_a' },
        { why: 'runs it', account: SYSTEM_ACCOUNT, kind: 'worker', id: worker.id },
      ],
    });
    expect(job.tags).toContain('cancellable');
    expect(job.timers.map(({ name }) => name).join()).toContain('deadline');
    for (const { due_at } of job.timers) expect(Date.parse(due_at)).toBeGreaterThan(Date.now());
    const back = { account: 'acc_a', kind: 'job', id };
    const payer = await look<ActorView>('quota/acc_a');
    expect(payer.links).toContainEqual({ why: 'held for', ...back });
    const runner = await look<ActorView>(`worker/${worker.id}`);
    expect(runner.links).toContainEqual({ why: 'runs here', ...back });
    await cancel(id);
  });

  it('tells its journal page by page, each turn once', async () => {
    const id = await make();
    await cancel(id);
    const { revision, context } = await look<ActorView>(`job/${id}?account=acc_a`);
    const turns: JournalView['data'][number][] = [];
    for (let after: number | null = 0; after !== null;) {
      const path: string = `job/${id}/journal?account=acc_a&limit=2&after=${after}`;
      const page: JournalView = await look<JournalView>(path);
      expect(page.data.length).toBeLessThanOrEqual(2);
      turns.push(...page.data);
      after = page.next_after;
    }
    expect(turns.map((turn) => turn.revision)).toEqual(
      [...Array(revision).keys()].map((n) => n + 1),
    );
    expect(turns[0]).toMatchObject({
      ...{ from: null, to: 'holding', event: { type: 'job.submitRequested', spec: { id } } },
      patch: { $whole: { spec: (context as { spec: object }).spec } },
      effects: { tell: [['acc_a/quota/acc_a', 'hold.requested']] },
      batch: expect.any(String),
    });
  });

  it('is still there long after, with all its turns', async () => {
    const id = await make();
    await cancel(id);
    const path = (rest: string) => `job/${id}${rest}?account=acc_a`;
    await until(() => runtime.host.dispatcher.status().queue.waiting === 0);
    const before = [await look(path('')), await look<JournalView>(path('/journal'))] as const;
    expect(before[0]).toMatchObject({ status: 'done' });
    const { pool } = runtime.host;
    const age = { ageMs: 0, limit: 100 };
    await archiveEnded(pool, { ...age, filesKeptMs: 0, after: null });
    expect(await removeArchived(pool, { ...age, graceMs: 0 })).toBeGreaterThan(0);
    expect(await look(path(''))).toEqual(before[0]);
    expect(await look(path('/journal'))).toEqual(before[1]);
    expect(before[1].data.length).toBeGreaterThan(2);
  });

  it.each([
    ['job/job_none?account=acc_a', 404],
    ['job/job_none/journal?account=acc_a', 404],
    ['job/job_none/journal', 400],
    ['quota/acc_a/journal?after=-1', 400],
    ['quota/acc_a/journal?after=x', 400],
    ['quota/acc_a/journal?limit=0', 400],
    ['quota/acc_a/journal?limit=101', 400],
    ['quota/acc_a/journal?cursor=x', 400],
  ])('%s is answered with %i', async (path, status) => {
    const answer = await runtime.call({ url: `/v1/admin/actors/${path}`, key: admin });
    expect(answer.statusCode).toBe(status);
  });
});

describe('the inspector', () => {
  async function inspect(subscribe: object) {
    const frames: (InspectionFrame | { type: 'subscribed'; after: number })[] = [];
    const headers = { authorization: `Bearer ${admin}` };
    const onInit = (socket: WebSocket) =>
      void socket.on('message', (data: Buffer) =>
        frames.push(JSON.parse(data.toString()) as InspectionFrame),
      );
    const socket = await runtime.dial('/v1/admin/inspect', headers, { onInit });
    socket.send(JSON.stringify({ subscribe }));
    await until(() => frames.length > 0);
    return { socket, frames };
  }

  it('replays a job and then follows it to its end', async () => {
    const id = await make();
    const one = await inspect({ kind: 'job', id, account: 'acc_a', after: 0 });
    const all = await inspect({ account: 'acc_a' });
    await cancel(id);
    const ended = () =>
      one.frames.some(
        (frame) => frame.type === '@xstate.snapshot' && frame.snapshot.status === 'done',
      );
    await until(ended);
    const snapshots = one.frames.filter((frame) => frame.type === '@xstate.snapshot');
    const { revision, state, context, tags } = await look<ActorView>(`job/${id}?account=acc_a`);
    expect(snapshots.map((frame) => frame.revision)).toEqual(
      [...Array(revision).keys()].map((n) => n + 1),
    );
    expect(snapshots.at(-1)!.snapshot).toMatchObject({ value: state, context, tags });
    expect(one.frames.slice(0, 2).map(({ type }) => type)).toEqual(['subscribed', '@xstate.actor']);
    const kinds = all.frames.map((frame) => ('sessionId' in frame ? frame.sessionId : ''));
    expect(kinds).toEqual(expect.arrayContaining([`acc_a/job/${id}`, 'acc_a/quota/acc_a']));
    expect(runtime.host.inspector.size).toBe(2);
    one.socket.terminate();
    all.socket.terminate();
    await until(() => runtime.host.inspector.size === 0);
  });

  it.each(['user', 'worker'] as const)('is not for the key of a %s', async (kind) => {
    const { key } = await runtime.key(kind, kind === 'worker' ? SYSTEM_ACCOUNT : 'acc_a');
    const headers = { authorization: `Bearer ${key}` };
    await expect(runtime.dial('/v1/admin/inspect', headers)).rejects.toThrow('403');
    const plain = await runtime.call({ url: '/v1/admin/inspect', key });
    expect(plain.statusCode).toBe(403);
  });

  it('says so to somebody who comes without a socket', async () => {
    const answer = await runtime.call({ url: '/v1/admin/inspect', key: admin });
    expect([answer.statusCode, answer.json().code]).toEqual([426, 'upgrade_required']);
  });
});

describe('the list of actors', () => {
  it('finds a job by its id alone, and tells what is open from what has ended', async () => {
    const [open, ended] = [await make(), await make()];
    await cancel(ended);
    const list = async (query: string) => {
      const answer = await runtime.call({ url: `/v1/admin/actors?${query}`, key: admin });
      expect([query, answer.statusCode]).toEqual([query, 200]);
      return answer.json<{ data: { id: string; account: string }[] }>().data;
    };
    const idsOf = async (query: string) => (await list(query)).map(({ id }) => id);
    expect(await list(`id=${ended}`)).toMatchObject([
      { id: ended, kind: 'job', account: 'acc_a', state: 'cancelled', parked: false },
    ]);
    expect(await idsOf('kind=job&condition=open')).toContain(open);
    expect(await idsOf('kind=job&condition=open')).not.toContain(ended);
    expect(await idsOf('condition=settled&account=acc_a')).toContain(ended);
    expect(await idsOf('account=acc_b')).toEqual([]);
    expect(await idsOf('condition=parked')).toEqual([]);
    expect(await list('limit=1')).toHaveLength(1);
    await cancel(open);
  });
});

describe('a person', () => {
  it('looks into their own job, and not at what is the house’s', async () => {
    await runtime.worker(); // with a free slot
    const id = await make();
    interface Leased {
      readonly context: {
        readonly run: { readonly lease: { worker: string; epoch: string } | null };
      };
    }
    const lease = async () => (await look<Leased>(`job/${id}?account=acc_a`)).context.run.lease;
    await until(async () => (await lease()) !== null);
    const { worker: hidden, epoch } = (await lease())!;
    const ask = async (what: string, key = user) =>
      runtime.call({ url: `/v1/jobs/${id}/${what}`, key });
    const [actor, journal] = [await ask('actor'), await ask('journal')];
    expect(actor.json()).toMatchObject({
      ...{ kind: 'job', id, context: { spec: { prompt: 'a lighthouse' } } },
      links: [{ why: 'pays', id: 'acc_a' }],
    });
    expect(journal.json<JournalView>().data.map(({ event }) => event.type)).toContain(
      'job.dispatched',
    );
    for (const { body } of [actor, journal]) {
      expect(body).not.toContain(hidden);
      expect(body).not.toContain(epoch);
    }
    const { key: other } = await runtime.key('user', 'acc_b');
    expect((await ask('actor', other)).statusCode).toBe(404);
    expect((await ask('journal', other)).statusCode).toBe(404);
    await cancel(id);
  });
});
