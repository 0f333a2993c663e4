// Accounts that have become part of another one, and the codes by which both sides said so. Only the SHA-256 of a
// code is stored. What is written about an account writes its line in the audit with it.
import { type CommonQueryMethods, type DatabasePool, sql } from 'slonik';
import { z } from 'zod';

const nothing = z.object({});
const row = z.object({ accountId: z.string() });

/** Where an account leads to: itself, or the one that it is part of in the end. */
export const accountInUse = async (pool: DatabasePool, accountId: string): Promise<string> =>
  (await pool.one(sql.type(row)`select account_in_use(${accountId}) as "accountId"`)).accountId;

const joined = z.object({
  accountId: z.string(),
  into: z.string(),
  joinedAt: z.number(),
});
export type JoinedAccount = z.infer<typeof joined>;

/** All that have become part of it, oldest first. */
export const listJoined = (
  pool: DatabasePool,
  accountId: string,
): Promise<readonly JoinedAccount[]> =>
  pool.any(sql.type(joined)`
    select a.account_id as "accountId", a.joined_into as into, a.joined_at as "joinedAt"
    from accounts_of(${accountId}) part join accounts a on a.account_id = part.account_id
    where a.joined_into is not null and a.account_id <> ${accountId}
    order by a.joined_at, a.account_id`);

/** One code at a time: an earlier one of the same account does not hold any more. */
export const insertLinkCode = (
  pool: DatabasePool,
  { accountId, hash, ttlMs }: { accountId: string; hash: Buffer; ttlMs: number },
): Promise<{ readonly expiresAt: number }> =>
  pool.one(sql.type(z.object({ expiresAt: z.number() }))`
    with before as (
      delete from link_codes where account_id = ${accountId} and used_at is null
    )
    insert into link_codes (account_id, hash, expires_at)
    values (${accountId}, ${sql.binary(hash)},
      clock_timestamp() + ${ttlMs}::float8 * interval '1 millisecond')
    returning expires_at as "expiresAt"`);

const linkCode = z.object({ accountId: z.string(), expiresAt: z.number() });

/** The code, while it holds for this account. */
export const findLinkCode = (
  pool: DatabasePool,
  hash: Buffer,
  by: string,
): Promise<z.infer<typeof linkCode> | null> =>
  pool.maybeOne(sql.type(linkCode)`
    select account_in_use(account_id) as "accountId", expires_at as "expiresAt" from link_codes
    where hash = ${sql.binary(hash)} and used_at is null and expires_at > clock_timestamp()
      and coalesce(claimed_by, ${by}) = ${by}`);

/** From now on nobody else may use it. @returns false where somebody was faster */
export async function claimLinkCode(
  pool: DatabasePool,
  hash: Buffer,
  by: string,
): Promise<boolean> {
  const { rowCount } = await pool.query(sql.type(nothing)`
    update link_codes set claimed_by = ${by}
    where hash = ${sql.binary(hash)} and used_at is null and expires_at > clock_timestamp()
      and coalesce(claimed_by, ${by}) = ${by}`);
  return rowCount === 1;
}

/**
 * The account's quota is part of the other's by now; from now on so is whoever comes by it. May be said again.
 * @param hash of the code that was used; null where both sides were proven otherwise
 */
export async function noteJoined(
  pool: DatabasePool,
  {
    accountId,
    into,
    hash,
    by,
  }: { accountId: string; into: string; hash: Buffer | null; by: string },
): Promise<void> {
  await pool.query(sql.type(nothing)`
    with gone as (
      update accounts set joined_into = ${into}, joined_at = clock_timestamp()
      where account_id = ${accountId} and joined_into is null returning account_id
    ),
    used as (
      update link_codes set used_at = clock_timestamp(), claimed_by = coalesce(claimed_by, ${accountId})
      where hash = ${hash === null ? null : sql.binary(hash)} and used_at is null
    )
    insert into audit (account_id, done_by, action, details)
    select side.id, ${by}, 'account.joined',
      json_build_object('account', ${accountId}::text, 'into', ${into}::text)::text
    from gone, (values (${accountId}), (${into})) as side (id)`);
}

/** Its quota is its own again; so is whoever comes by it. May be said again. */
export async function noteParted(
  pool: DatabasePool,
  { accountId, by }: { accountId: string; by: string },
): Promise<void> {
  await pool.query(sql.type(nothing)`
    with was as (
      select joined_into as into from accounts
      where account_id = ${accountId} and joined_into is not null for update
    ),
    own as (
      update accounts set joined_into = null, joined_at = null from was
      where account_id = ${accountId} returning was.into
    )
    insert into audit (account_id, done_by, action, details)
    select side.id, ${by}, 'account.parted',
      json_build_object('account', ${accountId}::text, 'from', own.into)::text
    from own, lateral (values (${accountId}), (own.into)) as side (id)`);
}

/** Those that were not used, and those that were, a while after. */
export async function deleteOldLinkCodes(pool: CommonQueryMethods): Promise<number> {
  const { rowCount } = await pool.query(sql.type(nothing)`
    delete from link_codes where expires_at < clock_timestamp() - interval '1 day'`);
  return rowCount;
}
