// Who the people of an account are elsewhere.
import { type DatabasePool, sql } from 'slonik';
import { z } from 'zod';
import type { Identity } from './accounts.ts';

const nothing = z.object({});
const identity = z.object({
  provider: z.string(),
  subject: z.string(),
  name: z.string().nullable(),
  /** The account that it opens; this may be part of another by now. */
  accountId: z.string(),
  createdAt: z.number(),
});
export type IdentityRow = z.infer<typeof identity>;

/** Of the account and of all that have become part of it, oldest first. */
export const listIdentities = (
  pool: DatabasePool,
  accountId: string,
): Promise<readonly IdentityRow[]> =>
  pool.any(sql.type(identity)`
    select provider, subject, name, account_id as "accountId", created_at as "createdAt"
    from identities where account_id in (select account_id from accounts_of(${accountId}))
    order by created_at, provider, subject`);

/** A further way into an account. @returns false when it is somebody's already */
export async function addIdentity(
  pool: DatabasePool,
  { provider, subject, accountId, by }: Identity & { accountId: string; by: string },
): Promise<boolean> {
  const { added } = await pool.one(sql.type(z.object({ added: z.number() }))`
    with added as (
      insert into identities (account_id, provider, subject)
      values (${accountId}, ${provider}, ${subject}) on conflict (provider, subject) do nothing
      returning account_id
    ),
    noted as (
      insert into audit (account_id, done_by, action, details)
      select account_id, ${by}, 'identity.linked',
        json_build_object('identity', ${`${provider}:${subject}`}::text)::text from added
    )
    select count(*) as added from added`);
  return added === 1;
}

/** Leaves its account for a new one of its own. */
export async function moveOut(
  pool: DatabasePool,
  {
    provider,
    subject,
    accountId,
    newAccountId,
    by,
  }: Identity & { accountId: string; newAccountId: string; by: string },
): Promise<void> {
  await pool.query(sql.type(nothing)`
    with made as (
      insert into accounts (account_id) values (${newAccountId}) on conflict do nothing
    ),
    moved as (
      update identities set account_id = ${newAccountId}
      where provider = ${provider} and subject = ${subject} and account_id = ${accountId}
      returning account_id
    )
    insert into audit (account_id, done_by, action, details)
    select side.id, ${by}, 'identity.unlinked',
      json_build_object('identity', ${`${provider}:${subject}`}::text, 'account', ${newAccountId}::text)::text
    from moved, (values (${accountId}), (${newAccountId})) as side (id)`);
}

/** What they are called there now. */
export async function noteName(
  pool: DatabasePool,
  { provider, subject }: Identity,
  name: string | null,
): Promise<void> {
  await pool.query(sql.type(nothing)`
    update identities set name = ${name === '' ? null : name}
    where provider = ${provider} and subject = ${subject} and name is distinct from ${name}`);
}
