// Browser sessions. Only the SHA-256 of the cookie's secret is stored.
import { type CommonQueryMethods, type DatabasePool, sql } from 'slonik';
import { z } from 'zod';

/** Unused for so long, it has ended. */
const IDLE = sql.fragment`interval '7 days'`;
// Writing each use would make a busy session's row a hot one.
const SEEN_EVERY = sql.fragment`interval '1 minute'`;

const session = z.object({
  accountId: z.string(),
  /** Who it was that signed in (`discord:42`). Null: the local person. */
  identity: z.string().nullable(),
  createdAt: z.number(),
  expiresAt: z.number(),
});
export type Session = z.infer<typeof session>;

const sessionRow = session.extend({
  id: z.string(),
  agent: z.string().nullable(),
  lastSeenAt: z.number(),
  isThis: z.boolean(),
});
export type SessionRow = z.infer<typeof sessionRow>;

const nothing = z.object({});

export interface NewSession {
  readonly accountId: string;
  readonly hash: Buffer;
  readonly id: string;
  /** In all, however much it is used. */
  readonly ttlMs: number;
  readonly identity?: string | null;
  readonly agent?: string | null;
}

export const createSession = (pool: DatabasePool, made: NewSession): Promise<Session> =>
  pool.one(sql.type(session)`
    insert into sessions (account_id, hash, id, identity, agent, expires_at)
    values (${made.accountId}, ${sql.binary(made.hash)}, ${made.id}, ${made.identity ?? null},
      ${made.agent ?? null}, clock_timestamp() + ${made.ttlMs}::float8 * interval '1 millisecond')
    returning account_id as "accountId", identity, created_at as "createdAt",
      expires_at as "expiresAt"`);

/** The session, unless it has ended: by its time, or because nobody used it. */
export const findSession = (pool: DatabasePool, hash: Buffer): Promise<Session | null> =>
  pool.maybeOne(sql.type(session)`
    select account_in_use(account_id) as "accountId", identity, created_at as "createdAt",
      expires_at as "expiresAt" from sessions
    where hash = ${sql.binary(hash)} and expires_at > clock_timestamp()
      and last_seen_at > clock_timestamp() - ${IDLE}`);

export async function touchSession(pool: DatabasePool, hash: Buffer): Promise<void> {
  await pool.query(sql.type(nothing)`
    update sessions set last_seen_at = clock_timestamp()
    where hash = ${sql.binary(hash)} and last_seen_at < clock_timestamp() - ${SEEN_EVERY}`);
}

/** The same session under another secret: the old one opens nothing any more. */
export async function rotateSession(
  pool: DatabasePool,
  hash: Buffer,
  newHash: Buffer,
): Promise<void> {
  await pool.query(sql.type(nothing)`
    update sessions set hash = ${sql.binary(newHash)} where hash = ${sql.binary(hash)}`);
}

/** Of the account and all that have become part of it, the one in use last first. */
export const listSessions = (
  pool: DatabasePool,
  accountId: string,
  own: Buffer | null,
): Promise<readonly SessionRow[]> =>
  pool.any(sql.type(sessionRow)`
    select account_id as "accountId", id, identity, agent, created_at as "createdAt",
      expires_at as "expiresAt", last_seen_at as "lastSeenAt",
      coalesce(hash = ${own === null ? null : sql.binary(own)}, false) as "isThis"
    from sessions
    where account_id in (select account_id from accounts_of(${accountId}))
      and expires_at > clock_timestamp() and last_seen_at > clock_timestamp() - ${IDLE}
    order by last_seen_at desc, id`);

/** Signing out. */
export async function deleteSession(pool: DatabasePool, hash: Buffer): Promise<void> {
  await pool.query(sql.type(nothing)`delete from sessions where hash = ${sql.binary(hash)}`);
}

/** @returns false where there is no such session of theirs */
export async function endSession(
  pool: DatabasePool,
  { accountId, id, by }: { accountId: string; id: string; by: string },
): Promise<boolean> {
  const { ended } = await pool.one(sql.type(z.object({ ended: z.number() }))`
    with gone as (
      delete from sessions
      where account_id in (select account_id from accounts_of(${accountId})) and id = ${id}
      returning account_id
    ),
    noted as (
      insert into audit (account_id, done_by, action, details)
      select account_id, ${by}, 'session.ended', json_build_object('session', ${id}::text)::text
      from gone
    )
    select count(*) as ended from gone`);
  return ended === 1;
}

/** Who signed in by this identity is out. */
export async function endSessionsOf(pool: DatabasePool, identity: string): Promise<void> {
  await pool.query(sql.type(nothing)`delete from sessions where identity = ${identity}`);
}

export async function deleteExpiredSessions(pool: CommonQueryMethods): Promise<number> {
  const result = await pool.query(sql.type(nothing)`
    delete from sessions
    where expires_at <= clock_timestamp() or last_seen_at <= clock_timestamp() - ${IDLE}`);
  return result.rowCount;
}
