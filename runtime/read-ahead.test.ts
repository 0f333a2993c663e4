// A line longer than memory is read from the store as it is used, in pieces and not job by job.
import { expect, test } from 'vitest';
import { MemoryStore } from '../db/memory-store.ts';
import type { ActorRef } from '../machines/contract/ids.ts';
import { ManualClock, TestAgent, settled, spec, submit, testCore } from './testing.ts';
import { BOOT_GRACE_MS } from './timers.ts';

const JOBS = 150;
/** Sixty-four to a read. */
const READS_MAX = 3;

test('the next in line are read together, though each is run alone', async () => {
  const clock = new ManualClock();
  const store = new MemoryStore({ now: clock.now });
  const before = await testCore({ clock, store, runtimeId: 'runtime-1' });
  for (let n = 0; n < JOBS; n += 1)
    await submit(before, spec(`job_${n}`, { accountId: `acc_${n % 10}` }));
  await before.stop();

  const core = await testCore({ clock, store, runtimeId: 'runtime-2' });
  await clock.advance(BOOT_GRACE_MS);
  let reads = 0;
  const load = store.load.bind(store);
  store.load = (refs: readonly ActorRef[]) => {
    if (refs.some(({ kind }) => kind === 'job')) reads += 1;
    return load(refs);
  };
  const agent = new TestAgent(core, 'wrk_1');
  agent.hello({ loaded: ['sketch'] });
  await settled();
  for (let done = 0; done < JOBS; done += 1) {
    const order = agent.of('run')[done]!;
    agent.say({ type: 'acknowledged', command: order.id });
    agent.say({ type: 'started', job: order.job, attempt: 1 });
    agent.finish(order.job);
    await settled();
  }
  expect(agent.of('settled')).toHaveLength(JOBS);
  expect(reads).toBeLessThanOrEqual(READS_MAX);
});
