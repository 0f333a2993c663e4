// An account that rests with an operator holds up nobody else.
import { expect, test } from 'vitest';
import type { MemoryStore } from '../db/memory-store.ts';
import { quotaRef } from '../machines/contract/ids.ts';
import { Poison } from './parking.ts';
import { offer, ready, settled, spec, submit } from './testing.ts';

test('a parked account holds up neither its worker nor the next job', async () => {
  const { core, agent } = await ready();
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
  expect(await core.stateOf('job_1')).toBe('succeeded');
  const kept = [...(core.store as MemoryStore).tables.parked.values()].map(({ event }) =>
    JSON.parse(event),
  );
  expect(kept).toMatchObject([{ job: 'job_x' }, { type: 'hold.captureRequested', job: 'job_1' }]);
});

test('a deadline passes, though the account is parked', async () => {
  const { core } = await ready({ models: [offer('atelier')] });
  await submit(core, spec('job_1', { deadlineMs: 30_000 }));
  const poison = { type: 'hold.releaseRequested', job: 'job_x', reason: '' } as const;
  await expect(core.turns.post(quotaRef('acc_a'), poison)).rejects.toThrow(Poison);
  await core.clock.advance(60_000);
  expect(await core.stateOf('job_1')).toBe('expired');
  expect(await core.store.dueTimers(10)).toEqual([]);
});
