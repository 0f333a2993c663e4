// What was turned down of somebody, as far back as it still counts.
import { type DatabasePool, sql } from 'slonik';
import { z } from 'zod';

const nothing = z.object({});
const struck = z.object({ at: z.number() });

export interface Strike {
  readonly accountId: string;
  readonly rule: string;
  /** Of a result; null: of the request itself. */
  readonly jobId: string | null;
}

/** A result counts once, however often a worker says that it has finished. */
export async function insertStrike(
  pool: DatabasePool,
  { accountId, rule, jobId }: Strike,
): Promise<void> {
  await pool.query(sql.type(nothing)`
    insert into strikes (account_id, rule, job_id) values (${accountId}, ${rule}, ${jobId})
    on conflict do nothing`);
}

/** When those that still stand were, oldest first. */
export async function listStrikes(
  pool: DatabasePool,
  accountId: string,
  sinceMs: number,
): Promise<readonly number[]> {
  const rows = await pool.any(sql.type(struck)`
    select at from strikes
    where account_id = ${accountId} and lifted_at is null
      and at > clock_timestamp() - ${sinceMs}::float8 * interval '1 millisecond'
    order by at`);
  return rows.map(({ at }) => at);
}

/** After so long nobody needs to know any more. @returns how many went */
export async function deleteStrikesBefore(pool: DatabasePool, ageMs: number): Promise<number> {
  const { rowCount } = await pool.query(sql.type(nothing)`
    delete from strikes where at < clock_timestamp() - ${ageMs}::float8 * interval '1 millisecond'`);
  return rowCount;
}
