// Sets a parked actor going again and gives it the events that were kept for it, in order, as turns like any
// others. May be asked for again at any time: what was not applied yet is applied then.
import type { DatabasePool } from 'slonik';
import { listParked, type ParkedRow } from '../db/queries/journal.ts';
import { deleteParked, moveParkedBack, releaseParked } from '../db/queries/parked.ts';
import type { Store } from '../db/store.ts';
import type { ActorEvent } from '../machines/contract/events.ts';
import type { ActorRef } from '../machines/contract/ids.ts';
import { restore, type Actor } from './actor.ts';
import type { Clock } from './clock.ts';
import type { Dispatcher } from './dispatcher.ts';
import { LeftAlone, Parked, Poison } from './parking.ts';
import type { Turns } from './turn.ts';

/** More wait for the next call. */
const EVENTS_MAX = 1_000;
/** A batch that was being computed may still have seen the actor parked. */
const TRIES_MAX = 5;
const PAUSE_MS = 50;

interface Seams {
  readonly store: Store;
  readonly pool: DatabasePool;
  readonly clock: Clock;
  readonly turns: Turns;
  readonly dispatcher: Pick<Dispatcher, 'learn'>;
}

export interface Released {
  /** Events that were applied, or that the actor had no use for any more. */
  readonly applied: number;
  /** Why it is parked once more; null when all went well. */
  readonly stoppedBy: string | null;
}

/**
 * @param by who asks, for the audit
 * @returns null when there is no such actor
 * @throws UnknownVersion: it is not this code's to set going
 */
export async function releaseActor(
  seams: Seams,
  ref: ActorRef,
  by: string,
): Promise<Released | null> {
  const { store, pool, dispatcher } = seams;
  const [row] = await store.load([ref]);
  if (!row) return null;
  const actor = restore(row);
  const { revision } = row;
  if (row.parked) await releaseParked(pool, { ref, revision, by });
  // It did not count a parked job or worker.
  await dispatcher.learn([{ ref, revision }]);
  const events = await listParked(pool, ref, EVENTS_MAX);
  for (const [applied, parked] of events.entries()) {
    const event = JSON.parse(parked.event) as ActorEvent;
    const stoppedBy = isTimer(actor, event) ? null : await apply(seams, ref, event);
    if (stoppedBy instanceof Poison || !stoppedBy)
      await deleteParked(pool, ref.accountId, parked.id);
    if (!stoppedBy) continue;
    await moveParkedBack(pool, ref.accountId, idsFrom(events, applied, stoppedBy));
    return { applied, stoppedBy: stoppedBy.message };
  }
  return { applied: events.length, stoppedBy: null };
}

/** A timer whose turn was not committed is still armed, and due: it goes off by itself. */
const isTimer = ({ timers }: Actor, { type }: ActorEvent): boolean =>
  type.startsWith('xstate.') || Object.values(timers).some(([, event]) => event === type);

/** The event that cannot be applied lies here anew already. */
const idsFrom = (events: readonly ParkedRow[], n: number, stoppedBy: Parked | Poison): string[] =>
  events.slice(stoppedBy instanceof Poison ? n + 1 : n).map(({ id }) => id);

async function apply(
  { store, turns, clock }: Seams,
  ref: ActorRef,
  event: ActorEvent,
): Promise<Parked | Poison | null> {
  for (let tries = 1; ; tries += 1) {
    try {
      await turns.post(ref, event);
      return null;
    } catch (error) {
      if (error instanceof Poison) return error;
      if (!(error instanceof Parked) || error instanceof LeftAlone) throw error;
      const [row] = await store.load([ref]);
      if (row?.parked !== false || tries === TRIES_MAX) return error;
      await clock.sleep(PAUSE_MS);
    }
  }
}
