// Attempts that come to nothing, and what is not taken for a result.
import { expect, test } from 'vitest';
import { TestAgent, ready, settled, spec, submit, testCore } from './testing.ts';

test('three failed attempts end the job and return everything', async () => {
  const { core, agent } = await ready();
  await submit(core, spec('job_1'));
  for (let attempt = 1; attempt <= 3; attempt++) {
    await settled();
    agent.acknowledgeAll();
    agent.say({ type: 'failed', job: 'job_1', attempt, code: 'outOfMemory', message: 'no room' });
    await core.clock.advance(5_000);
  }
  expect(await core.stateOf('job_1')).toBe('failed');
  expect(await core.balance()).toMatchObject({ allowanceMt: 20_000, heldMt: 0 });
  expect(agent.of('run').map((run) => run.attempt)).toEqual([1, 2, 3]);
});

test('a refusal by the engine is not tried again', async () => {
  const { core, agent } = await ready();
  await submit(core, spec('job_1'));
  await settled();
  agent.acknowledgeAll();
  agent.say({ type: 'failed', job: 'job_1', attempt: 1, code: 'invalidInput', message: '' });
  await settled();
  expect(await core.stateOf('job_1')).toBe('failed');
});

test('an acknowledgement is told to the job only if nothing better follows at once', async () => {
  const { core, agent } = await ready({ slots: 2 });
  await submit(core, spec('job_1'));
  await submit(core, spec('job_2'));
  await settled();
  agent.acknowledgeAll();
  agent.say({ type: 'started', job: 'job_1', attempt: 1 });
  await settled();
  const { revision } = (await core.job('job_1'))!;
  expect(await core.stateOf('job_1')).toBe('assigned.executing');
  expect((await core.runOf('job_2')).lease).toMatchObject({ acknowledged: false });
  await core.clock.advance(1_000);
  expect((await core.job('job_1'))!.revision).toBe(revision);
  expect((await core.runOf('job_2')).lease).toMatchObject({ acknowledged: true });
});

test('an order that nobody acknowledges comes back without costing an attempt', async () => {
  const { core, agent } = await ready();
  await submit(core, spec('job_1'));
  await settled();
  await core.clock.advance(10_500);
  expect(await core.runOf('job_1')).toMatchObject({ attempt: 1, failedOn: [] });
  expect(agent.of('cancel')).toMatchObject([{ job: 'job_1', attempt: 1 }]);
});

test('a result said before its attempt was given is not taken without its files', async () => {
  let looked = 0;
  const core = await testCore({ isStored: () => Promise.resolve(++looked > 0) });
  const agent = new TestAgent(core, 'wrk_1');
  agent.hello();
  await settled();
  // In one tick: the job is given to the worker, and the worker claims to have done it.
  const submitted = submit(core, spec('job_1'));
  agent.finish('job_1');
  await submitted;
  await settled();
  expect(looked).toBe(0);
  expect(await core.stateOf('job_1')).not.toBe('succeeded');
});

test('a result whose file never arrived fails the attempt', async () => {
  const core = await testCore({ isStored: () => Promise.resolve(false) });
  const agent = new TestAgent(core, 'wrk_1');
  agent.hello();
  await submit(core, spec('job_1'));
  await settled();
  agent.acknowledgeAll();
  agent.finish('job_1');
  await settled();
  expect(await core.stateOf('job_1')).toBe('backingOff');
});
