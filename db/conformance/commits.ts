import { describe, expect, test } from 'vitest';
import type { StoreFactory } from '../conformance.ts';
import { ALICE, batchOf, BOB, holdLegs, job, journalOf, quota, turn, write } from './batches.ts';
import { withStore } from './with-store.ts';

export function testCommits(factory: StoreFactory): void {
  const run = withStore(factory);

  describe('commit', () => {
    test(
      'a new actor comes back as it was written',
      run(async ({ store }) => {
        const awkward = JSON.stringify({
          text: '\u001f\u001e\u0000 "quoted" \\ ünïcödé 🎨 \ud800',
        });
        const before = await store.now();
        const { at, lost } = await store.commit(
          batchOf(
            turn(0, job(1), 0, {
              version: 3,
              state: 'assigned.executing other',
              tags: ['running', 'cancellable'],
              snapshot: awkward,
            }),
          ),
        );
        expect(lost).toEqual([]);
        expect(at).toBeGreaterThanOrEqual(before);
        expect(await store.load([job(1), job(2)])).toEqual([
          {
            ref: job(1),
            machine: 'job',
            version: 3,
            revision: 1,
            state: 'assigned.executing other',
            tags: ['running', 'cancellable'],
            snapshot: awkward,
            parked: false,
            createdAt: at,
            updatedAt: at,
          },
        ]);
      }),
    );

    test(
      'empty texts, no tags and rows of many sizes survive the journey',
      run(async ({ store }) => {
        const many = Array.from({ length: 50 }, (_, n) => write(n, job(n), 0, { tags: [] }));
        await store.commit(batchOf({ actors: many, journal: many.map(journalOf) }));
        const loaded = await store.load(many.map(({ ref }) => ref));
        expect(loaded).toHaveLength(50);
        expect(loaded.every(({ tags }) => tags.length === 0)).toBe(true);
        // One row alone, with every text that may be empty being empty.
        const alone = write(0, job(99), 0, { tags: [] });
        const bare = { ...journalOf(alone), event: '', to: '', patch: '', effects: '' };
        await store.commit(batchOf({ actors: [alone], journal: [bare] }));
        expect(await store.load([job(99)])).toMatchObject([{ tags: [], revision: 1 }]);
        await store.commit(batchOf({ actors: [write(0, job(99), 1, { tags: [] })] }));
        expect(await store.load([job(99)])).toMatchObject([{ tags: [], revision: 2 }]);
      }),
    );

    test(
      'a turn keeps the birth and moves the rest; several turns may share one write',
      run(async ({ store, advance }) => {
        const first = await store.commit(batchOf(turn(0, job(1), 0)));
        await advance(1000);
        const second = await store.commit(
          batchOf(turn(0, job(1), 1, { revision: 4, state: 'succeeded', tags: ['settled'] })),
        );
        expect(await store.load([job(1)])).toMatchObject([
          { revision: 4, state: 'succeeded', tags: ['settled'], updatedAt: second.at },
        ]);
        expect((await store.load([job(1)]))[0]?.createdAt).toBeLessThanOrEqual(first.at);
      }),
    );

    test(
      'the loser is left out whole; the others commit',
      run(async ({ store }) => {
        await store.commit(batchOf(turn(0, job(1), 0)));
        const stale = turn(1, job(1), 0);
        const fresh = [write(0, job(2), 0), write(2, job(3), 0)];
        const beside = write(1, job(4), 0);
        const result = await store.commit(
          batchOf({
            actors: [...fresh, ...stale.actors, beside],
            journal: [...fresh.map(journalOf), ...stale.journal, journalOf(beside)],
            ledger: [...holdLegs(1, ALICE, 1), ...holdLegs(2, BOB, 1)],
            timersArmed: [{ component: 1, ref: job(4), name: 'deadline', armingId: 1, delayMs: 0 }],
            outbox: [{ component: 1, accountId: ALICE, id: 'o1', destination: 'd', payload: '{}' }],
            stream: [
              { component: 1, accountId: ALICE, jobId: 'job_4', revision: 1, payload: '{}' },
            ],
            parked: [{ component: 1, ref: job(1), id: 'p1', event: '{}', reason: 'threw' }],
          }),
        );
        expect(result.lost).toEqual([1]);
        const found = await store.load([job(1), job(2), job(3), job(4)]);
        expect(found.map(({ ref }) => ref.id).sort()).toEqual(['job_1', 'job_2', 'job_3']);
        expect(found.every(({ revision, parked }) => revision === 1 && !parked)).toBe(true);
        expect(await store.nextTimerInMs()).toBeNull();
        expect(await store.outbox(['d'], 10)).toEqual([]);
        expect(await store.readStream(null, 0, 10)).toEqual([]);
        expect(await store.streamHead()).toBe(0);
        // Neither did it take the posting's number: the same legs still fit.
        expect(
          (await store.commit(batchOf({ ...turn(0, quota(), 0), ledger: holdLegs(0, ALICE, 1) })))
            .lost,
        ).toEqual([]);
      }),
    );

    test(
      'a component is lost with what it has only read; what was read stays as it is',
      run(async ({ store }) => {
        await store.commit(batchOf(turn(0, job(1), 0)));
        await store.commit(batchOf(turn(0, job(1), 1)));
        await store.commit(batchOf(turn(0, job(2), 0)));
        await store.commit(
          batchOf({ parked: [{ component: 0, ref: job(2), id: 'p', event: '{}', reason: '' }] }),
        );
        const [before] = await store.load([job(1)]);
        const read = (component: number, number: number, revision: number) => ({
          ...{ component, ref: job(number), revision },
        });
        const reads = [read(0, 1, 2), read(1, 1, 1), read(2, 9, 0), read(3, 1, 0), read(4, 9, 1)];
        const actors = [5, 6, 7, 8].map((number, component) => write(component, job(number), 0));
        const { lost } = await store.commit(batchOf({ actors, reads: [...reads, read(5, 2, 1)] }));
        expect(lost).toEqual([1, 3, 4, 5]);
        expect(await store.load([job(1)])).toEqual([before]);
        const found = await store.load([job(5), job(6), job(7), job(8), job(9)]);
        expect(found.map(({ ref }) => ref.id).sort()).toEqual(['job_5', 'job_7']);
        // Read by one component and written by another of the same batch: both see it as it was.
        const both = batchOf({ ...turn(0, job(1), 2), reads: [read(1, 1, 2)] });
        expect((await store.commit(both)).lost).toEqual([]);
      }),
    );

    test.each([
      ['a stale revision', 1, 3],
      ['a revision from the future', 7, 3],
      ['an actor that should be new', 0, 3],
      ['an actor that should exist', 2, 0],
    ])('%s is lost', (_, expected, existing) =>
      run(async ({ store }) => {
        if (existing > 0) await store.commit(batchOf(turn(0, job(1), 0, { revision: existing })));
        const { lost } = await store.commit(batchOf(turn(0, job(1), expected)));
        expect(lost).toEqual([0]);
        expect((await store.load([job(1)])).map(({ revision }) => revision)).toEqual(
          existing > 0 ? [existing] : [],
        );
      })(),
    );

    test(
      'a batch that contradicts itself is a programmer error',
      run(async ({ store }) => {
        const twice = [write(0, job(1), 0), write(0, job(1), 0)];
        await expect(store.commit(batchOf({ actors: twice }))).rejects.toThrow('once per batch');
        const [leg] = holdLegs(0, ALICE, 1);
        await expect(store.commit(batchOf({ ledger: leg ? [leg] : [] }))).rejects.toThrow(
          'sum to zero',
        );
        const outside = batchOf({ actors: [write(1, job(1), 0)], components: 1 });
        await expect(store.commit(outside)).rejects.toThrow('component 1');
        expect(await store.load([job(1)])).toEqual([]);
      }),
    );

    test(
      'the same posting twice throws, and takes the rest of the batch with it',
      run(async ({ store }) => {
        await store.commit(batchOf({ ledger: holdLegs(0, ALICE, 1) }));
        const again = batchOf({ ...turn(0, job(1), 0), ledger: holdLegs(0, ALICE, 1) });
        await expect(store.commit(again)).rejects.toThrow();
        expect(await store.load([job(1)])).toEqual([]);
      }),
    );

    test(
      'a balance below zero throws',
      run(async ({ store }) => {
        const [first, second] = holdLegs(0, ALICE, 1);
        if (first === undefined || second === undefined) throw new Error('A hold has two legs.');
        const negative = batchOf({ ledger: [{ ...first, balanceMt: -1 }, second] });
        await expect(store.commit(negative)).rejects.toThrow();
      }),
    );
  });

  describe('committed', () => {
    test(
      'knows which batch wrote a revision',
      run(async ({ store, other }) => {
        await store.commit(batchOf({ ...turn(0, job(1), 0), batchId: 'mine' }));
        expect(await other.committed('mine', job(1), 1)).toBe(true);
        expect(await other.committed('yours', job(1), 1)).toBe(false);
        expect(await other.committed('mine', job(1), 2)).toBe(false);
        expect(await other.committed('mine', job(2), 1)).toBe(false);
      }),
    );
  });

  describe('listWithout', () => {
    test(
      'leaves out the tag and other kinds',
      run(async ({ store }) => {
        await store.commit(
          batchOf({
            actors: [
              write(0, job(1), 0),
              write(1, job(2), 0, { tags: ['settled'] }),
              write(2, job(3, BOB), 0, { tags: ['running', 'cancellable'] }),
              write(3, quota(), 0, { tags: [] }),
            ],
          }),
        );
        const ids = async (tag: string) =>
          (await store.listWithout('job', tag)).map(({ ref }) => ref.id).sort();
        expect(await ids('settled')).toEqual(['job_1', 'job_3']);
        expect(await ids('running')).toEqual(['job_1', 'job_2']);
      }),
    );
  });
}
