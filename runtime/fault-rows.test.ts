// Rows 18 to 23 of the fault matrix, as far as other tests do not name them: a worker that comes back when
// its job is with somebody else, and ends that are told twice.
import { expect, test } from 'vitest';
import { settled, started, TestAgent } from './testing.ts';

const attempts = [{ job: 'job_1', attempt: 1 }];

test('19: one that comes back after its job was given away is told to drop it, and ends nothing', async () => {
  const { core, agent } = await started();
  agent.cut();
  await core.clock.advance(5_500);
  const other = new TestAgent(core, 'wrk_2');
  other.hello();
  await settled();
  other.acknowledgeAll();
  other.say({ type: 'started', job: 'job_1', attempt: 1 });
  await settled();
  expect(await core.stateOf('job_1')).toBe('assigned.executing');

  // The same attempt by its number: that it is another worker's is what tells.
  const zombie = new TestAgent(core, 'wrk_1');
  zombie.hello({ attempts });
  await settled();
  expect(zombie.of('cancel')).toMatchObject(attempts);
  for (const say of [
    () => zombie.say({ type: 'started', job: 'job_1', attempt: 1 }),
    () =>
      zombie.say({ type: 'failed', job: 'job_1', attempt: 1, code: 'engineError', message: '' }),
    () => zombie.say({ type: 'cancelled', job: 'job_1', attempt: 1 }),
    () => zombie.finish('job_1'),
  ]) {
    say();
    await settled();
    expect(await core.stateOf('job_1')).toBe('assigned.executing');
  }
  expect(await core.balance()).toMatchObject({ heldMt: 1_000 });
  other.finish('job_1');
  await settled();
  expect(await core.stateOf('job_1')).toBe('succeeded');
  expect(await core.balance()).toMatchObject({ allowanceMt: 19_000, heldMt: 0 });
});

test('20: one that comes back before its job was given away may end it', async () => {
  const { core, agent } = await started();
  agent.cut();
  await core.clock.advance(5_500);
  expect(await core.stateOf('job_1')).toBe('queued');
  const back = new TestAgent(core, 'wrk_1');
  back.hello({ attempts });
  back.finish('job_1');
  await settled();
  expect(await core.stateOf('job_1')).toBe('succeeded');
  expect(await core.balance()).toMatchObject({ allowanceMt: 19_000, heldMt: 0 });
});

test('21: an end that is told twice, and once more on the next connection, is charged once', async () => {
  const { core, agent } = await started();
  agent.finish('job_1');
  agent.finish('job_1');
  await settled();
  expect(agent.of('settled').length).toBeGreaterThan(0);
  // Its acknowledgement was lost on the way.
  agent.cut();
  const back = new TestAgent(core, 'wrk_1');
  back.hello({ attempts });
  back.finish('job_1');
  await settled();
  expect(back.of('settled')).toMatchObject(attempts);
  expect(await core.stateOf('job_1')).toBe('succeeded');
  expect(await core.balance()).toMatchObject({ allowanceMt: 19_000, heldMt: 0 });
});
