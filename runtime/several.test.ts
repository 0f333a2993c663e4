// Several runtimes over one store: whatever one commits, the others act upon, at once when they hear of it
// and within a second when they do not.
import { afterEach, describe, expect, test } from 'vitest';
import { MemoryStore } from '../db/memory-store.ts';
import { jobRef, workerRef } from '../machines/contract/ids.ts';
import type { WorkerContext } from '../machines/worker/context.ts';
import { restore, stateName } from './actor.ts';
import { ChannelHub } from './channel-hub.ts';
import type { Ephemeral, Watcher } from './live.ts';
import { Poison } from './parking.ts';
import {
  ManualClock,
  TestAgent,
  offer,
  settled,
  spec,
  submit,
  testCore,
  type TestCore,
} from './testing.ts';
import { contextOf } from './views.ts';

let clock: ManualClock;
let store: MemoryStore;
let hub: ChannelHub;
let isDeaf = false;

const start = (runtimeId: string): Promise<TestCore> =>
  testCore({ clock, store, runtimeId, channel: hub.channel() });

/** Two runtimes; the first one holds the leases. */
async function two({ deaf = false } = {}): Promise<[TestCore, TestCore]> {
  clock = new ManualClock();
  store = new MemoryStore({ now: clock.now });
  isDeaf = deaf;
  hub = new ChannelHub(() => isDeaf);
  return [await start('runtime-a'), await start('runtime-b')];
}
afterEach(() => clock.advance(0));

async function connect(core: TestCore, change: Parameters<TestAgent['hello']>[0] = {}) {
  const agent = new TestAgent(core, 'wrk_1');
  agent.hello(change);
  await clock.advance(20);
  return agent;
}

const stateOf = async (id: string) => {
  const [row] = await store.load([jobRef('acc_a', id)]);
  return stateName(restore(row!).snapshot.value);
};
const words = (agent: TestAgent) =>
  agent.heard.map((frame) => ('job' in frame ? `${frame.type} ${frame.job}` : frame.type));

class Eye implements Watcher {
  rows = 0;
  readonly frames: Ephemeral[] = [];
  rowsPublished = () => void this.rows++;
  ephemeral = (frame: Ephemeral) => void this.frames.push(frame);
}

describe('what one commits, the others act upon', () => {
  test.each([
    ['at once, when they hear of it', false, 20],
    ['within a second and a poll, when nobody says anything', true, 1_200],
  ])('%s', async (_, deaf, withinMs) => {
    const [a, b] = await two({ deaf });
    expect(a.leases.held('dispatcher')).not.toBeNull();
    const agent = await connect(b);
    await clock.advance(withinMs);
    expect(a.dispatcher.models()).toMatchObject([{ id: 'sketch', status: 'loadable' }]);

    await submit(b, spec('job_1'));
    await clock.advance(withinMs);
    expect(words(agent)).toEqual(['welcome', 'load', 'run job_1']);
    agent.acknowledgeAll();
    agent.say({ type: 'loaded', model: 'sketch', loadMs: 5, vramBytes: 1 });
    agent.finish('job_1');
    await clock.advance(withinMs);
    expect(await stateOf('job_1')).toBe('succeeded');
    for (const core of [a, b])
      expect(core.dispatcher.status().queue).toMatchObject({ waiting: 0, running: 0 });
  });

  test('a runtime that was cut off looks everywhere when it hears again', async () => {
    const [a, b] = await two({ deaf: true });
    const agent = await connect(b);
    await submit(b, spec('job_1'));
    await settled();
    expect(a.dispatcher.status().queue.waiting).toBe(0);
    await clock.advance(1_000);
    await clock.advance(200);
    expect(words(agent)).toEqual(['welcome', 'load', 'run job_1']);
  });

  test('people see at one runtime what their worker shows at another', async () => {
    const [a, b] = await two();
    const agent = await connect(b);
    const eye = new Eye();
    const unwatch = a.live.watch('acc_a', eye);
    await submit(b, spec('job_1'));
    await clock.advance(20);
    expect(eye.rows).toBeGreaterThan(0);
    const preview = 'data:image/png;base64,AA==';
    agent.say({ type: 'progress', job: 'job_1', attempt: 1, fraction: 0.4, preview });
    agent.say({ type: 'progress', job: 'job_1', attempt: 1, fraction: 0.5 });
    agent.say({ type: 'text', job: 'job_1', attempt: 1, index: 0, text: 'Once' });
    agent.say({ type: 'text', job: 'job_1', attempt: 1, index: 1, text: ' upon' });
    await settled();
    expect(eye.frames.filter(({ type }) => type !== 'position')).toEqual([
      { type: 'progress', job_id: 'job_1', fraction: 0.5, preview },
      { type: 'text', job_id: 'job_1', index: 0, text: 'Once' },
      { type: 'text', job_id: 'job_1', index: 1, text: ' upon' },
    ]);
    unwatch();
    const before = eye.frames.length;
    agent.say({ type: 'progress', job: 'job_1', attempt: 1, fraction: 0.6 });
    await settled();
    expect(eye.frames).toHaveLength(before);
  });

  test('text has no hole: what was lost on the way is asked for again', async () => {
    const [a, b] = await two();
    const agent = await connect(b);
    await submit(b, spec('job_1'));
    await clock.advance(20);
    const say = async (index: number, text: string) => {
      agent.say({ type: 'text', job: 'job_1', attempt: 1, index, text });
      await settled();
    };
    // Nobody watches yet; whoever comes later gets it from the beginning.
    await say(0, 'Once');
    const eye = new Eye();
    a.live.watch('acc_a', eye);
    const text = () => eye.frames.flatMap((frame) => (frame.type === 'text' ? [frame.text] : []));
    await say(1, ' upon');
    expect(text()).toEqual(['Once', ' upon']);
    isDeaf = true;
    await say(2, ' a');
    isDeaf = false;
    await say(3, ' time');
    expect(text()).toEqual(['Once', ' upon', ' a', ' time']);

    // Who told it is gone: what came after the gap is shown, and its number shows the gap.
    isDeaf = true;
    await say(4, ' there');
    isDeaf = false;
    const lost = hub.channel();
    lost.open({ received: () => undefined, connected: () => undefined, broken: () => undefined });
    const frames = [{ type: 'text', job_id: 'job_2', index: 7, text: 'late' }];
    await lost.publish('live:acc_a', [JSON.stringify({ from: 'runtime-gone', frames })]);
    await clock.advance(900);
    expect(text()).not.toContain('late');
    await clock.advance(200);
    expect(text()).toContain('late');
  });

  test('files go through any runtime, however stale its view', async () => {
    const [a, b] = await two();
    await connect(b);
    isDeaf = true;
    await submit(a, spec('job_1', { inputs: [] }));
    await settled();
    expect(await b.sessions.leaseOf('wrk_1', 'job_1', 1)).toEqual({
      accountId: 'acc_a',
      inputs: [],
    });
    expect(await b.sessions.leaseOf('wrk_1', 'job_1', null)).not.toBeNull();
    expect(await b.sessions.leaseOf('wrk_1', 'job_1', 2)).toBeNull();
    expect(await b.sessions.leaseOf('wrk_2', 'job_1', 1)).toBeNull();
  });
});

describe('leases', () => {
  test('are handed over at once by one that stops', async () => {
    const [a, b] = await two();
    await a.stop();
    await settled();
    expect(b.leases.held('dispatcher')).not.toBeNull();
    expect(b.leases.held('timers')).not.toBeNull();
  });

  test('nothing is begun under a lease by one that is about to stop', async () => {
    const [a] = await two();
    a.leases.retire();
    expect(a.leases.held('dispatcher')).toBeNull();
  });
});

describe('an agent hears the words of its worker in the order of the turns', () => {
  test('an order of another runtime comes before a later one of its own', async () => {
    const [a, b] = await two();
    const agent = await connect(b);
    isDeaf = true;
    await submit(a, spec('job_1'));
    await settled();
    expect(words(agent)).toEqual(['welcome']);
    void b.turns.post(jobRef('acc_a', 'job_1'), { type: 'job.cancelRequested' });
    // Until its compare-and-set is lost, and tried again; less than until the outbox is polled.
    await clock.advance(100);
    expect(words(agent)).toEqual(['welcome', 'load', 'run job_1', 'cancel job_1']);
  });

  test('an attempt that came back and is given anew is settled first', async () => {
    const [, b] = await two();
    const agent = await connect(b);
    await submit(b, spec('job_1'));
    await clock.advance(20);
    agent.acknowledgeAll();
    agent.say({ type: 'cancelled', job: 'job_1', attempt: 1 });
    await clock.advance(1_500);
    const told = words(agent).filter((word) => word.endsWith('job_1'));
    expect(told).toEqual(['run job_1', 'settled job_1', 'run job_1']);
  });

  test('an order from before the hello, committed while it was said, is not delivered', async () => {
    const [a, b] = await two();
    const first = await connect(b);
    isDeaf = true;
    first.cut = () => undefined; // the agent is gone, and nobody has noticed
    const commit = store.commit.bind(store);
    const slow = Promise.withResolvers<void>();
    store.commit = (batch) => slow.promise.then(() => commit(batch));
    const back = new TestAgent(b, 'wrk_1');
    back.hello();
    await settled();
    store.commit = commit;
    await submit(a, spec('job_1'));
    await settled();
    expect(await stateOf('job_1')).toBe('assigned.loadingModel');
    slow.resolve();
    await clock.advance(2_000);
    // Given in the worker's second turn, taken back in its fourth, the hello, and given again in its fifth.
    expect(words(back)).toEqual(['welcome', 'load', 'run job_1']);
    expect(back.of('run').map(({ id }) => id)).toEqual(['wrk_1:5:0']);
    back.acknowledgeAll();
    await clock.advance(500);
    expect(await store.outbox(['worker:wrk_1'], 10)).toEqual([]);
  });
});

describe('one worker, several connections', () => {
  test('the newest wins, across runtimes, too', async () => {
    const [a, b] = await two();
    const first = await connect(a);
    await connect(b, { epoch: 'boot-2' });
    first.say({ type: 'heartbeat' });
    await clock.advance(100);
    expect(first.closeCode).toBe(4001);
  });

  test('an agent whose worker is parked is not welcome, so that it waits longer each time', async () => {
    const [a] = await two();
    await connect(a);
    const poison = { type: 'slot.claimed', attempt: 1, epoch: 'boot-1' } as never; // of no job
    await expect(a.turns.post(workerRef('wrk_1'), poison)).rejects.toThrow(Poison);
    const again = await connect(a);
    expect(again.of('welcome')).toEqual([]);
    expect(again.closeCode).toBe(1013);
  });

  test('a failure to load from before the hello fails no job that was given since', async () => {
    const [a] = await two();
    const agent = await connect(a);
    await submit(a, spec('job_1'));
    await settled();
    const failed = {
      type: 'loadFailed',
      model: 'sketch',
      code: 'modelLoadFailed',
      message: '',
    } as const;
    agent.say(failed);
    await settled();
    expect(await stateOf('job_1')).toBe('assigned.loadingModel');
    agent.acknowledgeAll();
    agent.say(failed);
    await settled();
    expect(await stateOf('job_1')).toBe('backingOff');
  });

  test('what it works on is known from the hello on, whoever gave it', async () => {
    const [a, b] = await two();
    const agent = await connect(a, { models: [offer()] });
    await submit(a, spec('job_1'));
    await settled();
    agent.acknowledgeAll();
    agent.say({ type: 'started', job: 'job_1', attempt: 1 });
    await settled();
    agent.cut();
    isDeaf = true;
    const back = await connect(b, { attempts: [{ job: 'job_1', attempt: 1 }] });
    back.finish('job_1');
    await settled();
    expect(await stateOf('job_1')).toBe('succeeded');
    const [row] = await store.load([workerRef('wrk_1')]);
    expect(contextOf<WorkerContext>(restore(row!)).run).toMatchObject({ runtime: 'runtime-b' });
  });
});
