// API keys. Only the SHA-256 of a key is stored.
import { type DatabasePool, sql } from 'slonik';
import { z } from 'zod';

const API_KEY_KINDS = ['user', 'frontend', 'worker', 'admin'] as const;
const kind = z.enum(API_KEY_KINDS);

const apiKey = z.object({
  /** Whom it speaks for: the account that is in use. */
  accountId: z.string(),
  /** Where it was made. */
  homeId: z.string(),
  id: z.string(),
  kind,
  name: z.string(),
  /** Of a worker's key: what that worker is called. Null: its agent says so. */
  workerName: z.string().nullable(),
  /** Names with spaces between them. Null: all that its kind may. */
  scopes: z.string().nullable(),
  requestsPerMinute: z.number().nullable(),
  expiresAt: z.number().nullable(),
});
export type ApiKey = z.infer<typeof apiKey>;

const apiKeyRow = apiKey.extend({
  createdAt: z.number(),
  lastUsedAt: z.number().nullable(),
  revokedAt: z.number().nullable(),
  replacedBy: z.string().nullable(),
});
export type ApiKeyRow = z.infer<typeof apiKeyRow>;

const nothing = z.object({});

// Writing the last use of a busy key on every request would make its row the hottest of all.
const TOUCH_EVERY_MS = 60_000;

export async function insertApiKey(
  pool: DatabasePool,
  key: Pick<ApiKey, 'accountId' | 'id' | 'kind' | 'name'> &
    Partial<Pick<ApiKey, 'workerName' | 'scopes' | 'requestsPerMinute'>> & {
      readonly hash: Buffer;
      readonly ttlMs?: number;
    },
): Promise<void> {
  await pool.query(sql.type(nothing)`
    insert into api_keys (account_id, id, kind, hash, name, worker_name, scopes, requests_per_minute,
      expires_at)
    values (${key.accountId}, ${key.id}, ${key.kind}, ${sql.binary(key.hash)}, ${key.name},
      ${key.workerName ?? null}, ${key.scopes ?? null}, ${key.requestsPerMinute ?? null},
      clock_timestamp() + ${key.ttlMs ?? null}::float8 * interval '1 millisecond')`);
}

/** The key, unless it was revoked or has expired. */
export const findApiKey = (pool: DatabasePool, hash: Buffer): Promise<ApiKey | null> =>
  pool.maybeOne(sql.type(apiKey)`
    select account_in_use(account_id) as "accountId", account_id as "homeId", id, kind, name,
      worker_name as "workerName", scopes, requests_per_minute as "requestsPerMinute",
      expires_at as "expiresAt" from api_keys
    where hash = ${sql.binary(hash)} and revoked_at is null
      and (expires_at is null or expires_at > clock_timestamp())`);

export async function touchApiKey(
  pool: DatabasePool,
  { homeId, id }: Pick<ApiKey, 'homeId' | 'id'>,
): Promise<void> {
  await pool.query(sql.type(nothing)`
    update api_keys set last_used_at = clock_timestamp()
    where account_id = ${homeId} and id = ${id} and (last_used_at is null
      or last_used_at < clock_timestamp() - ${TOUCH_EVERY_MS} * interval '1 millisecond')`);
}

/**
 * From now on nobody gets in by it. Who said so is written down with it.
 * @returns false when there is no such key, or it was revoked before
 */
export async function revokeApiKey(
  pool: DatabasePool,
  { id, by, accountId }: { readonly id: string; readonly by: string; readonly accountId?: string },
): Promise<boolean> {
  const { revoked } = await pool.one(sql.type(z.object({ revoked: z.number() }))`
    with gone as (
      update api_keys set revoked_at = clock_timestamp() where id = ${id} and revoked_at is null
        and (${accountId ?? null}::text is null
          or account_id in (select account_id from accounts_of(${accountId ?? null})))
      returning account_id, kind, name
    ),
    noted as (
      insert into audit (account_id, done_by, action, details)
      select account_id, ${by}, 'key.revoked',
        json_build_object('key', ${id}::text, 'kind', kind, 'name', name)::text from gone
    )
    select count(*) as revoked from gone`);
  return revoked > 0;
}

/** The keys that were revoked, or ended by themselves, in the last `withinMs`, by the database's clock. */
export async function listRevokedLately(
  pool: DatabasePool,
  withinMs: number,
): Promise<readonly { readonly id: string; readonly hash: Buffer }[]> {
  const rows = await pool.any(sql.type(z.object({ id: z.string(), hash: z.string() }))`
    select id, encode(hash, 'hex') as hash from api_keys
    where revoked_at > clock_timestamp() - ${withinMs}::float8 * interval '1 millisecond'
      or (expires_at > clock_timestamp() - ${withinMs}::float8 * interval '1 millisecond'
        and expires_at <= clock_timestamp())`);
  return rows.map(({ id, hash }) => ({ id, hash: Buffer.from(hash, 'hex') }));
}

/**
 * A new key with all that the old one has; the old one ends after the overlap, or sooner by itself.
 * @returns null when there is no such key, or it does not hold any more, or was replaced before
 */
export const replaceApiKey = (
  pool: DatabasePool,
  { accountId, id, newId, newHash, overlapMs, by }: Replacement,
): Promise<ApiKeyRow | null> =>
  pool.maybeOne(sql.type(apiKeyRow)`
    with old as (
      update api_keys set replaced_by = ${newId}, expires_at = least(expires_at,
        clock_timestamp() + ${overlapMs}::float8 * interval '1 millisecond')
      from (
        select account_id, id, expires_at as ends from api_keys
        where account_id in (select account_id from accounts_of(${accountId})) and id = ${id}
        for update
      ) as before
      where api_keys.account_id = before.account_id and api_keys.id = before.id and kind = 'user'
        and revoked_at is null and replaced_by is null
        and (expires_at is null or expires_at > clock_timestamp())
      returning api_keys.account_id, kind, name, scopes, requests_per_minute, before.ends
    ),
    noted as (
      insert into audit (account_id, done_by, action, details)
      select account_id, ${by}, 'key.replaced',
        json_build_object('key', ${id}::text, 'by', ${newId}::text)::text from old
    )
    insert into api_keys (account_id, id, kind, hash, name, scopes, requests_per_minute, expires_at)
    select account_id, ${newId}, kind, ${sql.binary(newHash)}, name, scopes, requests_per_minute, ends
    from old
    returning ${accountId} as "accountId", account_id as "homeId", id, kind, name,
      worker_name as "workerName", scopes, requests_per_minute as "requestsPerMinute", created_at as "createdAt", replaced_by as "replacedBy",
      expires_at as "expiresAt", last_used_at as "lastUsedAt", revoked_at as "revokedAt"`);

interface Replacement {
  readonly accountId: string;
  readonly id: string;
  readonly newId: string;
  readonly newHash: Buffer;
  readonly overlapMs: number;
  readonly by: string;
}

/** Whose key this is or was, for the audit. Null: nobody's. */
export const findKeyEvenRevoked = (
  pool: DatabasePool,
  hash: Buffer,
): Promise<{ readonly id: string } | null> =>
  pool.maybeOne(sql.type(z.object({ id: z.string() }))`
    select id from api_keys where hash = ${sql.binary(hash)}`);

/** Of the account, and of all that have become part of it. */
export const listApiKeys = (pool: DatabasePool, accountId: string): Promise<readonly ApiKeyRow[]> =>
  pool.any(sql.type(apiKeyRow)`
    select ${accountId} as "accountId", account_id as "homeId", id, kind, name,
      worker_name as "workerName", created_at as "createdAt", scopes, requests_per_minute as "requestsPerMinute", replaced_by as "replacedBy",
      expires_at as "expiresAt", last_used_at as "lastUsedAt", revoked_at as "revokedAt"
    from api_keys where account_id in (select account_id from accounts_of(${accountId})) order by created_at, id`);

const signingKey = z.object({ accountId: z.string(), hash: z.string() });

/** A person's valid key, as it signs links: null when it is revoked, expired, of another kind or unknown. */
export async function findSigningKey(
  pool: DatabasePool,
  id: string,
): Promise<{ readonly accountId: string; readonly hash: Buffer } | null> {
  const row = await pool.maybeOne(sql.type(signingKey)`
    select account_in_use(account_id) as "accountId", encode(hash, 'hex') as hash from api_keys
    where id = ${id} and kind = 'user' and revoked_at is null
      and (expires_at is null or expires_at > clock_timestamp())`);
  return row && { accountId: row.accountId, hash: Buffer.from(row.hash, 'hex') };
}
