// The life of a job in one runtime: from submit to charge, by cancel, by its deadline, by a change of model.
import { describe, expect, test } from 'vitest';
import { jobRef, quotaRef } from '../machines/contract/ids.ts';
import { offer, ready, settled, spec, submit, testCore } from './testing.ts';

describe('the life of a job', () => {
  test('from submit to charge: held, loaded, run, captured', async () => {
    const { core, agent } = await ready();
    const outcome = await submit(core, spec('job_1'));
    expect(outcome).toMatchObject({ ok: true, changed: true });
    expect(await core.balance()).toMatchObject({ allowanceMt: 19_000, heldMt: 1000 });
    await settled();
    expect(await core.stateOf('job_1')).toBe('assigned.loadingModel');
    expect(agent.heard.map(({ type }) => type)).toEqual(['welcome', 'load', 'run']);
    expect(await core.workerState()).toBe('swapping');

    agent.acknowledgeAll();
    agent.say({ type: 'loaded', model: 'sketch', loadMs: 5, vramBytes: 1 });
    agent.say({ type: 'started', job: 'job_1', attempt: 1 });
    await settled();
    expect(await core.stateOf('job_1')).toBe('assigned.executing');
    expect(await core.workerState()).toBe('executing');

    agent.finish('job_1');
    await settled();
    expect(await core.stateOf('job_1')).toBe('succeeded');
    expect(await core.runOf('job_1')).toMatchObject({ chargedMt: 1000, attempt: 1 });
    expect(await core.balance()).toMatchObject({ allowanceMt: 19_000, heldMt: 0, holds: {} });
    expect(agent.of('settled')).toEqual([{ type: 'settled', job: 'job_1', attempt: 1 }]);
    expect(await core.workerState()).toBe('idle');
  });

  test('a request that is refused leaves nothing behind', async () => {
    const { core } = await ready();
    const dear = await submit(core, spec('job_1', { costMt: 20_001 }));
    expect(dear).toMatchObject({ ok: false, refusal: { code: 'insufficient_tokens' } });
    const odd = await submit(core, spec('job_2'), 'No worker can.');
    expect(odd).toMatchObject({ ok: false, refusal: { code: 'impossible' } });
    expect(await core.store.load([jobRef('acc_a', 'job_1'), quotaRef('acc_a')])).toEqual([]);
  });

  test('the same id a hundred times at once is one job with one hold', async () => {
    const { core } = await ready();
    const outcomes = await Promise.all(
      Array.from({ length: 100 }, () => submit(core, spec('job_1'))),
    );
    expect(outcomes.filter((outcome) => outcome.ok && outcome.changed)).toHaveLength(1);
    expect(outcomes.every((outcome) => outcome.ok)).toBe(true);
    expect(await core.balance()).toMatchObject({ heldMt: 1000 });
  });

  test('a thousand jobs at once with tokens for twenty: twenty are taken', async () => {
    const { core } = await ready({ slots: 1 });
    const outcomes = await Promise.all(
      Array.from({ length: 1000 }, (_, n) => submit(core, spec(`job_${n}`))),
    );
    expect(outcomes.filter((outcome) => outcome.ok)).toHaveLength(20);
    expect(await core.balance()).toMatchObject({ allowanceMt: 0, heldMt: 20_000 });
  });
});

describe('cancel and deadline', () => {
  test.each([
    ['queued', false],
    ['executing', true],
  ])('cancel while %s returns everything and touches nobody else', async (_, runs) => {
    const { core, agent } = await ready({ slots: runs ? 2 : 1 });
    await submit(core, spec('job_other'));
    await submit(core, spec('job_1'));
    await settled();
    agent.acknowledgeAll();
    await core.turns.post(jobRef('acc_a', 'job_1'), { type: 'job.cancelRequested' });
    await settled();
    expect(await core.stateOf('job_1')).toBe('cancelled');
    expect(agent.of('cancel').map(({ job }) => job)).toEqual(runs ? ['job_1'] : []);
    expect(await core.stateOf('job_other')).toBe('assigned.loadingModel');
    expect(await core.balance()).toMatchObject({ allowanceMt: 19_000, heldMt: 1000 });
  });

  test('a job that nobody takes expires at its deadline', async () => {
    const core = await testCore();
    await submit(core, spec('job_1', { deadlineMs: 30_000 }));
    await core.clock.advance(29_000);
    expect(await core.stateOf('job_1')).toBe('queued');
    await core.clock.advance(2_000);
    expect(await core.stateOf('job_1')).toBe('expired');
    expect(await core.balance()).toMatchObject({ allowanceMt: 20_000, heldMt: 0 });
  });
});

test('models that do not fit together are swapped; the queue says why it waits', async () => {
  const { core, agent } = await ready({ models: [offer('sketch'), offer('atelier')] });
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
