// What a decision of the policy becomes: turns of the jobs and the worker, each with its reason in the journal;
// one engine call for several; and what the policy is told of the workers in turn.
import { expect, test } from 'vitest';
import { batchKeyOf } from '../machines/contract/batching.ts';
import type { ActorEvent, JobEvent } from '../machines/contract/events.ts';
import type { Component } from './component.ts';
import { offer, ready, settled, spec, submit, TestAgent, testCore } from './testing.ts';
import { BOOT_GRACE_MS } from './timers.ts';

type Dispatched = Extract<JobEvent, { type: 'job.dispatched' }>;

/** A core whose dispatches are kept, as the journal has them. */
async function withDispatches(hello: Parameters<TestAgent['hello']>[0]) {
  const dispatches: (Dispatched & { readonly job: string })[] = [];
  const observe = ({ journal }: Component) => {
    for (const { ref, event } of journal) {
      const parsed = JSON.parse(event) as ActorEvent;
      if (parsed.type === 'job.dispatched') dispatches.push({ ...parsed, job: ref.id });
    }
  };
  const core = await testCore({ observe });
  await core.clock.advance(BOOT_GRACE_MS);
  const agent = new TestAgent(core, 'wrk_1');
  agent.hello(hello);
  await settled();
  return { core, agent, dispatches };
}

test('every dispatch says why, with all its parts', async () => {
  const { core, agent, dispatches } = await withDispatches({ slots: 2, loaded: [] });
  for (const n of [1, 2, 3]) await submit(core, spec(`job_${n}`));
  agent.acknowledgeAll();
  agent.say({ type: 'loaded', model: 'sketch', loadMs: 500, vramBytes: 1 });
  agent.finish('job_1');
  await settled();
  expect(dispatches.map(({ job }) => job)).toEqual(['job_1', 'job_2', 'job_3']);
  for (const { why } of dispatches)
    expect(why).toEqual({
      score: expect.any(Number),
      waitedMs: expect.any(Number),
      lateMs: expect.any(Number),
      servedMs: expect.any(Number),
      runMs: expect.any(Number),
      loadMs: expect.any(Number),
      behind: expect.any(Number),
      runnerUp: null,
      words: expect.stringMatching(/waited/),
    });
  // The first one loads; what it takes is what the worker's offer says while nothing was seen.
  expect(dispatches[0]!.why).toMatchObject({ runMs: 1000, loadMs: 500 });
  expect(dispatches[2]!.why).toMatchObject({ loadMs: 0 });
  expect(dispatches[2]!.why!.servedMs).toBeGreaterThan(0);
});

test('jobs of one engine call go to it together, each told of the call', async () => {
  const sharing = offer('sketch', { batch: { max: 4, cost: 0.25 } });
  const { core, agent, dispatches } = await withDispatches({
    ...{ slots: 1, models: [sharing], loaded: ['sketch'] },
  });
  expect(batchKeyOf(spec('any'))).not.toBeNull();
  for (const n of [0, 1, 2, 3]) await submit(core, spec(`job_${n}`));
  agent.acknowledgeAll();
  agent.finish('job_0');
  await settled();
  expect(dispatches.map(({ job }) => job)).toEqual(['job_0', 'job_1', 'job_2', 'job_3']);
  expect(dispatches[0]).not.toHaveProperty('batch');
  const [, ...mates] = dispatches;
  expect(new Set(mates.map(({ batch }) => batch?.id)).size).toBe(1);
  expect(mates.map(({ batch }) => batch?.size)).toEqual([3, 3, 3]);
  expect(mates[1]!.why!.words).toMatch(/^goes along with job_1: /);
  expect(agent.of('run').map(({ job }) => job)).toEqual(['job_0', 'job_1', 'job_2', 'job_3']);
});

test('what an operator put in front goes before what its own person asked for earlier', async () => {
  const { core, agent } = await ready();
  for (const n of [0, 1, 2]) await submit(core, spec(`job_${n}`));
  const ref = core.dispatcher.find('job_2')!;
  await core.turns.post(ref, { type: 'job.moveRequested', to: 'front' });
  agent.acknowledgeAll();
  agent.say({ type: 'loaded', model: 'sketch', loadMs: 1, vramBytes: 1 });
  agent.finish('job_0');
  await settled();
  expect(agent.of('run').map(({ job }) => job)).toEqual(['job_0', 'job_2']);
});
