// What every Store does. Both implementations pass this one suite; a third one would have to, too.
import { describe } from 'vitest';
import { testCommits } from './conformance/commits.ts';
import { testDelivery } from './conformance/delivery.ts';
import { testLearned } from './conformance/learned.ts';
import { testRaces } from './conformance/races.ts';
import { testTimersAndLeases } from './conformance/timers-and-leases.ts';
import type { Store } from './store.ts';

export interface StoreUnderTest {
  readonly store: Store;
  /** The same data through another door: another process's store. */
  readonly other: Store;
  /** Lets store time pass, without waiting. */
  advance(ms: number): Promise<void>;
  /** Tries to change and to delete a ledger and a journal row behind the store's back. */
  readonly tamper?: () => Promise<void>;
  close(): Promise<void>;
}

export type StoreFactory = () => Promise<StoreUnderTest>;

/** Each test gets a store with nothing in it. */
export function testStore(name: string, factory: StoreFactory): void {
  describe(`${name} is a Store`, () => {
    testCommits(factory);
    testRaces(factory);
    testTimersAndLeases(factory);
    testDelivery(factory);
    testLearned(factory);
  });
}
