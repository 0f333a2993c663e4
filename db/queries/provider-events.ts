// What providers told us: each event is taken down once, and tried until it has acted.
import { type CommonQueryMethods, type DatabasePool, sql } from 'slonik';
import { z } from 'zod';
import { SYSTEM_ACCOUNT } from '../../machines/contract/ids.ts';
import { RAILS, type News, type Rail } from '../../machines/contract/payments.ts';
import { agoOf } from './retention.ts';

const nothing = z.object({});
const counted = z.object({ count: z.number() });
const rail = z.enum(RAILS);

const eventRow = z.object({
  rail,
  id: z.string(),
  type: z.string(),
  thingKind: z.string().nullable(),
  thingId: z.string().nullable(),
  attempts: z.number(),
});
export type EventRow = z.infer<typeof eventRow>;

const columns = sql.fragment`rail, id, type, thing_kind as "thingKind", thing_id as "thingId", attempts`;

/** Longer than one try takes. */
const HOLD_MS = 60_000;

/** Takes an event down. @returns null when it has acted, or somebody is at it */
export async function takeDown(
  pool: DatabasePool,
  of: Rail,
  { id, type, about }: News,
): Promise<EventRow | null> {
  return pool.maybeOne(sql.type(eventRow)`
    insert into provider_events as e (account_id, rail, id, type, thing_kind, thing_id, attempts, next_at)
    values (${SYSTEM_ACCOUNT}, ${of}, ${id}, ${type}, ${about?.kind ?? null}, ${about?.id ?? null}, 1,
      clock_timestamp() + ${HOLD_MS}::float8 * interval '1 millisecond')
    on conflict (rail, id) do update set attempts = e.attempts + 1, next_at = excluded.next_at
      where e.handled_at is null and e.next_at <= clock_timestamp()
    returning ${columns}`);
}

/** Takes those that are due; for a while nobody else does. */
export const claimEvents = (
  pool: DatabasePool,
  rails: readonly Rail[],
  limit: number,
): Promise<readonly EventRow[]> =>
  pool.any(sql.type(eventRow)`
    with due as (
      select account_id, rail, id from provider_events
      where handled_at is null and next_at <= clock_timestamp() and rail = any (${sql.array([...rails], 'text')})
      order by next_at limit ${limit} for update skip locked
    )
    update provider_events e set attempts = e.attempts + 1,
      next_at = clock_timestamp() + ${HOLD_MS}::float8 * interval '1 millisecond'
    from due where e.account_id = due.account_id and e.rail = due.rail and e.id = due.id
    returning e.rail, e.id, e.type, e.thing_kind as "thingKind", e.thing_id as "thingId", e.attempts`);

export async function hasActed(pool: DatabasePool, { rail: of, id }: EventRow): Promise<void> {
  await pool.query(sql.type(nothing)`
    update provider_events set handled_at = clock_timestamp(), problem = null
    where account_id = ${SYSTEM_ACCOUNT} and rail = ${of} and id = ${id}`);
}

export async function hasFailed(
  pool: DatabasePool,
  { rail: of, id }: EventRow,
  problem: string,
  againMs: number,
): Promise<void> {
  await pool.query(sql.type(nothing)`
    update provider_events set problem = ${problem},
      next_at = clock_timestamp() + ${againMs}::float8 * interval '1 millisecond'
    where account_id = ${SYSTEM_ACCOUNT} and rail = ${of} and id = ${id} and handled_at is null`);
}

const stuckRow = eventRow.extend({
  problem: z.string().nullable(),
  receivedAt: z.number(),
  nextAt: z.number(),
});

/** Not acted for longer than that, oldest first. */
export const listStuckEvents = (
  pool: DatabasePool,
  olderMs: number,
  limit: number,
): Promise<readonly z.infer<typeof stuckRow>[]> =>
  pool.any(sql.type(stuckRow)`
    select ${columns}, problem, received_at as "receivedAt", next_at as "nextAt" from provider_events
    where handled_at is null and (problem is not null or received_at < ${agoOf(olderMs)})
    order by received_at limit ${limit}`);

/** An operator mended what was in the way. */
export async function tryEventsAgain(pool: DatabasePool): Promise<number> {
  const { rowCount } = await pool.query(sql.type(nothing)`
    update provider_events set next_at = clock_timestamp() where handled_at is null`);
  return rowCount;
}

export async function readCursor(pool: DatabasePool, of: Rail): Promise<string | null> {
  const row = await pool.maybeOne(sql.type(z.object({ cursor: z.string() }))`
    select cursor from payment_cursors where account_id = ${SYSTEM_ACCOUNT} and rail = ${of}`);
  return row?.cursor ?? null;
}

export async function keepCursor(pool: DatabasePool, of: Rail, cursor: string): Promise<void> {
  await pool.query(sql.type(nothing)`
    insert into payment_cursors (account_id, rail, cursor) values (${SYSTEM_ACCOUNT}, ${of}, ${cursor})
    on conflict (account_id, rail) do update set cursor = excluded.cursor, read_at = clock_timestamp()`);
}

/** A slice of those that acted long ago; answers how many. */
export async function deleteOldEvents(
  pool: CommonQueryMethods,
  ageMs: number,
  limit: number,
): Promise<number> {
  const { count } = await pool.one(sql.type(counted)`
    with gone as (
      delete from provider_events where (account_id, rail, id) in (
        select account_id, rail, id from provider_events
        where handled_at < ${agoOf(ageMs)} order by handled_at limit ${limit}) returning 1
    ) select count(*) from gone`);
  return count;
}
