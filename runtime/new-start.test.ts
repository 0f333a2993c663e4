// What a runtime finds when it starts, and what happens while it looks.
import { expect, test } from 'vitest';
import { MemoryStore } from '../db/memory-store.ts';
import { jobRef } from '../machines/contract/ids.ts';
import {
  ManualClock,
  TestAgent,
  offer,
  ready,
  settled,
  spec,
  submit,
  testCore,
} from './testing.ts';
import { BOOT_GRACE_MS } from './timers.ts';

test('takes the leases of one that died as soon as they run out', async () => {
  const clock = new ManualClock();
  const store = new MemoryStore({ now: clock.now });
  await store.acquireLease('dispatcher', 'one that died', 16_000);
  const core = await testCore({ clock, store });
  await clock.advance(15_900);
  expect(core.leases.held('dispatcher')).toBeNull();
  await clock.advance(1_100);
  expect(core.leases.held('dispatcher')).not.toBeNull();
});

test('waits for the result of a run whose time has passed while nobody was there', async () => {
  const { core: first, agent } = await ready();
  await submit(first, spec('job_1'));
  await settled();
  agent.acknowledgeAll();
  agent.say({ type: 'started', job: 'job_1', attempt: 1 });
  await settled();
  const { clock, store } = first;
  await first.stop();
  await clock.advance(200_000);

  const core = await testCore({ clock, store });
  await clock.advance(BOOT_GRACE_MS - 1_000);
  const back = new TestAgent(core, 'wrk_1');
  back.hello({ attempts: [{ job: 'job_1', attempt: 1 }], loaded: ['sketch'] });
  back.finish('job_1');
  await settled();
  expect(await core.stateOf('job_1')).toBe('succeeded');
  expect(await core.runOf('job_1')).toMatchObject({ attempt: 1 });
});

test('does not bring back a job that ended while the queue was read', async () => {
  const { core } = await ready({ models: [offer('atelier')] });
  await submit(core, spec('job_1'));
  const list = core.store.listWithout.bind(core.store);
  const slow = Promise.withResolvers<void>();
  core.store.listWithout = async (kind, tag) => {
    if (kind === 'worker') await slow.promise;
    return list(kind, tag);
  };
  const rebuilt = core.dispatcher.rebuild();
  await settled();
  await core.turns.post(jobRef('acc_a', 'job_1'), { type: 'job.cancelRequested' });
  slow.resolve();
  await rebuilt;
  expect(core.dispatcher.status().queue).toMatchObject({ waiting: 0, running: 0 });
  expect([...core.dispatcher.waiting]).toEqual([]);
});
