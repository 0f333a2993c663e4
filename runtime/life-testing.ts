// Test equipment: one short life, told to its end whatever goes wrong in the store on the way.
import { type Fault, faultyStore } from '../db/faulty-store.ts';
import type { Store } from '../db/store.ts';
import { jobRef, refKey } from '../machines/contract/ids.ts';
import { FaithfulAgent, FaithfulReader } from './faithful-testing.ts';
import { ACCOUNT, LATE_MS, SmallWorld } from './faults-testing.ts';
import { LEASE_NAMES } from './leases.ts';
import type { ManualClock } from './testing.ts';

export const ENDS = {
  job_done: 'succeeded',
  job_cancelled: 'cancelled',
  job_expired: 'expired',
  job_later: 'succeeded',
};

/**
 * Two runtimes; the first is replaced half-way. Four jobs, one worker, one reader.
 * @param beneath what stands between the faults and the memory store
 */
export async function live(
  faults: readonly Fault[],
  beneath: (memory: Store, clock: ManualClock) => Store = (memory) => memory,
) {
  let faulty: ReturnType<typeof faultyStore>;
  const world = new SmallWorld((memory, clock) => {
    faulty = faultyStore(beneath(memory, clock), { faults, pause: () => clock.sleep(LATE_MS) });
    return faulty.store;
  });
  await world.tell(story(world, faulty!.store));
  return { world, calls: new Map(faulty!.calls), pending: faulty!.pending };
}

async function story(world: SmallWorld, store: Store): Promise<void> {
  const { clock } = world;
  const first = (world.current = await world.start('runtime-1'));
  const second = await world.start('runtime-2');
  const agent = new FaithfulAgent(world);
  const reader = new FaithfulReader(world, store);
  const elsewhere = { model: 'atelier' }; // which no worker has
  await Promise.all([
    world.submit(first, 'job_done'),
    world.submit(second, 'job_cancelled', elsewhere),
    world.submit(second, 'job_expired', { ...elsewhere, deadlineMs: 2_000 }),
  ]);
  await clock.sleep(500);
  await world.post(first, 'job_cancelled', { type: 'job.cancelRequested' });
  await world.until('three jobs end', () => stateOf(world, 'job_expired') === 'expired');
  await world.until('the run is told', () => stateOf(world, 'job_done') === 'succeeded');

  world.current = second;
  await first.stop();
  reader.reconnect();
  await world.submit(second, 'job_later');
  await world.until('the last job ends', () => stateOf(world, 'job_later') === 'succeeded');
  await world.until('all is told', () => JSON.stringify(shown(reader)) === JSON.stringify(ENDS));
  await world.until('the agent may forget', () => agent.isIdle);
  await world.until('orders are cleared', () => world.memory.tables.outbox.size === 0);
  await world.until('the leases are held', () =>
    LEASE_NAMES.every((name) => second.leases.held(name) !== null),
  );
  agent.leave();
  await world.until('no timer is left', () => world.memory.tables.timers.size === 0);
  world.current = null;
  await second.stop();
  await clock.sleep(20_000); // an unreleased lease lapses
  const inOrder = reader.seqs.toSorted((a, b) => a - b);
  if (new Set(inOrder).size !== inOrder.length || String(inOrder) !== String(reader.seqs))
    throw new Error(`The reader was shown ${String(reader.seqs)}.`);
}

const stateOf = (world: SmallWorld, id: string) =>
  world.memory.tables.actors.get(refKey(jobRef(ACCOUNT, id)))?.state;

const shown = (reader: FaithfulReader) =>
  Object.fromEntries(Object.keys(ENDS).map((id) => [id, reader.shown.get(id)]));
