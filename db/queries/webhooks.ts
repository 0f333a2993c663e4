// Webhooks and what they were told. Deliveries are made from the stream of job events, which every commit writes, and
// the cursor moves in the same statement: none is lost and none is made twice, whoever dies.
import { type CommonQueryMethods, type DatabasePool, sql } from 'slonik';
import { z } from 'zod';
import { decodeCursor, type Page, pageOf } from './cursor.ts';
import { agoOf } from './retention.ts';

const webhookRow = z.object({
  id: z.string(),
  url: z.string(),
  events: z.array(z.string()),
  createdAt: z.number(),
  failingSince: z.number().nullable(),
  disabledAt: z.number().nullable(),
  disabledBecause: z.string().nullable(),
});
export type WebhookRow = z.infer<typeof webhookRow>;

const deliveryRow = z.object({
  id: z.string(),
  event: z.string(),
  jobId: z.string().nullable(),
  state: z.enum(['waiting', 'delivered', 'failed']),
  attempts: z.number(),
  status: z.number().nullable(),
  error: z.string().nullable(),
  createdAt: z.number(),
  nextAt: z.number(),
  deliveredAt: z.number().nullable(),
});
export type DeliveryRow = z.infer<typeof deliveryRow>;

const dueRow = z.object({
  accountId: z.string(),
  id: z.string(),
  webhookId: z.string(),
  url: z.string(),
  secret: z.string(),
  previousSecret: z.string().nullable(),
  payload: z.string(),
  attempts: z.number(),
});
export type DueDelivery = z.infer<typeof dueRow>;

const nothing = z.object({});
const counted = z.object({ count: z.number() });
const listPlace = z.tuple([z.string().regex(/^\d{1,17}$/), z.string().max(100)]);
const columns = sql.fragment`id, url, events, created_at as "createdAt", failing_since as "failingSince",
  disabled_at as "disabledAt", disabled_because as "disabledBecause"`;

/** @returns false when the account has so many already */
export async function insertWebhook(
  pool: DatabasePool,
  webhook: {
    readonly accountId: string;
    readonly id: string;
    readonly url: string;
    readonly events: readonly string[];
    readonly secret: string;
  },
  max: number,
): Promise<boolean> {
  const { accountId, id, url, events, secret } = webhook;
  return pool.transaction(async (transaction) => {
    // Two at once are counted one after the other.
    await transaction.query(sql.type(nothing)`
      select 1 from accounts where account_id = ${accountId} for update`);
    const { rowCount } = await transaction.query(sql.type(nothing)`
      insert into webhooks (account_id, id, url, events, secret)
      select ${accountId}, ${id}, ${url}, ${sql.array([...events], 'text')}, ${secret}
      where (select count(*) from webhooks where account_id = ${accountId}) < ${max}`);
    return rowCount === 1;
  });
}

export const listWebhooks = (
  pool: DatabasePool,
  accountId: string,
): Promise<readonly WebhookRow[]> =>
  pool.any(sql.type(webhookRow)`
    select ${columns} from webhooks where account_id = ${accountId} order by created_at, id`);

/** With its deliveries. @returns false when there is none */
export async function deleteWebhook(
  pool: DatabasePool,
  accountId: string,
  id: string,
): Promise<boolean> {
  const { rowCount } = await pool.query(sql.type(nothing)`
    delete from webhooks where account_id = ${accountId} and id = ${id}`);
  return rowCount === 1;
}

/** The old secret signs beside the new one for as long. */
export const rotateSecret = (
  pool: DatabasePool,
  {
    accountId,
    id,
    secret,
    overlapMs,
  }: { accountId: string; id: string; secret: string; overlapMs: number },
): Promise<WebhookRow | null> =>
  pool.maybeOne(sql.type(webhookRow)`
    update webhooks set previous_secret = secret, secret = ${secret},
      previous_until = clock_timestamp() + ${overlapMs}::float8 * interval '1 millisecond'
    where account_id = ${accountId} and id = ${id} returning ${columns}`);

/** What waits goes out again at once. */
export const enableWebhook = (
  pool: DatabasePool,
  accountId: string,
  id: string,
): Promise<WebhookRow | null> =>
  pool.maybeOne(sql.type(webhookRow)`
    update webhooks set disabled_at = null, disabled_because = null, failing_since = null
    where account_id = ${accountId} and id = ${id} returning ${columns}`);

/** @returns false when there is no such webhook */
export async function insertDelivery(
  pool: DatabasePool,
  delivery: {
    readonly accountId: string;
    readonly id: string;
    readonly webhookId: string;
    readonly event: string;
    readonly payload: string;
  },
): Promise<boolean> {
  const { accountId, id, webhookId, event, payload } = delivery;
  const { rowCount } = await pool.query(sql.type(nothing)`
    insert into webhook_deliveries (account_id, id, webhook_id, event, payload)
    select account_id, ${id}, id, ${event}, ${payload} from webhooks
    where account_id = ${accountId} and id = ${webhookId}`);
  return rowCount === 1;
}

/** Newest first. Throws `InvalidCursor`. */
export async function listDeliveries(
  pool: DatabasePool,
  accountId: string,
  webhookId: string,
  { limit, cursor = null }: { readonly limit: number; readonly cursor?: string | null },
): Promise<Page<DeliveryRow>> {
  const place = cursor === null ? null : decodeCursor(cursor, listPlace);
  const after =
    place === null
      ? sql.fragment``
      : sql.fragment`and (created_at, id) <
          (timestamptz 'epoch' + ${place[0]}::bigint * interval '1 microsecond', ${place[1]})`;
  const listed = deliveryRow.extend({ bornAt: z.string() });
  const rows = await pool.any(sql.type(listed)`
    select id, event, job_id as "jobId", state, attempts, status, error, created_at as "createdAt",
      next_at as "nextAt", delivered_at as "deliveredAt",
      (extract(epoch from created_at) * 1000000)::bigint::text as "bornAt"
    from webhook_deliveries where account_id = ${accountId} and webhook_id = ${webhookId} ${after}
    order by created_at desc, id desc limit ${limit + 1}`);
  return pageOf(rows, limit, (last) => [last.bornAt, last.id]);
}

/** Goes out again as if it never had. @returns false when there is none */
export async function replayDelivery(
  pool: DatabasePool,
  { accountId, webhookId, id }: { accountId: string; webhookId: string; id: string },
): Promise<boolean> {
  const { rowCount } = await pool.query(sql.type(nothing)`
    update webhook_deliveries set state = 'waiting', attempts = 0, next_at = clock_timestamp(),
      delivered_at = null
    where account_id = ${accountId} and webhook_id = ${webhookId} and id = ${id}`);
  return rowCount === 1;
}

/**
 * The next slice of the stream becomes deliveries.
 * @param jobEvents by public state that ends a job, the event it is
 * @returns how many events were looked at; null: somebody else is at it
 */
export async function fanOut(
  pool: DatabasePool,
  jobEvents: Readonly<Record<string, string>>,
  limit: number,
): Promise<number | null> {
  const states = Object.entries(jobEvents);
  const row = await pool.maybeOne(sql.type(z.object({ seen: z.number() }))`
    with place as materialized (
      select seq from webhook_cursor for update skip locked
    ),
    slice as materialized (
      select s.* from stream s where s.seq > (select seq from place) order by s.seq limit ${limit}
    ),
    -- Few accounts have webhooks, and only their events are looked into.
    told as materialized (
      select w.account_id, w.id as webhook_id, w.events, s.job_id, s.at, s.payload::json as job
      from slice s join webhooks w on w.account_id = s.account_id and w.created_at <= s.at
      where w.disabled_at is null
    ),
    made as (
      insert into webhook_deliveries (account_id, id, webhook_id, event, job_id, payload)
      select t.account_id, t.webhook_id || '.' || t.job_id, t.webhook_id, e.event, t.job_id,
        json_build_object(
          'type', e.event,
          'timestamp', to_char(t.at at time zone 'utc', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"'),
          'data', t.job
        )::text
      from told t join ${sql.unnest(states, ['text', 'text'])} as e (state, event)
        on t.job->>'state' = e.state and e.event = any (t.events)
      on conflict (account_id, id) do nothing
    ),
    moved as (
      update webhook_cursor c set seq = greatest(c.seq, (select max(seq) from slice))
      from place where exists (select 1 from slice)
    )
    select (select count(*) from slice) as seen from place`);
  return row?.seen ?? null;
}

/** Takes what is due; for so long nobody else does. */
export const claimDeliveries = (
  pool: DatabasePool,
  { limit, holdMs }: { readonly limit: number; readonly holdMs: number },
): Promise<readonly DueDelivery[]> =>
  pool.any(sql.type(dueRow)`
    with due as (
      select d.account_id, d.id from webhook_deliveries d
      join webhooks w on w.account_id = d.account_id and w.id = d.webhook_id
      where d.state = 'waiting' and d.next_at <= clock_timestamp() and w.disabled_at is null
      order by d.next_at limit ${limit} for update of d skip locked
    )
    update webhook_deliveries d set attempts = d.attempts + 1,
      next_at = clock_timestamp() + ${holdMs}::float8 * interval '1 millisecond'
    from due, webhooks w
    where d.account_id = due.account_id and d.id = due.id
      and w.account_id = d.account_id and w.id = d.webhook_id
    returning d.account_id as "accountId", d.id, d.webhook_id as "webhookId", w.url, w.secret,
      case when w.previous_until > clock_timestamp() then w.previous_secret end as "previousSecret",
      d.payload, d.attempts`);

export interface Outcome {
  readonly status: number | null;
  /** A sentence; null when it came through. */
  readonly error: string | null;
  /** Until the next try; null: there is none. */
  readonly againMs: number | null;
}

/** What became of a try. One that came through ends all failing; one that failed for days ends the webhook. */
export async function recordOutcome(
  pool: DatabasePool,
  due: Pick<DueDelivery, 'accountId' | 'id' | 'webhookId'>,
  { status, error, againMs }: Outcome,
  givesUpMs: number,
): Promise<void> {
  const isThrough = error === null;
  const state = isThrough ? 'delivered' : againMs === null ? 'failed' : 'waiting';
  await pool.query(sql.type(nothing)`
    with told as (
      update webhook_deliveries set state = ${state}, status = ${status}, error = ${error},
        delivered_at = case when ${isThrough} then clock_timestamp() end,
        next_at = clock_timestamp() + ${againMs ?? 0}::float8 * interval '1 millisecond'
      where account_id = ${due.accountId} and id = ${due.id}
    )
    update webhooks set
      failing_since = case when ${isThrough} then null else coalesce(failing_since, clock_timestamp()) end,
      disabled_at = case when ${!isThrough} and failing_since < ${agoOf(givesUpMs)}
        then coalesce(disabled_at, clock_timestamp()) else disabled_at end,
      disabled_because = case when ${!isThrough} and failing_since < ${agoOf(givesUpMs)}
        then coalesce(disabled_because,
          to_char(failing_since at time zone 'utc', '"Nothing has come through since" YYYY-MM-DD HH24:MI "UTC."'))
        else disabled_because end
    where account_id = ${due.accountId} and id = ${due.webhookId}`);
}

/** The receiver said that it wants no more (410). */
export async function disableWebhook(
  pool: DatabasePool,
  { accountId, webhookId }: Pick<DueDelivery, 'accountId' | 'webhookId'>,
  because: string,
): Promise<void> {
  await pool.query(sql.type(nothing)`
    update webhooks set disabled_at = clock_timestamp(), disabled_because = ${because}
    where account_id = ${accountId} and id = ${webhookId} and disabled_at is null`);
}

/** A slice of those that are over for longer; answers how many. */
export async function deleteOldDeliveries(
  pool: CommonQueryMethods,
  ageMs: number,
  limit: number,
): Promise<number> {
  const { count } = await pool.one(sql.type(counted)`
    with gone as (
      delete from webhook_deliveries where (account_id, id) in (
        select account_id, id from webhook_deliveries
        where created_at < ${agoOf(ageMs)} order by created_at limit ${limit}) returning 1
    ) select count(*) from gone`);
  return count;
}
