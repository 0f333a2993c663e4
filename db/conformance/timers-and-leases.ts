import { describe, expect, test } from 'vitest';
import type { StoreFactory } from '../conformance.ts';
import type { TimerWrite } from '../store.ts';
import { batchOf, job, turn, write } from './batches.ts';
import { withStore } from './with-store.ts';

const armed = (name: string, delayMs: number, armingId = 1, number = 1): TimerWrite => ({
  component: 0,
  ref: job(number),
  name,
  armingId,
  delayMs,
});

const cancelled = (name: string) => ({ component: 0, ref: job(1), name });

export function testTimersAndLeases(factory: StoreFactory): void {
  const run = withStore(factory);

  describe('timers', () => {
    test(
      'come due in order of time, not before',
      run(async ({ store, advance }) => {
        expect(await store.nextTimerInMs()).toBeNull();
        await store.commit(
          batchOf({
            ...turn(0, job(1), 0),
            timersArmed: [armed('late', 120_000), armed('soon', 60_000), armed('now', 0)],
          }),
        );
        const names = async (limit = 10) => (await store.dueTimers(limit)).map(({ name }) => name);
        expect(await names()).toEqual(['now']);
        expect(await store.nextTimerInMs()).toBe(0);
        await advance(60_000);
        expect(await names()).toEqual(['now', 'soon']);
        await advance(60_000);
        expect(await names()).toEqual(['now', 'soon', 'late']);
        expect(await names(1)).toEqual(['now']);
        expect(await store.dueTimers(1)).toEqual([{ ref: job(1), name: 'now', armingId: 1 }]);
      }),
    );

    test(
      'the next one is announced in milliseconds',
      run(async ({ store }) => {
        await store.commit(
          batchOf({ ...turn(0, job(1), 0), timersArmed: [armed('deadline', 3_600_000)] }),
        );
        const next = (await store.nextTimerInMs()) ?? 0;
        expect(next).toBeGreaterThan(3_000_000);
        expect(next).toBeLessThanOrEqual(3_600_000);
      }),
    );

    test(
      'arming again moves time and arming id; cancelling removes; an armed one outlives its cancel',
      run(async ({ store }) => {
        await store.commit(
          batchOf({
            ...turn(0, job(1), 0),
            timersArmed: [armed('a', 0), armed('b', 0), armed('c', 0)],
          }),
        );
        await store.commit(
          batchOf({
            ...turn(0, job(1), 1),
            timersArmed: [armed('b', 0, 2), armed('c', 0, 1), armed('c', 0, 2)],
            timersCancelled: [cancelled('a'), cancelled('b'), cancelled('never armed')],
          }),
        );
        const due = (await store.dueTimers(10)).map(({ name, armingId }) => `${name}${armingId}`);
        expect(due.sort()).toEqual(['b2', 'c2']);
        await store.commit(
          batchOf({ ...turn(0, job(1), 2), timersArmed: [armed('b', 60_000, 3)] }),
        );
        expect((await store.dueTimers(10)).map(({ name }) => name)).toEqual(['c']);
      }),
    );

    test(
      'those of a parked actor wait',
      run(async ({ store }) => {
        await store.commit(batchOf({ ...turn(0, job(1), 0), timersArmed: [armed('a', 0)] }));
        await store.commit(
          batchOf({ ...turn(0, job(2), 0), timersArmed: [armed('b', 60_000, 1, 2)] }),
        );
        await store.commit(
          batchOf({
            parked: [{ component: 0, ref: job(1), id: 'p1', event: '{}', reason: 'threw' }],
          }),
        );
        expect(await store.dueTimers(10)).toEqual([]);
        expect(await store.nextTimerInMs()).toBeGreaterThan(0);
      }),
    );
  });

  describe('parking', () => {
    const parked = {
      ref: job(1),
      id: 'p1',
      event: '{"type":"poison"}',
      reason: 'The guard threw.',
    };

    test(
      'an actor at rest is marked, and its turns are lost until it is released',
      run(async ({ store }) => {
        await store.commit(batchOf(turn(0, job(1), 0)));
        await store.commit(batchOf({ parked: [{ component: 0, ...parked }] }));
        expect(await store.load([job(1)])).toMatchObject([{ parked: true, revision: 1 }]);
        expect((await store.commit(batchOf(turn(0, job(1), 1)))).lost).toEqual([0]);
      }),
    );

    test(
      'a turn and the parking of the event after it fit in one batch',
      run(async ({ store }) => {
        await store.commit(batchOf(turn(0, job(1), 0)));
        const both = batchOf({ ...turn(0, job(1), 1), parked: [{ component: 1, ...parked }] });
        expect((await store.commit(both)).lost).toEqual([]);
        expect(await store.load([job(1)])).toMatchObject([{ parked: true, revision: 2 }]);
        const born = { ...parked, ref: job(2), id: 'p2' };
        await store.commit(batchOf({ ...turn(0, job(2), 0), parked: [{ component: 0, ...born }] }));
        expect(await store.load([job(2)])).toMatchObject([{ parked: true, revision: 1 }]);
      }),
    );

    test(
      'the actor is parked although the turn before it was lost',
      run(async ({ store }) => {
        await store.commit(batchOf(turn(0, job(1), 0)));
        const both = batchOf({ ...turn(0, job(1), 5), parked: [{ component: 1, ...parked }] });
        expect((await store.commit(both)).lost).toEqual([0]);
        expect(await store.load([job(1)])).toMatchObject([{ parked: true, revision: 1 }]);
      }),
    );
  });

  describe('leases', () => {
    test(
      'one holder at a time; renewing keeps the term, a new holder begins the next',
      run(async ({ store, other, advance }) => {
        const first = await store.acquireLease('dispatcher', 'a', 10_000);
        expect(first).toEqual({ name: 'dispatcher', term: 1 });
        expect(await other.acquireLease('dispatcher', 'b', 10_000)).toBeNull();
        expect(await store.acquireLease('dispatcher', 'a', 10_000)).toEqual(first);
        await advance(10_001);
        expect(await other.acquireLease('dispatcher', 'b', 10_000)).toMatchObject({ term: 2 });
        expect(await store.acquireLease('dispatcher', 'a', 10_000)).toBeNull();
      }),
    );

    test(
      'releasing makes room at once; only the holder of that term may',
      run(async ({ store }) => {
        const lease = await store.acquireLease('sweeper', 'a', 60_000);
        if (lease === null) throw new Error('A free lease is given.');
        await store.releaseLease(lease, 'b');
        await store.releaseLease({ ...lease, term: 7 }, 'a');
        expect(await store.acquireLease('sweeper', 'b', 60_000)).toBeNull();
        await store.releaseLease(lease, 'a');
        expect(await store.acquireLease('sweeper', 'a', 60_000)).toMatchObject({ term: 2 });
      }),
    );

    test(
      'of many that ask at once one gets it',
      run(async ({ store, other }) => {
        const asked = await Promise.all(
          ['a', 'b', 'c', 'd', 'e', 'f'].map((holder, n) =>
            (n % 2 === 0 ? store : other).acquireLease('crowd', holder, 60_000),
          ),
        );
        expect(asked.filter((lease) => lease !== null)).toHaveLength(1);
      }),
    );

    test(
      'a component behind a fence commits in the current term only',
      run(async ({ store, advance }) => {
        const lease = await store.acquireLease('dispatcher', 'a', 10_000);
        const name = 'dispatcher';
        const attempt = async (number: number, term: number, fenceName = name) => {
          const batch = batchOf({
            actors: [write(0, job(number), 0), write(1, job(1000 + number), 0)],
            fences: [{ component: 0, name: fenceName, term }],
          });
          return (await store.commit(batch)).lost;
        };
        expect(await attempt(1, lease?.term ?? 0)).toEqual([]);
        expect(await attempt(2, 2)).toEqual([0]);
        expect(await attempt(3, 1, 'nobody has this')).toEqual([0]);
        await advance(10_001);
        expect(await attempt(4, 1)).toEqual([0]);
        const all = await store.load([job(1), job(2), job(3), job(4)]);
        expect(all.map(({ ref }) => ref.id)).toEqual(['job_1']);
      }),
    );
  });
}
