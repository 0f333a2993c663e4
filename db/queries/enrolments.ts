// Tokens by which workers get their keys: used once, soon. Only the SHA-256 of a token is stored.
import { type DatabasePool, sql } from 'slonik';
import { z } from 'zod';

export interface NewEnrolment {
  readonly accountId: string;
  readonly id: string;
  readonly hash: Buffer;
  /** Null: the worker says how it is called. */
  readonly name: string | null;
  readonly ttlMs: number;
  /** Who made it, for the audit. */
  readonly by: string;
}

export const insertEnrolment = (
  pool: DatabasePool,
  { accountId, id, hash, name, ttlMs, by }: NewEnrolment,
): Promise<{ readonly expiresAt: number }> =>
  pool.one(sql.type(z.object({ expiresAt: z.number() }))`
    with made as (
      insert into enrolments (account_id, id, hash, name, expires_at)
      values (${accountId}, ${id}, ${sql.binary(hash)}, ${name},
        clock_timestamp() + ${ttlMs}::float8 * interval '1 millisecond')
      returning expires_at
    ),
    noted as (
      insert into audit (account_id, done_by, action, details)
      select ${accountId}, ${by}, 'enrolment.made',
        json_build_object('enrolment', ${id}::text, 'name', ${name}::text)::text from made
    )
    select expires_at as "expiresAt" from made`);

export interface KeyForWorker {
  readonly id: string;
  readonly hash: Buffer;
  /** Where the token names none. */
  readonly name: string;
}

const taken = z.object({ name: z.string() });

/**
 * Spends the token for this key: both, or neither. Of two that bring the same token one gets its key.
 * @returns null when the token is not known, was used, or has expired
 */
export const useEnrolment = (
  pool: DatabasePool,
  tokenHash: Buffer,
  key: KeyForWorker,
): Promise<z.infer<typeof taken> | null> =>
  pool.maybeOne(sql.type(taken)`
    with used as (
      update enrolments set used_at = clock_timestamp(), key_id = ${key.id}
      where hash = ${sql.binary(tokenHash)} and used_at is null and expires_at > clock_timestamp()
      returning account_id, id, coalesce(name, ${key.name}) as name
    ),
    made as (
      insert into api_keys (account_id, id, kind, hash, name, worker_name)
      select account_id, ${key.id}, 'worker', ${sql.binary(key.hash)}, name, name from used
    ),
    noted as (
      insert into audit (account_id, done_by, action, details)
      select account_id, ${key.id}, 'worker.enrolled',
        json_build_object('enrolment', id, 'name', name)::text from used
    )
    select name from used`);

const why = z.object({ id: z.string(), isUsed: z.boolean() });

/** Of a token that was not taken: which one it is, and whether it was used. Null: none of ours. */
export const findEnrolment = (
  pool: DatabasePool,
  tokenHash: Buffer,
): Promise<z.infer<typeof why> | null> =>
  pool.maybeOne(sql.type(why)`
    select id, used_at is not null as "isUsed" from enrolments
    where hash = ${sql.binary(tokenHash)}`);
