import { describe, expect, test } from 'vitest';
import type { StoreFactory } from '../conformance.ts';
import type { Learned, Store } from '../store.ts';
import { withStore } from './with-store.ts';

const row = (id: string, seen: number, change: Partial<Learned> = {}): Learned => ({
  ...{ accountId: 'system', subject: 'times', id, seen, facts: `{"seen":${seen}}` },
  ...change,
});

const MANY = 1000;
const toldBy = async (store: Store, after = 0, limit = MANY) =>
  (await store.learned('times', after, limit)).map(({ id, seen }) => `${id} ${seen}`);

export function testLearned(factory: StoreFactory): void {
  const run = withStore(factory);

  describe('what was learned', () => {
    test(
      'is read as it was kept, through any door',
      run(async ({ store, other }) => {
        const odd = row('wrk_1 "sdxl"\n', 3, { facts: '{"name":"é \\u0007 \'"}' });
        await store.keepLearned([odd]);
        const [read] = await other.learned('times', 0, MANY);
        expect(read).toEqual({ ...odd, keptAt: expect.any(Number) as number });
        expect(await store.learned('other', 0, MANY)).toEqual([]);
        await store.keepLearned([]);
      }),
    );

    test(
      'is overwritten by what has seen as much or more, not by what has seen less',
      run(async ({ store, other }) => {
        await store.keepLearned([row('a', 5), row('b', 5), row('c', 5)]);
        await other.keepLearned([row('c', 9), row('a', 4), row('b', 5, { facts: '"again"' })]);
        expect((await toldBy(store)).sort()).toEqual(['a 5', 'b 5', 'c 9']);
        const facts = (await store.learned('times', 0, MANY)).map((each) => each.facts);
        expect(facts).toContain('"again"');
      }),
    );

    test(
      'belongs to an account and a subject',
      run(async ({ store }) => {
        await store.keepLearned([
          row('a', 1),
          row('a', 2, { accountId: 'acc_1' }),
          row('a', 3, { subject: 'other' }),
        ]);
        expect((await toldBy(store)).sort()).toEqual(['a 1', 'a 2']);
      }),
    );

    test(
      'is told newest first, as far as it is new',
      run(async ({ store, advance }) => {
        for (const id of ['a', 'b', 'c']) {
          await store.keepLearned([row(id, 1)]);
          await advance(1_000);
        }
        expect(await toldBy(store)).toEqual(['c 1', 'b 1', 'a 1']);
        expect(await toldBy(store, 0, 2)).toEqual(['c 1', 'b 1']);
        const [{ keptAt } = { keptAt: 0 }] = await store.learned('times', 0, 1);
        expect(await toldBy(store, keptAt - 1_500)).toEqual(['c 1', 'b 1']);
        await store.keepLearned([row('a', 2)]);
        expect((await toldBy(store, keptAt + 1)).at(0)).toBe('a 2');
        expect(await toldBy(store, keptAt + 1_000_000)).toEqual([]);
      }),
    );
  });
}
