// An actor's history, turn by turn, and what it is waiting for.
import { type DatabasePool, sql } from 'slonik';
import { z } from 'zod';
import type { ActorRef } from '../../machines/contract/ids.ts';

const journalRow = z.object({
  revision: z.number(),
  at: z.number(),
  // JSON texts, as the turn wrote them.
  event: z.string(),
  from: z.string(),
  to: z.string(),
  patch: z.string(),
  effects: z.string(),
  batchId: z.string(),
});
export type JournalRow = z.infer<typeof journalRow>;

/** The actor's turns after a revision, oldest first. Days that retention has dropped are not there. */
export const listJournal = (
  pool: DatabasePool,
  ref: ActorRef,
  { after, limit }: { readonly after: number; readonly limit: number },
): Promise<readonly JournalRow[]> =>
  pool.any(sql.type(journalRow)`
    select revision, at, event, from_state as "from", to_state as "to", patch, effects,
      batch_id as "batchId"
    from journal
    where account_id = ${ref.accountId} and kind = ${ref.kind} and actor_id = ${ref.id}
      and revision > ${after}
    order by revision limit ${limit}`);

const timerRow = z.object({ name: z.string(), armingId: z.number(), dueAt: z.number() });
export type TimerRow = z.infer<typeof timerRow>;

/** Soonest first. */
export const listTimers = (pool: DatabasePool, ref: ActorRef): Promise<readonly TimerRow[]> =>
  pool.any(sql.type(timerRow)`
    select name, arming_id as "armingId", due_at as "dueAt" from timers
    where account_id = ${ref.accountId} and kind = ${ref.kind} and actor_id = ${ref.id}
    order by due_at, name`);

const parkedRow = z.object({
  id: z.string(),
  event: z.string(),
  reason: z.string(),
  at: z.number(),
});
export type ParkedRow = z.infer<typeof parkedRow>;

/** Events that could not be applied, oldest first. */
export const listParked = (
  pool: DatabasePool,
  ref: ActorRef,
  limit: number,
): Promise<readonly ParkedRow[]> =>
  pool.any(sql.type(parkedRow)`
    select id, event, reason, at from parked
    where account_id = ${ref.accountId} and kind = ${ref.kind} and actor_id = ${ref.id}
    order by at, id limit ${limit}`);
