import { afterEach, describe, expect, test } from 'vitest';
import { MemoryStore } from '../db/memory-store.ts';
import { jobRef, quotaRef, workerRef } from '../machines/contract/ids.ts';
import type { JobContext } from '../machines/job/context.ts';
import type { QuotaContext } from '../machines/quota/machine.ts';
import { restore, stateName } from './actor.ts';
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
import { BOOT_GRACE_MS } from './timers.ts';
import { contextOf } from './views.ts';

let core: TestCore;
afterEach(() => core?.clock.advance(0));

const job = async (id: string, accountId = 'acc_a') => {
  const [row] = await core.store.load([jobRef(accountId, id)]);
  return row ? restore(row) : null;
};
const stateOf = async (id: string) => stateName((await job(id))!.snapshot.value);
const runOf = async (id: string) => contextOf<JobContext>((await job(id))!).run;
const balance = async () => {
  const [row] = await core.store.load([quotaRef('acc_a')]);
  return contextOf<QuotaContext>(restore(row!)).balance;
};
const workerState = async () => {
  const [row] = await core.store.load([workerRef('wrk_1')]);
  return stateName(restore(row!).snapshot.value);
};

async function ready(change: Parameters<TestAgent['hello']>[0] = {}): Promise<TestAgent> {
  core = await testCore();
  await core.clock.advance(BOOT_GRACE_MS);
  const agent = new TestAgent(core, 'wrk_1');
  agent.hello(change);
  await settled();
  return agent;
}

describe('the life of a job', () => {
  test('from submit to charge: held, loaded, run, captured', async () => {
    const agent = await ready();
    const outcome = await submit(core, spec('job_1'));
    expect(outcome).toMatchObject({ ok: true, changed: true });
    expect(await balance()).toMatchObject({ allowanceMt: 19_000, heldMt: 1000 });
    await settled();
    expect(await stateOf('job_1')).toBe('assigned.loadingModel');
    expect(agent.heard.map(({ type }) => type)).toEqual(['welcome', 'load', 'run']);
    expect(await workerState()).toBe('swapping');

    agent.acknowledgeAll();
    agent.say({ type: 'loaded', model: 'sketch', loadMs: 5, vramBytes: 1 });
    agent.say({ type: 'started', job: 'job_1', attempt: 1 });
    await settled();
    expect(await stateOf('job_1')).toBe('assigned.executing');
    expect(await workerState()).toBe('executing');

    agent.finish('job_1');
    await settled();
    expect(await stateOf('job_1')).toBe('succeeded');
    expect(await runOf('job_1')).toMatchObject({ chargedMt: 1000, attempt: 1 });
    expect(await balance()).toMatchObject({ allowanceMt: 19_000, heldMt: 0, holds: {} });
    expect(agent.of('settled')).toEqual([{ type: 'settled', job: 'job_1', attempt: 1 }]);
    expect(await workerState()).toBe('idle');
  });

  test('a request that is refused leaves nothing behind', async () => {
    await ready();
    const dear = await submit(core, spec('job_1', { costMt: 20_001 }));
    expect(dear).toMatchObject({ ok: false, refusal: { code: 'insufficient_tokens' } });
    const odd = await submit(core, spec('job_2'), 'No worker can.');
    expect(odd).toMatchObject({ ok: false, refusal: { code: 'impossible' } });
    expect(await core.store.load([jobRef('acc_a', 'job_1'), quotaRef('acc_a')])).toEqual([]);
  });

  test('the same id a hundred times at once is one job with one hold', async () => {
    await ready();
    const outcomes = await Promise.all(
      Array.from({ length: 100 }, () => submit(core, spec('job_1'))),
    );
    expect(outcomes.filter((outcome) => outcome.ok && outcome.changed)).toHaveLength(1);
    expect(outcomes.every((outcome) => outcome.ok)).toBe(true);
    expect(await balance()).toMatchObject({ heldMt: 1000 });
  });

  test('a thousand jobs at once with tokens for twenty: twenty are taken', async () => {
    await ready({ slots: 1 });
    const outcomes = await Promise.all(
      Array.from({ length: 1000 }, (_, n) => submit(core, spec(`job_${n}`))),
    );
    expect(outcomes.filter((outcome) => outcome.ok)).toHaveLength(20);
    expect(await balance()).toMatchObject({ allowanceMt: 0, heldMt: 20_000 });
  });
});

describe('failure', () => {
  test('three failed attempts end the job and return everything', async () => {
    const agent = await ready();
    await submit(core, spec('job_1'));
    for (let attempt = 1; attempt <= 3; attempt++) {
      await settled();
      agent.acknowledgeAll();
      agent.say({ type: 'failed', job: 'job_1', attempt, code: 'outOfMemory', message: 'no room' });
      await core.clock.advance(5_000);
    }
    expect(await stateOf('job_1')).toBe('failed');
    expect(await balance()).toMatchObject({ allowanceMt: 20_000, heldMt: 0 });
    expect(agent.of('run').map((run) => run.attempt)).toEqual([1, 2, 3]);
  });

  test('a refusal by the engine is not tried again', async () => {
    const agent = await ready();
    await submit(core, spec('job_1'));
    await settled();
    agent.acknowledgeAll();
    agent.say({ type: 'failed', job: 'job_1', attempt: 1, code: 'invalidInput', message: '' });
    await settled();
    expect(await stateOf('job_1')).toBe('failed');
  });

  test('an acknowledgement is told to the job only if nothing better follows at once', async () => {
    const agent = await ready({ slots: 2 });
    await submit(core, spec('job_1'));
    await submit(core, spec('job_2'));
    await settled();
    agent.acknowledgeAll();
    agent.say({ type: 'started', job: 'job_1', attempt: 1 });
    await settled();
    const { revision } = (await job('job_1'))!;
    expect(await stateOf('job_1')).toBe('assigned.executing');
    expect((await runOf('job_2')).lease).toMatchObject({ acknowledged: false });
    await core.clock.advance(1_000);
    expect((await job('job_1'))!.revision).toBe(revision);
    expect((await runOf('job_2')).lease).toMatchObject({ acknowledged: true });
  });

  test('an order that nobody acknowledges comes back without costing an attempt', async () => {
    const agent = await ready();
    await submit(core, spec('job_1'));
    await settled();
    await core.clock.advance(10_500);
    expect(await runOf('job_1')).toMatchObject({ attempt: 1, failedOn: [] });
    expect(agent.of('cancel')).toMatchObject([{ job: 'job_1', attempt: 1 }]);
  });

  test('a worker that dies twice: the second attempt runs elsewhere', async () => {
    const agent = await ready();
    await submit(core, spec('job_1'));
    await settled();
    agent.acknowledgeAll();
    agent.say({ type: 'started', job: 'job_1', attempt: 1 });
    await settled();
    agent.cut();
    await core.clock.advance(5_500);
    expect(await stateOf('job_1')).toBe('queued');
    const other = new TestAgent(core, 'wrk_2');
    other.hello();
    await settled();
    expect(other.of('run')).toMatchObject([{ job: 'job_1', attempt: 1 }]);
    other.acknowledgeAll();
    other.finish('job_1');
    await settled();
    expect(await stateOf('job_1')).toBe('succeeded');

    // The first worker comes back with its late result: nothing changes, it is told to forget it.
    const late = new TestAgent(core, 'wrk_1');
    late.hello({ attempts: [{ job: 'job_1', attempt: 1 }] });
    await settled();
    late.finish('job_1');
    await settled();
    expect(late.of('settled')).toMatchObject([{ job: 'job_1', attempt: 1 }]);
    expect(await balance()).toMatchObject({ allowanceMt: 19_000, heldMt: 0 });
  });

  test('a blip redoes nothing: the same boot gets its attempt back', async () => {
    const agent = await ready();
    await submit(core, spec('job_1'));
    await settled();
    agent.acknowledgeAll();
    agent.say({ type: 'started', job: 'job_1', attempt: 1 });
    await settled();
    agent.cut();
    await core.clock.advance(60_000);
    expect(await stateOf('job_1')).toBe('queued');
    const back = new TestAgent(core, 'wrk_1');
    back.hello({ attempts: [{ job: 'job_1', attempt: 1 }], loaded: ['sketch'] });
    await settled();
    expect(await stateOf('job_1')).toBe('assigned.executing');
    back.finish('job_1');
    await settled();
    expect(await stateOf('job_1')).toBe('succeeded');
    expect(back.of('run')).toEqual([]);
  });

  test('a worker that was silent for too long, its socket open, is asked for another hello', async () => {
    const agent = await ready();
    await core.clock.advance(40_000);
    expect(await workerState()).toBe('offline');
    agent.say({ type: 'heartbeat' });
    await settled();
    expect(agent.closeCode).toBe(1013);
  });

  test('a session that broke off within its hello does not turn out the next one', async () => {
    const store = new MemoryStore({ now: () => core.clock.now() });
    core = await testCore({ store });
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
    const agent = await ready();
    await submit(core, spec('job_1'));
    agent.acknowledgeAll();
    agent.say({ type: 'cancelled', job: 'job_1', attempt: 1 }); // given back: the same one goes out again
    await settled();
    await core.clock.advance(1_000);
    expect(agent.of('run')).toHaveLength(2);
    agent.say({ type: 'cancelled', job: 'job_1', attempt: 1 });
    await settled();
    expect(agent.of('run')).toHaveLength(2);
    expect(await stateOf('job_1')).toBe('assigned.loadingModel');
    agent.acknowledgeAll();
    agent.finish('job_1');
    await settled();
    expect(await stateOf('job_1')).toBe('succeeded');
    // Said once more, it is only to be forgotten.
    agent.heard.length = 0;
    agent.finish('job_1');
    await settled();
    expect(agent.of('settled')).toEqual([{ type: 'settled', job: 'job_1', attempt: 1 }]);
  });

  test('a result said before its attempt was given is not taken without its files', async () => {
    let looked = 0;
    core = await testCore({ isStored: () => Promise.resolve(++looked > 0) });
    const agent = new TestAgent(core, 'wrk_1');
    agent.hello();
    await settled();
    // In one tick: the job is given to the worker, and the worker claims to have done it.
    const submitted = submit(core, spec('job_1'));
    agent.finish('job_1');
    await submitted;
    await settled();
    expect(looked).toBe(0);
    expect(await stateOf('job_1')).not.toBe('succeeded');
  });

  test('a parked account holds up neither its worker nor the next job', async () => {
    const agent = await ready();
    await submit(core, spec('job_1'));
    await submit(core, spec('job_2', { accountId: 'acc_b' }));
    await settled();
    agent.acknowledgeAll();
    const unknown = { job: 'job_x', amountMt: 1, reason: '' };
    const poison = { type: 'hold.captureRequested', ...unknown } as const;
    await expect(core.turns.post(quotaRef('acc_a'), poison)).rejects.toThrow(Poison);

    agent.say({ type: 'loaded', model: 'sketch', loadMs: 5, vramBytes: 1 });
    agent.finish('job_1');
    await settled();
    expect(agent.closeCode).toBeNull();
    expect(agent.of('settled')).toMatchObject([{ job: 'job_1' }]);
    expect(agent.of('run').map(({ job }) => job)).toEqual(['job_1', 'job_2']);
    // What the account was told is kept for when it takes turns again.
    expect(await stateOf('job_1')).toBe('succeeded');
    const kept = [...(core.store as MemoryStore).tables.parked.values()].map(({ event }) =>
      JSON.parse(event),
    );
    expect(kept).toMatchObject([{ job: 'job_x' }, { type: 'hold.captureRequested', job: 'job_1' }]);
  });

  test('a deadline passes, though the account is parked', async () => {
    await ready({ models: [offer('atelier')] });
    await submit(core, spec('job_1', { deadlineMs: 30_000 }));
    const poison = { type: 'hold.releaseRequested', job: 'job_x', reason: '' } as const;
    await expect(core.turns.post(quotaRef('acc_a'), poison)).rejects.toThrow(Poison);
    await core.clock.advance(60_000);
    expect(await stateOf('job_1')).toBe('expired');
    expect(await core.store.dueTimers(10)).toEqual([]);
  });

  test('a result whose file never arrived fails the attempt', async () => {
    core = await testCore({ isStored: () => Promise.resolve(false) });
    const agent = new TestAgent(core, 'wrk_1');
    agent.hello();
    await submit(core, spec('job_1'));
    await settled();
    agent.acknowledgeAll();
    agent.finish('job_1');
    await settled();
    expect(await stateOf('job_1')).toBe('backingOff');
  });
});

describe('a new start', () => {
  test('takes the leases of one that died as soon as they run out', async () => {
    const clock = new ManualClock();
    const store = new MemoryStore({ now: clock.now });
    await store.acquireLease('dispatcher', 'one that died', 16_000);
    core = await testCore({ clock, store });
    await clock.advance(15_900);
    expect(core.leases.held('dispatcher')).toBeNull();
    await clock.advance(1_100);
    expect(core.leases.held('dispatcher')).not.toBeNull();
  });

  test('waits for the result of a run whose time has passed while nobody was there', async () => {
    const agent = await ready();
    await submit(core, spec('job_1'));
    await settled();
    agent.acknowledgeAll();
    agent.say({ type: 'started', job: 'job_1', attempt: 1 });
    await settled();
    const { clock, store } = core;
    await core.stop();
    await clock.advance(200_000);

    core = await testCore({ clock, store });
    await clock.advance(BOOT_GRACE_MS - 1_000);
    const back = new TestAgent(core, 'wrk_1');
    back.hello({ attempts: [{ job: 'job_1', attempt: 1 }], loaded: ['sketch'] });
    back.finish('job_1');
    await settled();
    expect(await stateOf('job_1')).toBe('succeeded');
    expect(await runOf('job_1')).toMatchObject({ attempt: 1 });
  });

  test('does not bring back a job that ended while the queue was read', async () => {
    await ready({ models: [offer('atelier')] });
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
});

describe('cancel and deadline', () => {
  test.each([
    ['queued', false],
    ['executing', true],
  ])('cancel while %s returns everything and touches nobody else', async (_, runs) => {
    const agent = await ready({ slots: runs ? 2 : 1 });
    await submit(core, spec('job_other'));
    await submit(core, spec('job_1'));
    await settled();
    agent.acknowledgeAll();
    await core.turns.post(jobRef('acc_a', 'job_1'), { type: 'job.cancelRequested' });
    await settled();
    expect(await stateOf('job_1')).toBe('cancelled');
    expect(agent.of('cancel').map(({ job }) => job)).toEqual(runs ? ['job_1'] : []);
    expect(await stateOf('job_other')).toBe('assigned.loadingModel');
    expect(await balance()).toMatchObject({ allowanceMt: 19_000, heldMt: 1000 });
  });

  test('a job that nobody takes expires at its deadline', async () => {
    core = await testCore();
    await submit(core, spec('job_1', { deadlineMs: 30_000 }));
    await core.clock.advance(29_000);
    expect(await stateOf('job_1')).toBe('queued');
    await core.clock.advance(2_000);
    expect(await stateOf('job_1')).toBe('expired');
    expect(await balance()).toMatchObject({ allowanceMt: 20_000, heldMt: 0 });
  });
});

test('models that do not fit together are swapped; the queue says why it waits', async () => {
  const agent = await ready({ models: [offer('sketch'), offer('atelier')] });
  await submit(core, spec('job_1'));
  await submit(core, spec('job_2', { model: 'atelier' }));
  await settled();
  agent.acknowledgeAll();
  expect(core.dispatcher.outlook('job_2')).toMatchObject({
    position: 0,
    eta: { reason: expect.any(String) },
  });
  agent.say({ type: 'loaded', model: 'sketch', loadMs: 5, vramBytes: 1 });
  agent.finish('job_1');
  await settled();
  expect(agent.heard.slice(-2).map(({ type }) => type)).toEqual(['load', 'run']);
});
