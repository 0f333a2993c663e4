// Goal: no single thing that goes wrong in the store, at any call, changes how a life ends.
// Method: tell one life without a fault and count its calls; then once per call and way to fail.
import { describe, expect, test } from 'vitest';
import { type Fault, faultKindsOf } from '../db/faulty-store.ts';
import { quotaRef, refKey } from '../machines/contract/ids.ts';
import type { QuotaContext } from '../machines/quota/decisions.ts';
import { restore } from './actor.ts';
import { ACCOUNT, type SmallWorld } from './faults-testing.ts';
import { ENDS, live } from './life-testing.ts';
import { contextOf } from './views.ts';

/** Everything ended as it should, and every token is where it belongs. */
function check({ memory, clock }: SmallWorld): void {
  const { tables } = memory;
  expect([...tables.parked.values()]).toEqual([]);
  const states = [...tables.actors.values()].map(({ ref, state }) => [ref.id, state]);
  expect(Object.fromEntries(states)).toMatchObject({ ...ENDS, wrk_1: 'offline' });
  // Released; or, where that was not possible, not renewed.
  for (const { holder, expiresAt } of tables.leases.values())
    if (holder !== null) expect(expiresAt).toBeLessThan(clock.now());

  const legs = [...tables.ledger.values()];
  for (const posting of Map.groupBy(legs, (leg) => leg.posting).values())
    expect(posting.reduce((sum, { amountMt }) => sum + amountMt, 0)).toBe(0);
  const { balance } = contextOf<QuotaContext>(
    restore(tables.actors.get(refKey(quotaRef(ACCOUNT)))!),
  );
  expect(balance).toMatchObject({ allowanceMt: 18_000, heldMt: 0, holds: {} });
  const sums = Map.groupBy(legs, ({ book }) => book);
  const sumOf = (book: string) =>
    (sums.get(book) ?? []).reduce((sum, { amountMt }) => sum + amountMt, 0);
  expect([sumOf('allowance'), sumOf('held')]).toEqual([18_000, 0]);
  const held = legs.filter((leg) => leg.book === 'held');
  for (const id of Object.keys(ENDS))
    expect(held.filter((leg) => leg.jobId === id).map((leg) => leg.amountMt)).toEqual([
      1000, -1000,
    ]);

  const turns = Map.groupBy(tables.journal, ({ ref }) => refKey(ref));
  for (const [key, rows] of turns) {
    expect(rows.map(({ revision }) => revision)).toEqual(rows.map((_, index) => index + 1));
    expect(tables.actors.get(key)?.revision).toBe(rows.length);
  }
}

/** A loop that finds nothing asks the same again and again: then every sixth call stands for the rest. */
const isTried = (nth: number): boolean =>
  nth <= 12 || nth % 6 === 0 || process.env['TESSERA_TEST_EVERY_CALL'] === '1';

/** What broke, with the faults that broke it. */
async function wrongWith(faults: readonly Fault[]): Promise<string[]> {
  const named = faults.map(({ method, nth, kind }) => `${method} ${nth} ${kind}`).join(', ');
  try {
    const { world, pending } = await live(faults);
    check(world);
    return pending.size === 0 ? [] : [`${named}: the call never came`];
  } catch (error) {
    return [`${named}: ${(error as Error).message}`];
  }
}

const { world, calls } = await live([]);

test('without a fault all is well', () => check(world));

/** Hundreds of lives; a bound for one that hangs, never a pace. */
const TIMEOUT_MS = 90_000;

describe('one fault is survived, whichever it is', () => {
  test.for([...calls])('%s, %i calls', { timeout: TIMEOUT_MS }, async ([method, count]) => {
    const wrong: string[] = [];
    for (let nth = 1; nth <= count; nth++)
      for (const kind of isTried(nth) || method === 'commit' ? faultKindsOf(method) : [])
        wrong.push(...(await wrongWith([{ method, nth, kind }])));
    expect(wrong).toEqual([]);
  });
});

test('so is a look-up that fails after an unknown commit', { timeout: TIMEOUT_MS }, async () => {
  const wrong: string[] = [];
  for (let nth = 1; nth <= calls.get('commit')!; nth++)
    for (const kind of ['answerLost', 'requestLost'] as const)
      for (const asked of ['refused', 'answerLost', 'requestLate'] as const)
        wrong.push(
          ...(await wrongWith([
            { method: 'commit', nth, kind },
            { method: 'committed', nth: 1, kind: asked },
          ])),
        );
  expect(wrong).toEqual([]);
});
