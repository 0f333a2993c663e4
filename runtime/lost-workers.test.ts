// Workers that die, fall silent, come back, and say things late.
import { expect, test } from 'vitest';
import { MemoryStore } from '../db/memory-store.ts';
import {
  ManualClock,
  TestAgent,
  ready,
  settled,
  spec,
  started,
  submit,
  testCore,
} from './testing.ts';

test('a worker that dies twice: the second attempt runs elsewhere', async () => {
  const { core, agent } = await started();
  agent.cut();
  await core.clock.advance(5_500);
  expect(await core.stateOf('job_1')).toBe('queued');
  const other = new TestAgent(core, 'wrk_2');
  other.hello();
  await settled();
  expect(other.of('run')).toMatchObject([{ job: 'job_1', attempt: 1 }]);
  other.acknowledgeAll();
  other.finish('job_1');
  await settled();
  expect(await core.stateOf('job_1')).toBe('succeeded');

  // The first worker comes back with its late result: nothing changes, it is told to forget it.
  const late = new TestAgent(core, 'wrk_1');
  late.hello({ attempts: [{ job: 'job_1', attempt: 1 }] });
  await settled();
  late.finish('job_1');
  await settled();
  expect(late.of('settled')).toMatchObject([{ job: 'job_1', attempt: 1 }]);
  expect(await core.balance()).toMatchObject({ allowanceMt: 19_000, heldMt: 0 });
});

test('a blip redoes nothing: the same boot gets its attempt back', async () => {
  const { core, agent } = await started();
  agent.cut();
  await core.clock.advance(60_000);
  expect(await core.stateOf('job_1')).toBe('queued');
  const back = new TestAgent(core, 'wrk_1');
  back.hello({ attempts: [{ job: 'job_1', attempt: 1 }], loaded: ['sketch'] });
  await settled();
  expect(await core.stateOf('job_1')).toBe('assigned.executing');
  back.finish('job_1');
  await settled();
  expect(await core.stateOf('job_1')).toBe('succeeded');
  expect(back.of('run')).toEqual([]);
});

test('a worker that was silent for too long, its socket open, is asked for another hello', async () => {
  const { core, agent } = await ready();
  await core.clock.advance(40_000);
  expect(await core.workerState()).toBe('offline');
  agent.say({ type: 'heartbeat' });
  await settled();
  expect(agent.closeCode).toBe(1013);
});

test('a session that broke off within its hello does not turn out the next one', async () => {
  const clock = new ManualClock();
  const store = new MemoryStore({ now: clock.now });
  const core = await testCore({ clock, store });
  const commit = store.commit.bind(store);
  const slow = Promise.withResolvers<void>();
  store.commit = (batch) => slow.promise.then(() => commit(batch));
  const broken = new TestAgent(core, 'wrk_1');
  broken.hello();
  await settled();
  broken.cut();
  const next = new TestAgent(core, 'wrk_1');
  next.hello();
  await settled();
  slow.resolve();
  await settled();
  expect(next.closeCode).toBeNull();
  expect(next.of('welcome')).toHaveLength(1);
  expect(broken.heard).toEqual([]);
});

test('a late repeat of an end does not end the attempt that came back under its name', async () => {
  const { core, agent } = await ready();
  await submit(core, spec('job_1'));
  agent.acknowledgeAll();
  agent.say({ type: 'cancelled', job: 'job_1', attempt: 1 }); // given back: the same one goes out again
  await settled();
  await core.clock.advance(1_000);
  expect(agent.of('run')).toHaveLength(2);
  agent.say({ type: 'cancelled', job: 'job_1', attempt: 1 });
  await settled();
  expect(agent.of('run')).toHaveLength(2);
  expect(await core.stateOf('job_1')).toBe('assigned.loadingModel');
  agent.acknowledgeAll();
  agent.finish('job_1');
  await settled();
  expect(await core.stateOf('job_1')).toBe('succeeded');
  // Said once more, it is only to be forgotten.
  agent.heard.length = 0;
  agent.finish('job_1');
  await settled();
  expect(agent.of('settled')).toEqual([{ type: 'settled', job: 'job_1', attempt: 1 }]);
});
