// Makes a key and keeps its hash. Whoever can reach the database may do this; there is no other way in.
import { ensureAccount } from '../../db/queries/accounts.ts';
import { findApiKey, insertApiKey } from '../../db/queries/api-keys.ts';
import { createDatabasePool } from '../../db/pool.ts';
import { SYSTEM_ACCOUNT } from '../../machines/contract/ids.ts';
import { realIds } from '../../runtime/clock.ts';
import { type KeyKind, makeKey, parseKey, type Platform } from '../../runtime/keys.ts';

export interface KeyRequest {
  readonly kind: KeyKind;
  readonly name: string;
  /** Whose key it is; a new account when nothing is said. For kind `user` only. */
  readonly account: string | null;
  /** For kind `worker`: what it is called, whatever its agent says. */
  readonly workerName?: string | null;
  /** For kind `frontend` only. */
  readonly platform: Platform | null;
}

export interface IssuedKey {
  readonly key: string;
  readonly account: string;
  readonly isNewAccount: boolean;
}

export async function issueKey(databaseUrl: string, request: KeyRequest): Promise<IssuedKey> {
  const { kind, name, platform, workerName = null } = request;
  // Workers, frontends and administrators act for the house; only people have a balance.
  const account =
    kind === 'user' ? (request.account ?? realIds.make('acc', Date.now())) : SYSTEM_ACCOUNT;
  const pool = await createDatabasePool({ url: databaseUrl, connectionsMax: 1 });
  try {
    const isNewAccount = await ensureAccount(pool, account);
    // The key's id says whom a frontend may speak for.
    const { key, id, hash } = makeKey(kind, platform);
    await insertApiKey(pool, { accountId: account, id, kind, name, workerName, hash });
    return { key, account, isNewAccount };
  } finally {
    await pool.end();
  }
}

/** The id under which this database accepts the key; null when it does not. */
export async function acceptedAs(databaseUrl: string, key: string): Promise<string | null> {
  const parsed = parseKey(key);
  if (parsed === null) return null;
  const pool = await createDatabasePool({ url: databaseUrl, connectionsMax: 1 });
  try {
    return (await findApiKey(pool, parsed.hash))?.id ?? null;
  } finally {
    await pool.end();
  }
}
