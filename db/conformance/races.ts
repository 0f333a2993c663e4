import { describe, expect, test } from 'vitest';
import type { ActorRef } from '../../machines/contract/ids.ts';
import type { StoreFactory } from '../conformance.ts';
import type { Store } from '../store.ts';
import { ALICE, batchOf, holdLegs, job, journalOf, quota, turn, write } from './batches.ts';
import { withStore } from './with-store.ts';

const ROUNDS = 20;

export function testRaces(factory: StoreFactory): void {
  const run = withStore(factory);

  describe('commits that meet', () => {
    test(
      'of two that create the same actor one wins, and its whole component with it',
      run(async ({ store, other }) => {
        for (let round = 0; round < ROUNDS; round += 1) {
          const contest = job(round);
          const entry = (name: string) => {
            const beside = write(0, job(1000 + round, name), 0);
            const actors = [write(0, contest, 0, { state: name }), beside];
            return batchOf({ actors, journal: actors.map(journalOf) });
          };
          const results = await Promise.all([store.commit(entry('a')), other.commit(entry('b'))]);
          expect(results.map(({ lost }) => lost.length).sort()).toEqual([0, 1]);
          const winner = results[0].lost.length === 0 ? 'a' : 'b';
          expect(await store.load([contest])).toMatchObject([{ state: winner, revision: 1 }]);
          const beside = [job(1000 + round, 'a'), job(1000 + round, 'b')];
          expect((await store.load(beside)).map(({ ref }) => ref.accountId)).toEqual([winner]);
        }
      }),
    );

    test(
      'of two that create the same quota one posts, the other is told that it lost',
      run(async ({ store, other }) => {
        for (let round = 0; round < ROUNDS; round += 1) {
          const account = `usr_${round}`;
          const entry = () =>
            batchOf({ ...turn(0, quota(account), 0), ledger: holdLegs(0, account, 1) });
          const results = await Promise.all([store.commit(entry()), other.commit(entry())]);
          expect(results.map(({ lost }) => lost.length).sort()).toEqual([0, 1]);
        }
      }),
    );

    test(
      'of two turns on one revision one wins; components without a quarrel both commit',
      run(async ({ store, other }) => {
        await store.commit(batchOf(turn(0, job(1), 0)));
        for (let revision = 1; revision <= ROUNDS; revision += 1) {
          const attempt = (by: Store, own: ActorRef) =>
            by.commit(
              batchOf({ actors: [write(0, job(1), revision), write(1, own, revision - 1)] }),
            );
          const results = await Promise.all([attempt(store, job(2)), attempt(other, job(3))]);
          expect(results.map(({ lost }) => lost.join()).sort()).toEqual(['', '0']);
          const actors = await store.load([job(1), job(2), job(3)]);
          expect(actors.map((actor) => actor.revision).sort((a, b) => a - b)).toEqual([
            revision,
            revision,
            revision + 1,
          ]);
        }
      }),
    );

    test(
      'opposite orders of the same actors do not block each other for good',
      run(async ({ store, other }) => {
        const refs = Array.from({ length: 10 }, (_, n) => job(n));
        await store.commit(batchOf({ actors: refs.map((ref, n) => write(n, ref, 0)) }));
        for (let revision = 1; revision <= ROUNDS; revision += 1) {
          const attempt = (by: Store, order: readonly ActorRef[]) =>
            by.commit(batchOf({ actors: order.map((ref, n) => write(n, ref, revision)) }));
          const results = await Promise.all([
            attempt(store, refs),
            attempt(other, refs.toReversed()),
          ]);
          expect(results.flatMap(({ lost }) => lost)).toHaveLength(refs.length);
        }
      }),
    );

    test(
      'many writers of one quota never double a posting',
      run(async ({ store, other }) => {
        await store.commit(batchOf(turn(0, quota(), 0)));
        let wins = 0;
        const writer = async (by: Store) => {
          while (wins < ROUNDS) {
            const [actor] = await by.load([quota()]);
            const revision = actor?.revision ?? 0;
            const { lost } = await by.commit(
              batchOf({ ...turn(0, quota(), revision), ledger: holdLegs(0, ALICE, revision) }),
            );
            if (lost.length === 0) wins += 1;
          }
        };
        await Promise.all([writer(store), writer(other), writer(store), writer(other)]);
        expect((await store.load([quota()]))[0]?.revision).toBe(wins + 1);
      }),
    );
  });
}
