// What inspectors see: every turn once, in order, whether it was read from the journal or came by live,
// from this runtime or from another one.
import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { jobRef, refKey, type ActorRef } from '../../machines/contract/ids.ts';
import type { Component } from '../component.ts';
import { settled, spec, submit, testCore } from '../testing.ts';
import type { InspectionFrame } from './frames.ts';
import type { History } from './history.ts';
import { Inspector } from './inspector.ts';
import { historyIn, Life } from './testing.ts';

/** A reader in this process. `pause` leaves what is sent in the buffer. */
class Reader {
  readonly texts: string[] = [];
  readonly frames: InspectionFrame[] = [];
  closed: { code: number; reason: string } | null = null;
  bufferedAmount = 0;
  #session: { receive(text: string): void; closed(): void } | null = null;
  isPaused = false;
  #waiting: (() => void)[] = [];

  static on(inspector: Inspector): Reader {
    const reader = new Reader();
    reader.#session = inspector.accept(reader, {
      requestId: 'req_1',
      failed: (error) => {
        throw error;
      },
    });
    return reader;
  }

  get isAccepted(): boolean {
    return this.#session !== null;
  }

  ask(subscribe: object): void {
    this.#session!.receive(JSON.stringify({ subscribe }));
  }

  leave(): void {
    this.#session!.closed();
  }

  send(text: string, sent: () => void): void {
    this.texts.push(text);
    const frame = JSON.parse(text) as InspectionFrame;
    if (frame.type.startsWith('@xstate.')) this.frames.push(frame);
    if (!this.isPaused) return sent();
    this.bufferedAmount += text.length;
    this.#waiting.push(sent);
  }

  goOn(): void {
    this.isPaused = false;
    this.bufferedAmount = 0;
    for (const sent of this.#waiting.splice(0)) sent();
  }

  close(code: number, reason: string): void {
    this.closed = { code, reason };
  }

  snapshots(ref?: ActorRef) {
    return this.frames
      .filter((frame) => frame.type === '@xstate.snapshot')
      .filter(({ sessionId }) => !ref || sessionId === refKey(ref));
  }
}

async function world(
  seed = 3,
  slowly: (read: () => Promise<void>) => Promise<void> = (read) => read(),
) {
  let inspector: Inspector | null = null;
  const life = await Life.begin(seed, (component: Component) => inspector?.committed(component));
  const { store, clock } = life.core;
  const log = (message: string) => {
    throw new Error(message);
  };
  const history = historyIn(life.store);
  const rows: History['rows'] = async (...asked) => {
    let found: Awaited<ReturnType<History['rows']>> = [];
    await slowly(async () => void (found = await history.rows(...asked)));
    return found;
  };
  inspector = new Inspector({ store, clock, history: { ...history, rows }, log });
  return { life, inspector };
}

const upTo = (last: number) => Array.from({ length: last }, (_, n) => n + 1);

// As `@statelyai/inspect` 0.7.2 declares them.
const base = {
  _version: z.string(),
  id: z.string(),
  sessionId: z.string(),
  rootId: z.string().optional(),
  createdAt: z.string().regex(/^\d+$/),
};
const event = z.looseObject({ type: z.string() });
const snapshot = z.looseObject({ status: z.enum(['active', 'done', 'error', 'stopped']) });
const statelyEvent = z.discriminatedUnion('type', [
  z.looseObject({
    ...{ type: z.literal('@xstate.actor'), ...base, name: z.string(), snapshot },
    definition: z.string().optional(),
    parentId: z.string().optional(),
  }),
  z.looseObject({
    ...{ type: z.literal('@xstate.event'), ...base, event },
    sourceId: z.string().optional(),
  }),
  z.looseObject({ type: z.literal('@xstate.snapshot'), ...base, event, snapshot }),
]);

describe('one actor', () => {
  it('is told from any turn on, then live, in one unbroken row', async () => {
    const { life, inspector } = await world();
    await life.live(150);
    const quota = { accountId: 'acc_a', kind: 'quota', id: 'acc_a' } as const;
    const [early, late, now] = [Reader.on(inspector), Reader.on(inspector), Reader.on(inspector)];
    early.ask({ kind: 'quota', id: 'acc_a', after: 0 });
    await life.live(100);
    late.ask({ kind: 'quota', id: 'acc_a', after: 20 });
    await settled();
    const { revision: joined } = life.store.tables.actors.get(refKey(quota))!;
    now.ask({ kind: 'quota', id: 'acc_a' });
    await life.live(150);
    const { revision, snapshot: stored } = life.store.tables.actors.get(refKey(quota))!;
    expect(revision).toBeGreaterThan(joined + 5);
    expect(early.snapshots().map((frame) => frame.revision)).toEqual(upTo(revision));
    expect(late.snapshots().map((frame) => frame.revision)).toEqual(upTo(revision).slice(20));
    expect(now.snapshots().map((frame) => frame.revision)).toEqual(upTo(revision).slice(joined));
    // Read or heard, a turn is told in the same words; only who told it is known to the ear alone.
    const words = (reader: Reader) =>
      reader.frames
        .filter(({ type }) => type !== '@xstate.actor')
        .map((each) => ({ ...each, sourceId: 0 }));
    expect(words(early).slice(-words(now).length)).toEqual(words(now));
    const { value, context } = JSON.parse(stored) as Record<string, unknown>;
    expect(now.snapshots().at(-1)!.snapshot).toMatchObject({ value, context });
  });

  it('is introduced as it was after the turn asked for', async () => {
    const { life, inspector } = await world();
    await life.live(150);
    const [all, some] = [Reader.on(inspector), Reader.on(inspector)];
    all.ask({ kind: 'quota', id: 'acc_a', after: 0 });
    some.ask({ kind: 'quota', id: 'acc_a', after: 7 });
    await settled();
    const [unborn, known] = [all.frames[0]!, some.frames[0]!];
    expect([unborn.type, unborn.revision, known.type, known.revision]).toEqual([
      ...['@xstate.actor', 0, '@xstate.actor', 7],
    ]);
    expect(unborn).toMatchObject({ snapshot: { status: 'active' } });
    expect(known).toMatchObject({ snapshot: all.snapshots()[6]!.snapshot });
    expect(JSON.parse((known as { definition: string }).definition)).toMatchObject({ id: 'quota' });
  });

  it.each(['before', 'after'])(
    'is told once what is committed %s the past is read',
    async (when) => {
      let isSlow = true;
      let goOn = (): void => undefined;
      const { life, inspector } = await world(3, async (read) => {
        if (when === 'after') await read();
        if (isSlow) await new Promise<void>((resolve) => (goOn = resolve));
        if (when === 'before') await read();
      });
      await submit(life.core, spec('job_a'));
      const reader = Reader.on(inspector);
      reader.ask({ kind: 'quota', id: 'acc_a' });
      await settled();
      const [{ revision: joined }] = reader.frames as [InspectionFrame];
      await submit(life.core, spec('job_b'));
      isSlow = false;
      goOn();
      await settled();
      const { revision } = life.store.tables.actors.get('acc_a/quota/acc_a')!;
      expect(revision).toBeGreaterThan(joined);
      const told = reader.snapshots().map((frame) => frame.revision);
      expect(told).toEqual(upTo(revision).slice(joined));
    },
  );

  it('that does not exist is refused', async () => {
    const { inspector } = await world();
    const reader = Reader.on(inspector);
    reader.ask({ kind: 'worker', id: 'wrk_none' });
    await settled();
    expect(reader.closed?.code).toBe(1008);
    expect(reader.texts.join()).toContain('"not_found"');
  });
});

describe('many actors', () => {
  it('are told from when they are first seen, each without a gap', async () => {
    const { life, inspector } = await world();
    await life.live(100);
    const [all, jobs, ofB] = [Reader.on(inspector), Reader.on(inspector), Reader.on(inspector)];
    all.ask({});
    jobs.ask({ kind: 'job' });
    ofB.ask({ account: 'acc_b' });
    await life.live(200);
    for (const frame of all.frames) statelyEvent.parse(frame);
    for (const reader of [all, jobs, ofB]) {
      expect(reader.frames.length).toBeGreaterThan(20);
      expect(new Set(reader.frames.map(({ id }) => id)).size).toBe(reader.frames.length);
      for (const actor of life.store.tables.actors.values()) {
        const [introduced, ...others] = reader.frames.filter(
          ({ sessionId, type }) => sessionId === refKey(actor.ref) && type !== '@xstate.event',
        );
        if (!introduced) continue;
        expect(introduced.type).toBe('@xstate.actor');
        const told = others.map(({ revision }) => revision);
        expect(told).toEqual(upTo(actor.revision).slice(introduced.revision));
      }
    }
    expect(jobs.frames.every(({ sessionId }) => sessionId.includes('/job/'))).toBe(true);
    expect(ofB.frames.every(({ sessionId }) => sessionId.startsWith('acc_b/'))).toBe(true);
    // Within a commit it is known who spoke.
    const told = all.frames.filter((frame) => frame.type === '@xstate.event' && frame.sourceId);
    expect(told.length).toBeGreaterThan(20);
  });

  it('of another runtime are found by looking', async () => {
    const { life, inspector } = await world();
    const { store, clock } = life.core;
    const other = await testCore({ store, clock, runtimeId: 'runtime-2' });
    const [one, all] = [Reader.on(inspector), Reader.on(inspector)];
    await submit(life.core, spec('job_1'));
    one.ask({ kind: 'quota', id: 'acc_a', after: 0 });
    all.ask({});
    await inspector.runOnce();
    await submit(other, spec('job_2'));
    expect(all.frames.some(({ sessionId }) => sessionId.includes('job_2'))).toBe(false);
    await clock.advance(2_000);
    const job = jobRef('acc_a', 'job_2');
    const { revision } = life.store.tables.actors.get(refKey(job))!;
    const seen = all.frames.find(({ sessionId }) => sessionId === refKey(job))!.revision;
    expect(all.snapshots(job).map((frame) => frame.revision)).toEqual(upTo(revision).slice(seen));
    const quota = life.store.tables.actors.get('acc_a/quota/acc_a')!;
    expect(one.snapshots().map((frame) => frame.revision)).toEqual(upTo(quota.revision));
    // Its own copy of the quota is out of date, so it has to try again.
    const theirs = submit(other, spec('job_3'));
    await clock.advance(100);
    await theirs;
    const made = submit(life.core, spec('job_4'));
    await clock.advance(100);
    await made;
    // What others did before our own turn is told before it, without waiting for the next look.
    const { revision: now } = life.store.tables.actors.get('acc_a/quota/acc_a')!;
    expect(now).toBeGreaterThan(quota.revision);
    expect(one.snapshots().map((frame) => frame.revision)).toEqual(upTo(now));
  });
});

describe('what it may cost', () => {
  it('ends with the reader who cannot keep up', async () => {
    const { life, inspector } = await world();
    await life.live(200);
    const [slow, quick] = [Reader.on(inspector), Reader.on(inspector)];
    slow.ask({});
    quick.ask({});
    slow.isPaused = true;
    slow.bufferedAmount = 4 * 1024 * 1024;
    await life.live(50);
    expect(slow.closed).toMatchObject({ code: 1013 });
    expect(quick.closed).toBeNull();
    const sent = slow.texts.length;
    await life.live(50);
    expect(slow.texts.length).toBe(sent);
  });

  it('is a page of the past for a reader who waits', async () => {
    const { life, inspector } = await world();
    await life.live(700);
    const reader = Reader.on(inspector);
    reader.isPaused = true;
    reader.ask({ kind: 'quota', id: 'acc_a', after: 0 });
    await settled();
    const { revision } = life.store.tables.actors.get('acc_a/quota/acc_a')!;
    expect(revision).toBeGreaterThan(100);
    expect(reader.snapshots()).toHaveLength(100);
    reader.goOn();
    await settled();
    expect(reader.snapshots()).toHaveLength(revision);
  });

  it('is bounded, and nothing while nobody looks', async () => {
    const { life, inspector } = await world();
    const readers = Array.from({ length: 17 }, () => Reader.on(inspector));
    expect(readers.map((reader) => reader.isAccepted)).toEqual([...Array(16).fill(true), false]);
    for (const reader of readers.slice(0, 16)) reader.leave();
    const { clock } = life.core;
    let looks = 0;
    Object.assign(inspector, { runOnce: async () => void looks++ });
    await clock.advance(10_000);
    expect([inspector.size, looks]).toEqual([0, 0]);
  });
});

it.each([
  ['nonsense', 'x'],
  ['a job without its account', { subscribe: { kind: 'job', id: 'job_1' } }],
  ['many from a turn on', { subscribe: { kind: 'job', after: 3 } }],
  ['a field that is not known', { subscribe: { state: 'queued' } }],
])('refuses %s', async (_, frame) => {
  const { inspector } = await world();
  const reader = new Reader();
  const session = inspector.accept(reader, { requestId: 'req_1', failed: () => undefined })!;
  session.receive(JSON.stringify(frame));
  expect(reader.closed?.code).toBe(1008);
});
