import { afterEach, describe, expect, test } from 'vitest';
import { MemoryStore } from '../db/memory-store.ts';
import { type Store, StoreUnavailable } from '../db/store.ts';
import { ChannelHub } from './channel-hub.ts';
import { KEEP_EVERY_MS } from './learning.ts';
import { BOOT_GRACE_MS } from './timers.ts';
import { BLOB, ManualClock, TestAgent, spec, submit, testCore, type TestCore } from './testing.ts';

const clock = new ManualClock();
let cores: TestCore[] = [];
let number = 0;

async function start(
  store: Store,
  options: { runtimeId?: string; hub?: ChannelHub } = {},
): Promise<TestCore> {
  const { runtimeId = 'runtime-1', hub } = options;
  const core = await testCore({
    ...{ clock, store, runtimeId },
    ...(hub && { channel: hub.channel() }),
  });
  await clock.advance(BOOT_GRACE_MS);
  cores.push(core);
  return core;
}

async function stop(core: TestCore): Promise<void> {
  const stopped = core.stop();
  await clock.advance(10_000);
  await stopped;
  cores = cores.filter((each) => each !== core);
}

afterEach(async () => {
  for (const core of cores) await stop(core);
});

const newStore = () => new MemoryStore({ now: clock.now });

async function connected(core: TestCore): Promise<TestAgent> {
  const agent = new TestAgent(core, 'wrk_1');
  agent.hello({ epoch: `boot-${(number += 1)}` });
  await clock.advance(20);
  return agent;
}

async function live(core: TestCore, agent: TestAgent, runMs: number, loadMs = 700) {
  const id = `job_${(number += 1)}`;
  await submit(core, spec(id, { work: 2, costMt: 50 }));
  await clock.advance(20);
  agent.acknowledgeAll();
  if (agent.of('load').length > 0)
    agent.say({ type: 'loaded', model: 'sketch', loadMs, vramBytes: 1 });
  const outputs = [{ blob: BLOB, bytes: 10, mediaType: 'image/png', facts: {} }];
  agent.say({ type: 'finished', job: id, attempt: 1, outputs, runMs });
  await clock.advance(20);
  expect(await core.stateOf(id)).toBe('succeeded');
}

/** Between the two outer runs; which of them depends on what the offer says. */
const isLearned = ({ median }: { median: number }) => median > 3_890 && median < 4_110;
const KNOWN = { runs: 3, loads: 1 };

/** Three runs of two standard outputs, one load. */
async function taught(store: Store): Promise<TestCore> {
  const core = await start(store);
  const agent = await connected(core);
  for (const runMs of [8_000, 8_200, 7_800]) await live(core, agent, runMs);
  return core;
}

describe('what is committed teaches', () => {
  test('how long a run took, per standard output, and a load', async () => {
    const core = await taught(newStore());
    expect(core.times.seen('wrk_1', 'sketch')).toEqual(KNOWN);
    expect(core.times.runMs('wrk_1', 'sketch', 1)).toSatisfy(isLearned);
    expect(core.times.toJSON()[0]?.loads.values).toEqual([6.553]); // of 700 ms
  });

  test('a model that was in memory all the time is not loaded again', async () => {
    const core = await start(newStore());
    const agent = await connected(core);
    await live(core, agent, 8_000);
    agent.say({ type: 'loaded', model: 'sketch', loadMs: 700, vramBytes: 1 });
    await clock.advance(20);
    expect(core.times.seen('wrk_1', 'sketch').loads).toBe(1);
    agent.say({ type: 'unloaded', model: 'sketch' }); // both in one commit
    agent.say({ type: 'loaded', model: 'sketch', loadMs: 900, vramBytes: 1 });
    await clock.advance(20);
    expect(core.times.seen('wrk_1', 'sketch').loads).toBe(2);
  });
});

describe('what was learned outlives', () => {
  test('a stop', async () => {
    const store = newStore();
    await stop(await taught(store));
    expect((await start(store)).times.seen('wrk_1', 'sketch')).toEqual(KNOWN);
  });

  test('a crash, but for what was learned in the last half minute', async () => {
    const store = newStore();
    await taught(store);
    expect(store.tables.learned.size).toBe(0);
    await clock.advance(KEEP_EVERY_MS);
    const second = await start(store, { runtimeId: 'runtime-2' });
    expect(second.times.seen('wrk_1', 'sketch')).toEqual(KNOWN);
    expect(second.times.runMs('wrk_1', 'sketch', 1)).toSatisfy(isLearned);
  });

  test('the runtime that its worker was connected to, and goes on with the next', async () => {
    const [store, hub] = [newStore(), new ChannelHub()];
    const a = await start(store, { runtimeId: 'runtime-a', hub });
    const b = await start(store, { runtimeId: 'runtime-b', hub });
    const atA = await connected(a);
    for (const runMs of [8_000, 8_200, 7_800]) await live(a, atA, runMs);
    expect(b.times.seen('wrk_1', 'sketch').runs).toBe(0);
    await clock.advance(2 * KEEP_EVERY_MS);
    expect(b.times.seen('wrk_1', 'sketch')).toEqual(KNOWN);
    const atB = await connected(b);
    await live(b, atB, 8_000);
    await clock.advance(2 * KEEP_EVERY_MS);
    expect(a.times.seen('wrk_1', 'sketch')).toEqual({ runs: 4, loads: 2 });
  });
});

test('only what is new is written, and nothing where nothing is', async () => {
  const store = newStore();
  const core = await taught(store);
  const written = watched(store);
  await clock.advance(3 * KEEP_EVERY_MS);
  expect(written).toEqual([['wrk_1 sketch']]);
  core.times.noteLoad('wrk_2', 'sketch', 5);
  await clock.advance(3 * KEEP_EVERY_MS);
  expect(written).toEqual([['wrk_1 sketch'], ['wrk_2 sketch']]);
});

function watched(store: MemoryStore): string[][] {
  const written: string[][] = [];
  const keep = store.keepLearned.bind(store);
  store.keepLearned = (rows) => {
    written.push(rows.map(({ id }) => id));
    return keep(rows);
  };
  return written;
}

describe('a store that is away', () => {
  test('costs only the keeping: it is made up for', async () => {
    const store = newStore();
    const core = await taught(store);
    const keep = store.keepLearned.bind(store);
    store.keepLearned = () => Promise.reject(new StoreUnavailable('away'));
    await clock.advance(2 * KEEP_EVERY_MS);
    expect(store.tables.learned.size).toBe(0);
    expect(core.times.seen('wrk_1', 'sketch')).toEqual(KNOWN);
    store.keepLearned = keep;
    await clock.advance(KEEP_EVERY_MS);
    expect(store.tables.learned.size).toBe(1);
  });

  test('does not hold up the start or the stop', async () => {
    const store = newStore();
    store.learned = () => Promise.reject(new StoreUnavailable('away'));
    store.keepLearned = () => Promise.reject(new StoreUnavailable('away'));
    await stop(await taught(store));
  });
});

test('what another version kept in other words is learned anew', async () => {
  const store = newStore();
  await stop(await taught(store));
  const [row] = await store.learned('times', 0, 1);
  const strange = [{ ...row!, id: 'odd', facts: '{"worker":7}' }];
  await store.keepLearned([...strange, { ...row!, id: 'no json', facts: 'half a ro' }]);
  expect((await start(store)).times.toJSON()).toHaveLength(1);
});
