import { describe, expect, it } from 'vitest';
import { assign, cancel, createMachine, raise } from 'xstate';
import { MemoryStore } from '../db/memory-store.ts';
import type { StoredActor } from '../db/store.ts';
import type { ActorEvent } from '../machines/contract/events.ts';
import { jobRef, quotaRef, refKey, type ActorRef } from '../machines/contract/ids.ts';
import { isUnreadable, restore, stateName } from './actor.ts';
import { realIds } from './clock.ts';
import { makeCore, type Core } from './core.ts';
import { Reader } from './reader.ts';
import { everyFileIsStored, ManualClock, spec, submit } from './testing.ts';
import { aftersOf, raised } from './versions-testing.ts';
import { REGISTRY, UnknownVersion, type Registry } from './versions.ts';

// --- a small chart and its second version: states renamed, a timer added, one taken away -------------

const ACTOR = quotaRef('acc_1');
const connected = { type: 'worker.connected' } as ActorEvent;
const beat = { type: 'worker.heartbeat' } as ActorEvent;
const drain = { type: 'worker.drainRequested' } as ActorEvent;

const first = createMachine({
  id: 'quota',
  context: { beats: 0 },
  initial: 'idle',
  states: {
    idle: {
      on: {
        'worker.heartbeat': { actions: assign({ beats: ({ context }) => context.beats + 1 }) },
      },
    },
    busy: {
      after: { 1000: 'idle' },
      entry: [cancel('lease'), raise({ type: 'lease.expired' }, { id: 'lease', delay: 50_000 })],
    },
  },
  on: { 'worker.drainRequested': '.busy' },
});

const second = createMachine({
  id: 'quota',
  context: { heard: 0 },
  initial: 'waiting',
  states: {
    waiting: {
      on: {
        'worker.heartbeat': { actions: assign({ heard: ({ context }) => context.heard + 1 }) },
      },
      after: { patience: 'gone' },
    },
    busy: { on: { 'lease.expired': 'gone' } },
    gone: { on: { 'lease.expired': 'waiting' } },
  },
}).provide({ delays: { patience: ({ context }) => 5000 + context.heard } });

const FIRST: Registry = {
  ...REGISTRY,
  quota: { ...REGISTRY.quota, current: { machine: first, version: 1 } },
};
const SECOND: Registry = {
  ...REGISTRY,
  quota: {
    ...REGISTRY.quota,
    current: { machine: second, version: 2 },
    upcasts: {
      1: ({ value, context, ...stored }) => ({
        ...stored,
        value: value === 'idle' ? 'waiting' : value,
        context: { heard: (context as { beats: number }).beats },
      }),
    },
  },
};

// --- runtimes that share a store ------------------------------------------------------------------------

function world() {
  const clock = new ManualClock();
  const store = new MemoryStore({ now: clock.now });
  const said: string[] = [];
  const leftAlone: string[] = [];
  const start = async (runtimeId: string, registry: Registry): Promise<Core> => {
    const core = makeCore({
      ...{ store, clock, ids: realIds, isStored: everyFileIsStored, version: 'test' },
      ...{ runtimeId, registry, log: (line: string) => void said.push(line) },
      leftAlone: ({ ref }) => void leftAlone.push(`${runtimeId} ${refKey(ref)}`),
    });
    await core.start();
    return core;
  };
  const row = (ref: ActorRef): StoredActor => store.tables.actors.get(refKey(ref))!;
  const timers = (ref: ActorRef) =>
    [...store.tables.timers.values()]
      .filter((timer) => refKey(timer.ref) === refKey(ref))
      .map(({ name, armingId, dueAt }) => [name, armingId, dueAt - clock.now()])
      .sort();
  return { clock, store, said, leftAlone, start, row, timers };
}

const PATIENCE = 'xstate.after.patience.quota.waiting';

describe('an actor that never ends', () => {
  it('is brought forward with its next turn, and a timer that was added is armed', async () => {
    const { clock, start, row, timers } = world();
    const old = await start('old', FIRST);
    await old.turns.post(ACTOR, connected);
    await old.turns.post(ACTOR, beat);
    await old.stop();

    const core = await start('new', SECOND);
    expect(row(ACTOR)).toMatchObject({ version: 1, state: 'idle' });
    // Nothing that the chart would notice; the turn is taken all the same.
    await core.turns.post(ACTOR, connected);
    expect(row(ACTOR)).toMatchObject({ version: 2, state: 'waiting', revision: 3 });
    expect(timers(ACTOR)).toEqual([[PATIENCE, 3, 5001]]);
    const { wanted, armed } = aftersOf(restore(row(ACTOR), SECOND));
    expect([wanted, armed]).toEqual([[PATIENCE], [PATIENCE]]);
    await clock.advance(6_000);
    expect(row(ACTOR)).toMatchObject({ state: 'gone', revision: 4 });
    await core.stop();
  });

  it('loses a timer that was taken away, and keeps a delayed raise that was not', async () => {
    const { start, row, timers } = world();
    const old = await start('old', FIRST);
    await old.turns.post(ACTOR, connected);
    await old.turns.post(ACTOR, drain);
    expect(timers(ACTOR).map(([name]) => name)).toEqual(['lease', 'xstate.after.1000.quota.busy']);
    await old.stop();

    const core = await start('new', SECOND);
    await core.turns.post(ACTOR, beat);
    expect(row(ACTOR)).toMatchObject({ version: 2, state: 'busy' });
    expect(timers(ACTOR)).toEqual([['lease', 2, 50_000]]);
    await core.stop();
  });

  it('is not moved by a timer that was taken away and goes off first', async () => {
    const { clock, start, row, timers } = world();
    const old = await start('old', FIRST);
    await old.turns.post(ACTOR, connected);
    await old.turns.post(ACTOR, drain);
    await old.stop();
    const core = await start('new', SECOND);
    await clock.advance(40_000);
    expect(row(ACTOR)).toMatchObject({ version: 2, state: 'busy', revision: 3 });
    expect(timers(ACTOR).map(([name]) => name)).toEqual(['lease']);
    await clock.advance(40_000);
    expect(row(ACTOR).state).toBe('gone');
    await core.stop();
  });

  it('goes through every version in between, or nowhere', () => {
    const stored = {
      ...{ ref: ACTOR, machine: 'quota', revision: 7, parked: false, createdAt: 0, updatedAt: 0 },
      ...{ state: 'idle', tags: [] },
      snapshot: JSON.stringify({
        value: 'idle',
        context: { beats: 2 },
        status: 'active',
        timers: {},
      }),
    };
    const third: Registry = {
      ...SECOND,
      quota: {
        ...SECOND.quota,
        current: { machine: second, version: 3 },
        upcasts: {
          ...SECOND.quota.upcasts,
          2: (at) => ({ ...at, arm: [{ id: 'lease', event: 'lease.expired', delayMs: 9 }] }),
        },
      },
    };
    const actor = restore({ ...stored, version: 1 }, third);
    expect([actor.chart.version, actor.snapshot.context]).toEqual([3, { heard: 2 }]);
    expect(actor.owed?.map(({ params }) => (params as { id: string }).id)).toEqual([
      'lease',
      PATIENCE,
    ]);
    const { 2: _, ...gap } = third.quota.upcasts!;
    const broken = { ...third, quota: { ...third.quota, upcasts: gap } };
    expect(() => restore({ ...stored, version: 1 }, broken)).toThrow(UnknownVersion);
    expect(() => restore({ ...stored, version: 4 }, third)).toThrow(UnknownVersion);
    expect(() => restore({ ...stored, version: 1, machine: 'job' }, third)).toThrow(UnknownVersion);
  });
});

describe('a job', () => {
  const NEXT = raised();

  it('goes on with the chart it began with, while new ones begin with the new', async () => {
    const { start, row } = world();
    const old = await start('old', REGISTRY);
    await submit(old, spec('job_1'));
    await old.stop();
    const core = await start('new', NEXT);
    await submit(core, spec('job_2'));
    await core.turns.post(jobRef('acc_a', 'job_1'), { type: 'job.cancelRequested' });
    expect(row(jobRef('acc_a', 'job_1'))).toMatchObject({ version: 1, state: 'cancelled' });
    expect(row(jobRef('acc_a', 'job_2'))).toMatchObject({ version: 2, state: 'queued' });
    // Its account went along with the first turn.
    expect(row(quotaRef('acc_a')).version).toBe(2);
    await core.stop();
  });

  it('can be read when it has ended and its chart is gone; under way it is left alone', async () => {
    const { start, row } = world();
    const old = await start('old', REGISTRY);
    await submit(old, spec('job_1'));
    await submit(old, spec('job_2'));
    await old.turns.post(jobRef('acc_a', 'job_1'), { type: 'job.cancelRequested' });
    await old.stop();
    const later: Registry = { ...NEXT, job: { ...NEXT.job, pinned: [] } };
    const ended = restore(row(jobRef('acc_a', 'job_1')), later);
    expect([stateName(ended.snapshot.value), ended.snapshot.status]).toEqual(['cancelled', 'done']);
    expect(() => restore(row(jobRef('acc_a', 'job_2')), later)).toThrow(UnknownVersion);
  });
});

describe('what newer code wrote', () => {
  it('is left alone, counted once, said once', async () => {
    const { start, row, said, leftAlone, store, clock, timers } = world();
    const newer = await start('new', raised());
    await submit(newer, spec('job_1', { deadlineMs: 5_000 }));
    await submit(newer, spec('job_2', { deadlineMs: 5_000 }));
    const before = JSON.stringify([...store.tables.actors.values()]);
    const armed = timers(jobRef('acc_a', 'job_1'));
    await newer.stop();

    const core = await start('old', REGISTRY);
    const cancelled = core.turns.post(jobRef('acc_a', 'job_1'), { type: 'job.cancelRequested' });
    await expect(cancelled).rejects.toThrow('was written by a version that this runtime does not');
    // The account is newer too: nothing can be held, so nothing is made.
    await expect(submit(core, spec('job_3'))).rejects.toThrow('acc_a/quota/acc_a was written');
    await clock.advance(20_000);
    expect(JSON.stringify([...store.tables.actors.values()])).toBe(before);
    expect(timers(jobRef('acc_a', 'job_1'))).toEqual(
      armed.map(([name, id, ms]) => [name, id, Number(ms) - 20_000]),
    );
    expect(core.dispatcher.status().queue.waiting).toBe(0);
    expect(leftAlone.sort()).toEqual([
      'old acc_a/job/job_1',
      'old acc_a/job/job_2',
      'old acc_a/quota/acc_a',
    ]);
    expect(said.filter((line) => line.startsWith('left alone')).length).toBe(2);
    await core.stop();

    // Whoever knows it runs it, late but whole.
    const again = await start('newest', raised());
    await clock.advance(5_000);
    expect(row(jobRef('acc_a', 'job_1')).state).toBe('expired');
    await again.stop();
  });

  it('is not written back older by a runtime that had it in memory', async () => {
    const { start, row, clock } = world();
    const old = await start('old', REGISTRY);
    await submit(old, spec('job_1'));
    const newer = await start('new', raised());
    await submit(newer, spec('job_2'));
    expect(row(quotaRef('acc_a'))).toMatchObject({ version: 2, revision: 2 });
    const stale = submit(old, spec('job_3'));
    stale.catch(() => undefined);
    await clock.advance(1_000);
    await expect(stale).rejects.toThrow('acc_a/quota/acc_a was written');
    expect(row(quotaRef('acc_a'))).toMatchObject({ version: 2, revision: 2 });
    expect(row(jobRef('acc_a', 'job_3'))).toBeUndefined();
    await old.stop();
    await newer.stop();
  });

  it('gets the dispatcher and the timers: an older runtime makes room', async () => {
    const { start, clock } = world();
    const old = await start('old', REGISTRY);
    expect(old.leases.held('timers')).not.toBeNull();
    const newer = await start('new', raised());
    await submit(newer, spec('job_1'));
    await expect(
      old.turns.post(jobRef('acc_a', 'job_1'), { type: 'job.cancelRequested' }),
    ).rejects.toThrow();
    await clock.advance(15_000);
    for (const name of ['dispatcher', 'timers'] as const) {
      expect(old.leases.held(name)).toBeNull();
      expect(newer.leases.held(name)).not.toBeNull();
    }
    // Rolled back: what is left is better than nobody.
    await newer.stop();
    await clock.advance(5_000);
    expect(old.leases.held('timers')).not.toBeNull();
    await old.stop();
  });

  it("has due timers that take nobody else's place", async () => {
    const { start, row, clock, store } = world();
    const newer = await start('new', raised());
    for (let n = 0; n < 600; n++)
      await submit(newer, spec(`job_${n}`, { accountId: `acc_${n}`, deadlineMs: 1_000 }));
    await newer.stop();
    const old = await start('old', REGISTRY);
    await submit(old, spec('job_ours', { deadlineMs: 2_000 }));
    await clock.advance(30_000);
    expect(row(jobRef('acc_a', 'job_ours')).state).toBe('expired');
    expect((await store.dueTimers(1_000)).length).toBe(600);
    await old.stop();
  });

  it('and a damaged row alike stand still without a word to anybody else', () => {
    const said: string[] = [];
    const reader = new Reader({ log: (line) => void said.push(line) });
    const row: StoredActor = {
      ...{ ref: quotaRef('acc_a'), machine: 'quota', version: 1, revision: 3, parked: false },
      ...{ state: '', tags: [], snapshot: '{"value":', createdAt: 0, updatedAt: 0 },
    };
    expect(isUnreadable(reader.read(row))).toBe(true);
    expect(isUnreadable(reader.read(row))).toBe(true);
    expect(said.length).toBe(1);
  });
});
