// What people and chats chose: small JSON documents by name.
import { type DatabasePool, sql } from 'slonik';
import { z } from 'zod';

/** JSON text; null: nothing was chosen yet. */
export async function findPreferences(
  pool: DatabasePool,
  accountId: string,
  name: string,
): Promise<string | null> {
  const row = await pool.maybeOne(sql.type(z.object({ value: z.string() }))`
    select value from preferences where account_id = ${accountId} and name = ${name}`);
  return row?.value ?? null;
}

export async function writePreferences(
  pool: DatabasePool,
  accountId: string,
  name: string,
  value: string,
): Promise<void> {
  await pool.query(sql.type(z.object({}))`
    insert into preferences (account_id, name, value) values (${accountId}, ${name}, ${value})
    on conflict (account_id, name) do update set value = excluded.value, updated_at = clock_timestamp()`);
}

/** How many documents an account has, for there is a bound. */
export async function countPreferences(pool: DatabasePool, accountId: string): Promise<number> {
  const { count } = await pool.one(sql.type(z.object({ count: z.number() }))`
    select count(*) from preferences where account_id = ${accountId}`);
  return count;
}
