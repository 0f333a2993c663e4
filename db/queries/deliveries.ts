// What frontends still have to bring to somebody. A row is written before its job and is settled by the frontend alone.
import { type DatabasePool, sql } from 'slonik';
import { z } from 'zod';
import { decodeCursor, type Page, pageOf } from './cursor.ts';
import { agoOf } from './retention.ts';

const deliveryRow = z.object({
  accountId: z.string(),
  jobId: z.string(),
  keyId: z.string(),
  person: z.string(),
  bot: z.string(),
  chat: z.string(),
  note: z.string(),
  state: z.enum(['open', 'delivered', 'dead']),
  reason: z.string().nullable(),
  createdAt: z.number(),
});
export type DeliveryRow = z.infer<typeof deliveryRow>;

const listedRow = deliveryRow.extend({ place: z.string() });
const listPlace = z.tuple([z.string().regex(/^\d{1,17}$/), z.string().max(100)]);
const nothing = z.object({});
const columns = sql.fragment`account_id as "accountId", job_id as "jobId", key_id as "keyId", person, bot, chat,
  note, state, reason, created_at as "createdAt"`;

/** Once for each job: who asks again finds it there. */
export async function insertDelivery(
  pool: DatabasePool,
  delivery: Pick<DeliveryRow, 'accountId' | 'jobId' | 'keyId' | 'person' | 'bot' | 'chat'>,
): Promise<void> {
  const { accountId, jobId, keyId, person, bot, chat } = delivery;
  await pool.query(sql.type(nothing)`
    insert into deliveries (account_id, job_id, key_id, person, bot, chat)
    values (${accountId}, ${jobId}, ${keyId}, ${person}, ${bot}, ${chat}) on conflict do nothing`);
}

/** Of a job that was refused. One that was made under the same id keeps it. */
export async function deleteDeliveryWithoutJob(
  pool: DatabasePool,
  accountId: string,
  jobId: string,
): Promise<void> {
  await pool.query(sql.type(nothing)`
    delete from deliveries d where account_id = ${accountId} and job_id = ${jobId}
      and not exists (select 1 from actors a
        where a.account_id = d.account_id and a.kind = 'job' and a.id = d.job_id)
      and not exists (select 1 from archive a
        where a.account_id = d.account_id and a.kind = 'job' and a.id = d.job_id)`);
}

export const findDelivery = (
  pool: DatabasePool,
  keyId: string,
  jobId: string,
): Promise<DeliveryRow | null> =>
  pool.maybeOne(sql.type(deliveryRow)`
    select ${columns} from deliveries where job_id = ${jobId} and key_id = ${keyId}`);

export interface DeliveryQuery {
  readonly limit: number;
  readonly cursor?: string | null;
  /** Only those of this bot. */
  readonly bot?: string | undefined;
}

/** The open ones of a key, oldest first. Throws `InvalidCursor`. */
export async function listOpenDeliveries(
  pool: DatabasePool,
  keyId: string,
  { limit, cursor = null, bot }: DeliveryQuery,
): Promise<Page<DeliveryRow>> {
  const place = cursor === null ? null : decodeCursor(cursor, listPlace);
  const after =
    place === null
      ? sql.fragment``
      : sql.fragment`and (created_at, job_id) >
          (timestamptz 'epoch' + ${place[0]}::bigint * interval '1 microsecond', ${place[1]})`;
  const ofBot = bot === undefined ? sql.fragment`` : sql.fragment`and bot = ${bot}`;
  const rows = await pool.any(sql.type(listedRow)`
    select ${columns}, (extract(epoch from created_at) * 1000000)::bigint::text as place
    from deliveries where key_id = ${keyId} and state = 'open' ${ofBot} ${after}
    order by created_at, job_id limit ${limit + 1}`);
  return pageOf(rows, limit, (last) => [last.place, last.jobId]);
}

/** What no bot could bring to anybody, newest first. Throws `InvalidCursor`. */
export async function listDeadDeliveries(
  pool: DatabasePool,
  { limit, cursor = null }: Pick<DeliveryQuery, 'limit' | 'cursor'>,
): Promise<Page<DeliveryRow>> {
  const place = cursor === null ? null : decodeCursor(cursor, listPlace);
  const after =
    place === null
      ? sql.fragment``
      : sql.fragment`and (settled_at, job_id) <
          (timestamptz 'epoch' + ${place[0]}::bigint * interval '1 microsecond', ${place[1]})`;
  const rows = await pool.any(sql.type(listedRow)`
    select ${columns}, (extract(epoch from settled_at) * 1000000)::bigint::text as place
    from deliveries where state = 'dead' ${after}
    order by settled_at desc, job_id desc limit ${limit + 1}`);
  return pageOf(rows, limit, (last) => [last.place, last.jobId]);
}

export interface DeliveryChanges {
  readonly note?: string | undefined;
  readonly state?: 'delivered' | 'dead' | undefined;
  readonly reason?: string | undefined;
}

/** What is settled stays settled; its note may still change. */
export const changeDelivery = (
  pool: DatabasePool,
  keyId: string,
  jobId: string,
  { note, state, reason }: DeliveryChanges,
): Promise<DeliveryRow | null> =>
  pool.maybeOne(sql.type(deliveryRow)`
    update deliveries set
      note = coalesce(${note ?? null}, note),
      state = case when state = 'open' then coalesce(${state ?? null}, state) else state end,
      reason = case when state = 'open' then ${reason ?? null} else reason end,
      settled_at = case when state = 'open' and ${state ?? null}::text is not null
        then clock_timestamp() else settled_at end
    where job_id = ${jobId} and key_id = ${keyId} returning ${columns}`);

/**
 * A frontend has handled the event: if that was the job's end, there is nothing left to bring.
 * @param seq of one event; nothing is said of those before it
 */
export async function acknowledgeEvent(
  pool: DatabasePool,
  keyId: string,
  seq: number,
): Promise<void> {
  await pool.query(sql.type(nothing)`
    update deliveries d set state = 'delivered', settled_at = clock_timestamp()
    from stream s
    where s.seq = ${seq} and d.account_id = s.account_id and d.job_id = s.job_id
      and d.key_id = ${keyId} and d.state = 'open' and s.payload::json->>'phase' = 'settled'`);
}

/** Its bot tries again. Who said so is written down with it. @returns false when it is not a dead one */
export async function retryDelivery(
  pool: DatabasePool,
  jobId: string,
  by: string,
): Promise<boolean> {
  const { retried } = await pool.one(sql.type(z.object({ retried: z.number() }))`
    with again as (
      update deliveries set state = 'open', reason = null, settled_at = null
      where job_id = ${jobId} and state = 'dead' returning account_id, bot
    ),
    noted as (
      insert into audit (account_id, done_by, action, details)
      select account_id, ${by}, 'delivery.retried',
        json_build_object('job', ${jobId}::text, 'bot', bot)::text from again
    )
    select count(*) as retried from again`);
  return retried > 0;
}

/** Rows whose job was never made, since this long. */
export async function deleteForsaken(
  pool: DatabasePool,
  rows: readonly Pick<DeliveryRow, 'accountId' | 'jobId' | 'createdAt'>[],
  ageMs: number,
): Promise<void> {
  for (const { accountId, jobId } of rows)
    await pool.query(sql.type(nothing)`
      delete from deliveries where account_id = ${accountId} and job_id = ${jobId}
        and created_at < ${agoOf(ageMs)}`);
}

const frontendStreamRow = z.object({
  seq: z.number(),
  accountId: z.string(),
  jobId: z.string(),
  /** Null: the job is no business of this frontend. */
  payload: z.string().nullable(),
});
export type FrontendStreamRow = z.infer<typeof frontendStreamRow>;

/** The next part of the stream of everybody, with what concerns jobs that this key asked for. */
export const readStreamOfKey = (
  pool: DatabasePool,
  keyId: string,
  after: number,
  limit: number,
): Promise<readonly FrontendStreamRow[]> =>
  pool.any(sql.type(frontendStreamRow)`
    select s.seq::float8 as seq, s.account_id as "accountId", s.job_id as "jobId",
      case when d.ours then s.payload end as payload
    from (select * from stream where seq > ${after} order by seq limit ${limit}) as s
    left join lateral (
      select true as ours from deliveries
      where account_id = s.account_id and job_id = s.job_id and key_id = ${keyId} offset 0
    ) as d on true
    order by s.seq`);
