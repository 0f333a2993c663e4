import fc from 'fast-check';
import { expect, it } from 'vitest';
import { difference, patched, whole, type Context } from './patch.ts';

const throughJson = <T>(value: T): T => JSON.parse(JSON.stringify(value)) as T;

it('tells a null from a key that went away', () => {
  const before = { lease: { worker: 'w' }, slots: { a: 1, b: 2 }, note: null };
  const after = { lease: null, slots: { b: 2, c: null }, note: null };
  const patch = throughJson(difference(before, after));
  expect(patch).toEqual({ lease: null, slots: { c: null, $gone: ['a'] } });
  expect(patched(before, patch)).toEqual(after);
});

it('says nothing of what stayed', () => {
  const spec = { prompt: 'x' };
  expect(difference({ spec, run: { n: 1 } }, { spec, run: { n: 2 } })).toEqual({ run: { n: 2 } });
});

it('is exact for any two contexts, on its way through the journal', () => {
  const context = fc.dictionary(
    fc.constantFrom('a', 'b', 'c', 'd'),
    fc.letrec((tie) => ({
      value: fc.oneof(
        { maxDepth: 3 },
        fc.constantFrom(null, undefined, 0, 1, 'x', true),
        fc.array(tie('value'), { maxLength: 2 }),
        fc.dictionary(fc.constantFrom('a', 'b', 'c'), tie('value'), { maxKeys: 3 }),
      ),
    })).value,
    { noNullPrototype: true },
  ) as fc.Arbitrary<Context>;
  fc.assert(
    fc.property(context, context, (before, after) => {
      const patch = throughJson(difference(before, after));
      expect(patched(throughJson(before), patch)).toEqual(throughJson(after));
    }),
    { numRuns: 2_000 },
  );
});

it('knows a context only from a whole one on', () => {
  expect(patched(undefined, { n: 1 })).toBeUndefined();
  expect(patched(undefined, whole({ n: 1 }))).toEqual({ n: 1 });
  expect(patched({ old: 1 }, whole({ n: 1 }))).toEqual({ n: 1 });
});
