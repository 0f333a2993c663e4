// Passkeys: public keys of authenticators. Each is an identity of its account besides.
import { type DatabasePool, sql } from 'slonik';
import { z } from 'zod';

const nothing = z.object({});

const passkey = z.object({
  accountId: z.string(),
  id: z.string(),
  name: z.string(),
  /** In hexadecimal. */
  publicKey: z.string(),
  counter: z.number(),
  transports: z.array(z.string()),
  createdAt: z.number(),
  lastUsedAt: z.number().nullable(),
});
export type PasskeyRow = z.infer<typeof passkey>;

const columns = sql.fragment`account_id as "accountId", id, name, encode(public_key, 'hex') as "publicKey",
  counter, transports, created_at as "createdAt", last_used_at as "lastUsedAt"`;

/** @returns false where it is known already */
export async function insertPasskey(
  pool: DatabasePool,
  made: Pick<PasskeyRow, 'accountId' | 'id' | 'name' | 'counter' | 'transports'> & {
    readonly publicKey: Uint8Array;
    readonly by: string;
  },
): Promise<boolean> {
  const { made: count } = await pool.one(sql.type(z.object({ made: z.number() }))`
    with identified as (
      insert into identities (account_id, provider, subject, name)
      values (${made.accountId}, 'passkey', ${made.id}, ${made.name})
      on conflict (provider, subject) do nothing returning account_id
    ),
    kept as (
      insert into passkeys (account_id, id, public_key, counter, transports, name)
      select account_id, ${made.id}, ${sql.binary(Buffer.from(made.publicKey))}, ${made.counter},
        ${sql.array(made.transports, 'text')}, ${made.name} from identified
      returning account_id
    ),
    noted as (
      insert into audit (account_id, done_by, action, details)
      select account_id, ${made.by}, 'passkey.added',
        json_build_object('passkey', ${made.id}::text, 'name', ${made.name}::text)::text from kept
    )
    select count(*) as made from kept`);
  return count === 1;
}

export const findPasskey = (pool: DatabasePool, id: string): Promise<PasskeyRow | null> =>
  pool.maybeOne(sql.type(passkey)`select ${columns} from passkeys where id = ${id}`);

/** Of the account and all that have become part of it. */
export const listPasskeys = (
  pool: DatabasePool,
  accountId: string,
): Promise<readonly PasskeyRow[]> =>
  pool.any(sql.type(passkey)`
    select ${columns} from passkeys
    where account_id in (select account_id from accounts_of(${accountId})) order by created_at, id`);

/** @returns false where the authenticator counted less than before: it was copied, or somebody else was faster */
export async function notePasskeyUse(
  pool: DatabasePool,
  { id, counter }: { readonly id: string; readonly counter: number },
): Promise<boolean> {
  const { rowCount } = await pool.query(sql.type(nothing)`
    update passkeys set counter = ${counter}, last_used_at = clock_timestamp()
    where id = ${id} and (counter < ${counter} or (counter = 0 and ${counter}::int8 = 0))`);
  return rowCount === 1;
}

/** Gone with its identity: it opens nothing any more. @returns false where there is no such one of theirs */
export async function deletePasskey(
  pool: DatabasePool,
  { accountId, id, by }: { readonly accountId: string; readonly id: string; readonly by: string },
): Promise<boolean> {
  const { gone } = await pool.one(sql.type(z.object({ gone: z.number() }))`
    with gone as (
      delete from passkeys
      where account_id in (select account_id from accounts_of(${accountId})) and id = ${id}
      returning account_id
    ),
    forgotten as (
      delete from identities i using gone
      where i.account_id = gone.account_id and i.provider = 'passkey' and i.subject = ${id}
    ),
    noted as (
      insert into audit (account_id, done_by, action, details)
      select account_id, ${by}, 'passkey.removed', json_build_object('passkey', ${id}::text)::text
      from gone
    )
    select count(*) as gone from gone`);
  return gone === 1;
}
