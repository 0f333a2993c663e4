// Accounts, and who somebody is on another platform.
import { type DatabasePool, sql } from 'slonik';
import { z } from 'zod';

const accountRow = z.object({ accountId: z.string() });
const nothing = z.object({});

/** True when the account is new. */
export async function ensureAccount(pool: DatabasePool, accountId: string): Promise<boolean> {
  const result = await pool.query(sql.type(nothing)`
    insert into accounts (account_id) values (${accountId}) on conflict do nothing`);
  return result.rowCount === 1;
}

export const accountExists = (pool: DatabasePool, accountId: string): Promise<boolean> =>
  pool.exists(sql.type(nothing)`select 1 from accounts where account_id = ${accountId}`);

export interface Identity {
  /** `telegram`, `discord`, ... */
  readonly provider: string;
  /** Their id over there. */
  readonly subject: string;
}

/** The account that is in use: what they came by may be part of another. */
export async function findAccountOf(
  pool: DatabasePool,
  { provider, subject }: Identity,
): Promise<string | null> {
  const row = await pool.maybeOne(sql.type(accountRow)`
    select account_in_use(account_id) as "accountId" from identities
    where provider = ${provider} and subject = ${subject}`);
  return row?.accountId ?? null;
}

/**
 * The account of this identity; the given new one where there is none yet. Of two that come at once both
 * get the same account.
 */
export async function ensureAccountOf(
  pool: DatabasePool,
  identity: Identity,
  newAccountId: string,
): Promise<string> {
  const known = await findAccountOf(pool, identity);
  if (known !== null) return known;
  // One statement: where another was faster, neither the identity nor an empty account stays behind.
  const created = await pool.maybeOne(sql.type(accountRow)`
    with identified as (
      insert into identities (account_id, provider, subject)
      values (${newAccountId}, ${identity.provider}, ${identity.subject})
      on conflict (provider, subject) do nothing returning account_id
    )
    insert into accounts (account_id) select account_id from identified
    on conflict do nothing returning account_id as "accountId"`);
  return created?.accountId ?? (await findAccountOf(pool, identity)) ?? newAccountId;
}
