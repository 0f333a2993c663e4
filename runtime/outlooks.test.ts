// What people who wait are told, by a whole core whose worker does what the test says.
import { expect, test } from 'vitest';
import { MemoryStore } from '../db/memory-store.ts';
import { Learning } from './learning.ts';
import type { Ephemeral } from './live.ts';
import { PositionLoop } from './positions.ts';
import { BOOT_GRACE_MS } from './timers.ts';
import {
  ManualClock,
  offer,
  ready,
  settled,
  spec,
  submit,
  TestAgent,
  testCore,
  type TestCore,
} from './testing.ts';

const MODELS = [
  offer('sketch', { name: 'Sketch', runMs: 10_000, loadMs: 4_000 }),
  offer('flux', { name: 'Flux', runMs: 30_000, loadMs: 20_000 }),
];

const told = (core: TestCore, id: string) => core.dispatcher.outlook(id);

async function stopOf(clock: ManualClock, part: { stop(): Promise<void> }): Promise<void> {
  const stopped = part.stop();
  await clock.advance(10_000);
  await stopped;
}

/** One runs, the others wait; each is of another person but where it is said. */
async function busy(jobs: Record<string, { model?: string; accountId?: string }>) {
  const { core, agent } = await ready({ models: MODELS });
  await submit(core, spec('job_0', { accountId: 'acc_0' }));
  await settled();
  agent.acknowledgeAll();
  for (const [id, change] of Object.entries(jobs)) {
    await core.clock.advance(10);
    await submit(core, spec(id, { accountId: `acc_${id}`, ...change }));
  }
  await settled();
  return { core, agent };
}

test('how many are ahead, what is being loaded or run, and what has to be loaded', async () => {
  const { core, agent } = await busy({ job_1: {}, job_2: { model: 'flux' } });
  expect(told(core, 'job_1')).toMatchObject({ position: 0, eta: { reason: 'loading Sketch' } });
  agent.say({ type: 'loaded', model: 'sketch', loadMs: 4_000, vramBytes: 1 });
  agent.acknowledgeAll();
  agent.say({ type: 'started', job: 'job_0', attempt: 1 });
  await core.clock.advance(1_000);
  expect(told(core, 'job_1').eta!.reason).toBe('running Sketch');
  const { position, eta } = told(core, 'job_2');
  expect([position, eta!.reason]).toEqual([1, '1 ahead, running Sketch, Flux has to be loaded']);
});

test('a range until the start and one until the result', async () => {
  const { core } = await busy({ job_1: {}, job_2: {} });
  const [first, second] = ['job_1', 'job_2'].map((id) => told(core, id).eta!);
  expect(first!.start_min_s).toBeLessThan(14);
  expect(first!.start_max_s).toBeGreaterThan(14);
  expect(first!.max_s).toBeGreaterThan(first!.start_max_s! + 10);
  expect(second!.start_max_s).toBeGreaterThan(first!.start_max_s!);
});

test('who waits behind work of their own is told so', async () => {
  const mine = { accountId: 'acc_me' };
  const { core } = await busy({ job_1: mine, job_2: mine, job_3: mine });
  expect(told(core, 'job_3').eta!.reason).toMatch(/^2 ahead, all your own/);
});

test('a dry run is told the same as who has just come', async () => {
  const { core } = await busy({ job_1: {}, job_2: {} });
  const quoted = core.dispatcher.etaOf({ model: 'sketch', work: 1 }, 'free');
  await submit(core, spec('job_3', { accountId: 'acc_3' }));
  const { eta } = told(core, 'job_3');
  expect(quoted.reason).toBe(eta!.reason);
  expect(Math.abs(quoted.max_s - eta!.max_s)).toBeLessThan(0.2 * eta!.max_s);
});

test('with nobody to run it nothing is promised', async () => {
  const core = await testCore();
  for (const id of ['job_1', 'job_2']) {
    await core.clock.advance(10);
    await submit(core, spec(id));
  }
  expect(told(core, 'job_2')).toMatchObject({
    position: 1,
    eta: {
      ...{ start_min_s: null, start_max_s: null },
      reason: 'no worker with this model is connected',
    },
  });
  expect(told(core, 'job_of_nobody')).toEqual({ position: null, eta: null });
});

test('what is learned of waits survives a restart', async () => {
  const clock = new ManualClock();
  const store = new MemoryStore({ now: clock.now });
  const core = await testCore({ clock, store });
  await clock.advance(BOOT_GRACE_MS);
  const agent = new TestAgent(core, 'wrk_1');
  agent.hello({ models: MODELS, loaded: ['sketch'] });
  await settled();
  for (let n = 0; n < 8; n += 1) await submit(core, spec(`job_${n}`, { accountId: `acc_${n}` }));
  for (let n = 0; n < 8; n += 1) {
    for (let m = n + 1; m < 8; m += 1) told(core, `job_${m}`);
    agent.acknowledgeAll();
    const job = agent.of('run').at(-1)!.job;
    agent.say({ type: 'started', job, attempt: 1 });
    // Three times as long as was declared.
    for (let second = 0; second < 30; second += 1) {
      await clock.advance(1_000);
      agent.say({ type: 'heartbeat' });
    }
    agent.finish(job);
    await settled();
  }
  await stopOf(clock, core);
  const learning = new Learning({ store, clock, log: () => undefined });
  await learning.start();
  const { calibration } = learning;
  expect(calibration.seen).toBeGreaterThan(4);
  expect(calibration.for('free', 20_000).middle).toBeGreaterThan(1.5);
  await stopOf(clock, learning);
});

test('who watches is told what changes, not each second that passes', async () => {
  const { core, agent } = await busy({ job_1: {}, job_2: {} });
  const heard: Ephemeral[] = [];
  core.live.watch('acc_job_2', {
    rowsPublished: () => undefined,
    ephemeral: (frame) => void heard.push(frame),
  });
  const positions = new PositionLoop(core);
  positions.runOnce();
  expect(heard).toMatchObject([{ type: 'position', job_id: 'job_2', position: 1 }]);
  await core.clock.advance(1_000);
  positions.runOnce();
  expect(heard).toHaveLength(1);
  await core.clock.advance(30_000); // the one that runs takes far longer than it should
  positions.runOnce();
  expect(heard).toHaveLength(2);
  agent.say({ type: 'loaded', model: 'sketch', loadMs: 4_000, vramBytes: 1 });
  agent.finish('job_0');
  await core.clock.advance(1_000);
  positions.runOnce();
  expect(heard.at(-1)).toMatchObject({ job_id: 'job_2', position: 0 });
});
