// Who is kept out. Who did it is written down in the same statement.
import { type DatabasePool, sql } from 'slonik';
import { z } from 'zod';
import { SYSTEM_ACCOUNT } from '../../machines/contract/ids.ts';

const banRow = z.object({
  subject: z.string(),
  reason: z.string(),
  by: z.string(),
  at: z.number(),
  until: z.number().nullable(),
});
export type Ban = z.infer<typeof banRow>;
const count = z.object({ changed: z.number() });

/** Those that hold. */
export const listBans = (pool: DatabasePool): Promise<readonly Ban[]> =>
  pool.any(sql.type(banRow)`
    select subject, reason, made_by as by, made_at as at, until from bans
    where account_id = ${SYSTEM_ACCOUNT} and (until is null or until > clock_timestamp())
    order by made_at, subject`);

/** Said again, the newer reason and end hold. */
export async function insertBan(
  pool: DatabasePool,
  { subject, reason, by, until }: Omit<Ban, 'at'>,
): Promise<void> {
  const ends = until === null ? null : new Date(until).toISOString();
  await pool.query(sql.type(z.object({}))`
    with changed as (
      insert into bans (account_id, subject, reason, made_by, until)
      values (${SYSTEM_ACCOUNT}, ${subject}, ${reason}, ${by}, ${ends}::timestamptz)
      on conflict (account_id, subject) do update set reason = excluded.reason,
        made_by = excluded.made_by, made_at = clock_timestamp(), until = excluded.until
    )
    insert into audit (account_id, done_by, action, details) values
      (${SYSTEM_ACCOUNT}, ${by}, 'ban.made', ${JSON.stringify({ subject, reason, until: ends })})`);
}

/** @returns false when there was none */
export async function deleteBan(
  pool: DatabasePool,
  { subject, by }: Pick<Ban, 'subject' | 'by'>,
): Promise<boolean> {
  const { changed } = await pool.one(sql.type(count)`
    with changed as (
      delete from bans where account_id = ${SYSTEM_ACCOUNT} and subject = ${subject}
      returning account_id
    ), noted as (
      insert into audit (account_id, done_by, action, details)
      select account_id, ${by}, 'ban.lifted', ${JSON.stringify({ subject })} from changed
    )
    select count(*) as changed from changed`);
  return changed > 0;
}
