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
  started,
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
  const { core: first } = await started();
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

test('reads the waiting jobs again when the store was away', async () => {
  const { core: first } = await ready();
  // Nobody has the model of the first one: the queue is never empty.
  for (const [job, model] of Object.entries({ job_1: 'opera', job_2: 'film' }))
    await submit(first, spec(job, { model }));
  await first.stop();

  const { clock, store } = first;
  const list = store.listWithout.bind(store);
  let refusals = 0;
  store.listWithout = (kind, ...rest) =>
    kind === 'job' && ++refusals <= 3 ? Promise.reject(new Error('away')) : list(kind, ...rest);
  const second = await testCore({ clock, store: store, runtimeId: 'runtime-2' });
  await clock.advance(BOOT_GRACE_MS);
  const agent = new TestAgent(second, 'wrk_2');
  agent.hello({ models: [offer('film')] });
  await submit(second, spec('job_3', { model: 'opera' }));
  await clock.advance(3_000);
  expect(refusals).toBeGreaterThan(3);
  expect(agent.of('run').map(({ job }) => job)).toEqual(['job_2']);
});
