// Everything that could grow is bounded, and at its bound it harms nobody else.
import { describe, expect, test } from 'vitest';
import { assign, createMachine, type AnyStateMachine } from 'xstate';
import { MemoryStore } from '../db/memory-store.ts';
import type { Store } from '../db/store.ts';
import type { ActorEvent } from '../machines/contract/events.ts';
import { jobRef, quotaRef } from '../machines/contract/ids.ts';
import { SNAPSHOT_BYTES_MAX } from './actor.ts';
import { realIds, type Clock } from './clock.ts';
import { Overloaded } from './mailbox.ts';
import { Parked, Poison } from './parking.ts';
import { Reader } from './reader.ts';
import { Residents } from './residents.ts';
import { spec } from './testing.ts';
import { Turns } from './turn.ts';
import { REGISTRY, type Registry } from './versions.ts';

const at = () => Date.UTC(2026, 0, 15, 12);
/** Time stands still, and pauses take none. */
const clock: Clock = {
  now: at,
  sync: () => undefined,
  sleep: () => new Promise((resolve) => setImmediate(resolve)),
};

function turnsOver(store: Store, registry: Registry = REGISTRY, residentsMax = 1_000) {
  const log = () => undefined;
  const residents = new Residents(store, residentsMax, new Reader({ log, registry }));
  const turns = new Turns({
    ...{ store, clock, residents, log },
    ids: realIds,
    assigner: { assign: () => [], upcoming: () => [], withdrawn: () => undefined },
    committed: () => undefined,
    published: () => undefined,
    giveUp: new AbortController().signal,
  });
  return { turns, residents };
}

const storeOf = () => new MemoryStore({ now: at });

const submit = (turns: Turns, id: string, accountId = 'acc_a') =>
  turns.post(jobRef(accountId, id), {
    type: 'job.submitRequested',
    spec: spec(id, { accountId, costMt: 50 }),
    impossible: null,
  });

/** Accounts with another chart, for what ours never do. */
const withQuota = (machine: AnyStateMachine): Registry => ({
  ...REGISTRY,
  quota: { current: { machine, version: 1 }, inputFor: () => ({}) },
});

const tell = (reason = ''): ActorEvent => ({ type: 'hold.releaseRequested', job: 'job_1', reason });

describe('a chart that never comes to rest', () => {
  const round = { here: { always: 'there' }, there: { always: 'here' } };
  const later = createMachine({
    id: 'quota',
    initial: 'calm',
    states: { calm: { on: { 'hold.releaseRequested': 'here' } }, ...round },
  });
  const atOnce = createMachine({ id: 'quota', initial: 'here', states: round });

  test.for([
    ['after an event', later],
    ['when it is born', atOnce],
  ] as const)('%s is stopped; its actor is parked, its neighbours go on', async ([, machine]) => {
    const store = storeOf();
    const { turns } = turnsOver(store, withQuota(machine));
    const [endless, neighbour] = await Promise.allSettled([
      turns.post(quotaRef('acc_a'), tell()),
      turns.post(jobRef('acc_b', 'job_1'), {
        type: 'job.submitRequested',
        spec: spec('job_1', { accountId: 'acc_b' }),
        impossible: 'No worker can.',
      }),
    ]);
    expect(endless).toMatchObject({ status: 'rejected', reason: expect.any(Poison) });
    expect(String(endless.status === 'rejected' && endless.reason)).toMatch(/1000 microsteps/);
    expect(neighbour).toMatchObject({ status: 'fulfilled', value: { ok: false } });
    expect([...store.tables.parked.values()]).toMatchObject([{ ref: quotaRef('acc_a') }]);
  });
});

describe('an actor that gathers without end', () => {
  const hoarder = createMachine({
    id: 'quota',
    context: { kept: '' },
    on: {
      'hold.releaseRequested': {
        actions: assign({ kept: ({ context, event }) => context.kept + event['reason'] }),
      },
    },
  });
  const handful = 'x'.repeat(20_000);

  test('is parked with the event that was too much; what came before stays', async () => {
    const store = storeOf();
    const { turns } = turnsOver(store, withQuota(hoarder));
    const told = Array.from({ length: 5 }, () => turns.post(quotaRef('acc_a'), tell(handful)));
    const neighbour = turns.post(quotaRef('acc_b'), tell('little'));
    const outcomes = await Promise.allSettled(told);
    expect(outcomes.map(({ status }) => status).slice(0, 4)).toEqual([
      ...['fulfilled', 'fulfilled', 'fulfilled', 'rejected'],
    ]);
    expect(await neighbour).toMatchObject({ ok: true, changed: true });
    const [row] = await store.load([quotaRef('acc_a')]);
    expect(row).toMatchObject({ revision: 3, parked: true });
    expect(Buffer.byteLength(row!.snapshot)).toBeLessThan(SNAPSHOT_BYTES_MAX);
    const [parked] = [...store.tables.parked.values()];
    expect(JSON.parse(parked!.event)).toMatchObject(tell(handful));
    expect(parked!.reason).toMatch(/may have 65536/);
    await expect(turns.post(quotaRef('acc_a'), tell('little'))).rejects.toThrow(Parked);
  });

  test('is measured in bytes, not in letters', async () => {
    const store = storeOf();
    const { turns } = turnsOver(store, withQuota(hoarder));
    const wide = turns.post(quotaRef('acc_a'), tell('é'.repeat(SNAPSHOT_BYTES_MAX / 2)));
    await expect(wide).rejects.toThrow(Poison);
  });
});

describe('the mailbox', () => {
  test('has room for a thousand events of one actor, and then for others', async () => {
    const { turns } = turnsOver(storeOf());
    const flood = Array.from({ length: 1_001 }, () => submit(turns, 'job_1'));
    const other = submit(turns, 'job_2');
    await expect(flood.at(-1)).rejects.toThrow(Overloaded);
    expect(await other).toMatchObject({ ok: true });
    const outcomes = await Promise.all(flood.slice(0, -1));
    expect(outcomes.every(({ ok }) => ok)).toBe(true);
    expect(await submit(turns, 'job_1')).toMatchObject({ ok: true, changed: false });
  });

  test('has room for ten thousand, says so at once, and takes more when it has been emptied', async () => {
    const { turns } = turnsOver(storeOf());
    const posts = Array.from({ length: 10_001 }, (_, n) => submit(turns, `job_${n % 20}`));
    await expect(posts.at(-1)).rejects.toThrow(Overloaded);
    await Promise.all(posts.slice(0, -1));
    expect(await submit(turns, 'job_20')).toMatchObject({ ok: true, changed: true });
  });
});

test('of more accounts than are kept in memory, those that rest cost none', async () => {
  const store = storeOf();
  const { turns, residents } = turnsOver(store, REGISTRY, 50);
  for (let round = 0; round < 2; round++)
    for (let n = 0; n < 200; n += 20)
      await Promise.all(
        Array.from({ length: 20 }, (_, k) => submit(turns, `job_${round}`, `acc_${n + k}`)),
      );
  await turns.idle();
  expect(residents.size).toBeLessThanOrEqual(50);
  const rows = await store.load(Array.from({ length: 200 }, (_, n) => quotaRef(`acc_${n}`)));
  expect(rows.map(({ revision }) => revision)).toEqual(Array.from({ length: 200 }, () => 2));
});
