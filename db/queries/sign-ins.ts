// Attempts to sign in that are under way, and proofs that were shown. Each holds once.
import { type CommonQueryMethods, type DatabasePool, sql } from 'slonik';
import { z } from 'zod';
import { SYSTEM_ACCOUNT } from '../../machines/contract/ids.ts';

const nothing = z.object({});

const attempt = z.object({
  accountId: z.string(),
  provider: z.string(),
  nonce: z.string(),
  verifier: z.string(),
  returnTo: z.string(),
});
export type SignInAttempt = z.infer<typeof attempt>;

export interface AttemptKeys {
  /** SHA-256 of the state that travels. */
  readonly hash: Buffer;
  /** SHA-256 of what the browser keeps. */
  readonly browser: Buffer;
}

export async function insertAttempt(
  pool: DatabasePool,
  {
    hash,
    browser,
    accountId,
    provider,
    nonce,
    verifier,
    returnTo,
    ttlMs,
  }: SignInAttempt & AttemptKeys & { readonly ttlMs: number },
): Promise<void> {
  await pool.query(sql.type(nothing)`
    insert into sign_in_attempts (account_id, hash, browser, provider, nonce, verifier, return_to, expires_at)
    values (${accountId}, ${sql.binary(hash)}, ${sql.binary(browser)}, ${provider}, ${nonce}, ${verifier},
      ${returnTo}, clock_timestamp() + ${ttlMs}::float8 * interval '1 millisecond')`);
}

/** Uses it up, whatever comes of it. Null: not known, used, too old, or begun in another browser. */
export const takeAttempt = (
  pool: DatabasePool,
  { hash, browser, provider }: AttemptKeys & { readonly provider: string },
): Promise<SignInAttempt | null> =>
  pool.maybeOne(sql.type(attempt)`
    with taken as (
      delete from sign_in_attempts where hash = ${sql.binary(hash)} and provider = ${provider}
        and browser = ${sql.binary(browser)} returning *
    )
    select account_id as "accountId", provider, nonce, verifier, return_to as "returnTo"
    from taken where expires_at > clock_timestamp()`);

/** @returns false where it was shown before */
export async function useProof(
  pool: DatabasePool,
  { hash, ttlMs }: { readonly hash: Buffer; readonly ttlMs: number },
): Promise<boolean> {
  const { rowCount } = await pool.query(sql.type(nothing)`
    insert into used_proofs (account_id, hash, expires_at)
    values (${SYSTEM_ACCOUNT}, ${sql.binary(hash)},
      clock_timestamp() + ${ttlMs}::float8 * interval '1 millisecond')
    on conflict do nothing`);
  return rowCount === 1;
}

export async function deleteOldAttempts(pool: CommonQueryMethods): Promise<number> {
  const attempts = await pool.query(sql.type(nothing)`
    delete from sign_in_attempts where expires_at <= clock_timestamp()`);
  const proofs = await pool.query(sql.type(nothing)`
    delete from used_proofs where expires_at <= clock_timestamp()`);
  return attempts.rowCount + proofs.rowCount;
}
