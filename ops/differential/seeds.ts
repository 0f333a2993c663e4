// One seed, both stores: calls that are made up, and the calls of a life that was really led.
import { type Fault, faultKindsOf } from '../../db/faulty-store.ts';
import { MemoryStore } from '../../db/memory-store.ts';
import type { Store } from '../../db/store.ts';
import { live } from '../../runtime/life-testing.ts';
import { Random } from '../simulation/random.ts';
import { recorded, type Call } from './calls.ts';
import type { ClockedDatabase } from './clocked-database.ts';
import { compare, type Compared } from './compare.ts';
import { script } from './script.ts';

const NOON = Date.UTC(2026, 0, 15, 12);
const FAULTS = 4;
const METHODS = ['commit', 'commit', 'load', 'outbox', 'acquireLease'] as const;

export interface Stores {
  readonly postgres: Store;
  readonly database: ClockedDatabase;
}

export async function compareMadeUp(seed: number, length: number, stores: Stores) {
  let now = NOON;
  const memory = new MemoryStore({ now: () => now });
  const calls = script(seed, memory, NOON, length);
  return compareAnew(calls, memory, (at) => (now = at), stores);
}

/** Two runtimes live through a few faults on a memory store; what they asked it is asked again. */
export async function compareLived(seed: number, stores: Stores) {
  const random = new Random(seed);
  const faults = Array.from({ length: FAULTS }, (): Fault => {
    const method = random.pick(METHODS);
    return { method, nth: random.integer(1, 15), kind: random.pick(faultKindsOf(method)) };
  });
  const calls: Call[] = [];
  await live(faults, (memory, clock) => recorded(memory, clock.now, calls));
  let now = 0;
  const memory = new MemoryStore({ now: () => now });
  return compareAnew(calls, memory, (at) => (now = at), stores);
}

async function compareAnew(
  calls: Iterable<Call>,
  memory: MemoryStore,
  setMemoryTime: (at: number) => void,
  { postgres, database }: Stores,
): Promise<Compared> {
  await database.empty();
  return compare(calls, memory, setMemoryTime, postgres, database);
}
