// Browser sessions. Only the SHA-256 of the cookie's secret is stored.
import { type CommonQueryMethods, type DatabasePool, sql } from 'slonik';
import { z } from 'zod';

const session = z.object({ accountId: z.string(), createdAt: z.number(), expiresAt: z.number() });
export type Session = z.infer<typeof session>;

const nothing = z.object({});

export const createSession = (
  pool: DatabasePool,
  { hash, accountId, ttlMs }: { hash: Buffer; accountId: string; ttlMs: number },
): Promise<Session> =>
  pool.one(sql.type(session)`
    insert into sessions (account_id, hash, expires_at)
    values (${accountId}, ${sql.binary(hash)},
      clock_timestamp() + ${ttlMs}::float8 * interval '1 millisecond')
    returning account_id as "accountId", created_at as "createdAt", expires_at as "expiresAt"`);

/** The session, unless it has expired. */
export const findSession = (pool: DatabasePool, hash: Buffer): Promise<Session | null> =>
  pool.maybeOne(sql.type(session)`
    select account_in_use(account_id) as "accountId", created_at as "createdAt", expires_at as "expiresAt"
    from sessions where hash = ${sql.binary(hash)} and expires_at > clock_timestamp()`);

/** Signing out. */
export async function deleteSession(pool: DatabasePool, hash: Buffer): Promise<void> {
  await pool.query(sql.type(nothing)`delete from sessions where hash = ${sql.binary(hash)}`);
}

export async function deleteExpiredSessions(pool: CommonQueryMethods): Promise<number> {
  const result = await pool.query(sql.type(nothing)`
    delete from sessions where expires_at <= clock_timestamp()`);
  return result.rowCount;
}
