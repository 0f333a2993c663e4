// API keys. Only the SHA-256 of a key is stored.
import { type DatabasePool, sql } from 'slonik';
import { z } from 'zod';

export const API_KEY_KINDS = ['user', 'frontend', 'worker', 'admin'] as const;
const kind = z.enum(API_KEY_KINDS);
export type ApiKeyKind = z.infer<typeof kind>;

const apiKey = z.object({ accountId: z.string(), id: z.string(), kind, name: z.string() });
export type ApiKey = z.infer<typeof apiKey>;

const apiKeyRow = apiKey.extend({
  createdAt: z.number(),
  expiresAt: z.number().nullable(),
  lastUsedAt: z.number().nullable(),
  revokedAt: z.number().nullable(),
});
export type ApiKeyRow = z.infer<typeof apiKeyRow>;

const nothing = z.object({});

// Writing the last use of a busy key on every request would make its row the hottest of all.
const TOUCH_EVERY_MS = 60_000;

export async function insertApiKey(
  pool: DatabasePool,
  key: ApiKey & { readonly hash: Buffer; readonly ttlMs?: number },
): Promise<void> {
  await pool.query(sql.type(nothing)`
    insert into api_keys (account_id, id, kind, hash, name, expires_at)
    values (${key.accountId}, ${key.id}, ${key.kind}, ${sql.binary(key.hash)}, ${key.name},
      clock_timestamp() + ${key.ttlMs ?? null}::float8 * interval '1 millisecond')`);
}

/** The key, unless it was revoked or has expired. */
export const findApiKey = (pool: DatabasePool, hash: Buffer): Promise<ApiKey | null> =>
  pool.maybeOne(sql.type(apiKey)`
    select account_id as "accountId", id, kind, name from api_keys
    where hash = ${sql.binary(hash)} and revoked_at is null
      and (expires_at is null or expires_at > clock_timestamp())`);

export async function touchApiKey(
  pool: DatabasePool,
  { accountId, id }: Pick<ApiKey, 'accountId' | 'id'>,
): Promise<void> {
  await pool.query(sql.type(nothing)`
    update api_keys set last_used_at = clock_timestamp()
    where account_id = ${accountId} and id = ${id} and (last_used_at is null
      or last_used_at < clock_timestamp() - ${TOUCH_EVERY_MS} * interval '1 millisecond')`);
}

/** False when there is no such key, or it was revoked before. */
export async function revokeApiKey(
  pool: DatabasePool,
  { accountId, id }: Pick<ApiKey, 'accountId' | 'id'>,
): Promise<boolean> {
  const result = await pool.query(sql.type(nothing)`
    update api_keys set revoked_at = clock_timestamp()
    where account_id = ${accountId} and id = ${id} and revoked_at is null`);
  return result.rowCount === 1;
}

export const listApiKeys = (pool: DatabasePool, accountId: string): Promise<readonly ApiKeyRow[]> =>
  pool.any(sql.type(apiKeyRow)`
    select account_id as "accountId", id, kind, name, created_at as "createdAt",
      expires_at as "expiresAt", last_used_at as "lastUsedAt", revoked_at as "revokedAt"
    from api_keys where account_id = ${accountId} order by created_at, id`);
