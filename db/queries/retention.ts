// Making room ahead and sweeping behind. Run by one sweeper, under its lease.
import { type DatabasePool, sql } from 'slonik';
import { z } from 'zod';

const nothing = z.object({});
const made = z.object({ made: z.number() });
const dropped = z.object({ name: z.string() });

/** Journal partitions of today and the coming days; answers how many are new. */
export async function createJournalPartitions(pool: DatabasePool, days: number): Promise<number> {
  return (await pool.one(sql.type(made)`select create_journal_partitions(${days}) as made`)).made;
}

/** Drops the journal's days that ended longer ago than this; answers the partitions' names. */
export async function dropJournalOlderThan(
  pool: DatabasePool,
  ageMs: number,
): Promise<readonly string[]> {
  const rows = await pool.any(sql.type(dropped)`
    select drop_journal_partitions(${agoOf(ageMs)}) as name`);
  return rows.map(({ name }) => name);
}

/** Stream rows older than this, in slices, so that no lock lasts; answers how many. */
export async function deleteStreamOlderThan(
  pool: DatabasePool,
  ageMs: number,
  limit: number,
): Promise<number> {
  const stream = await pool.query(sql.type(nothing)`
    delete from stream where (account_id, seq) in (
      select account_id, seq from stream
      where at < ${agoOf(ageMs)} order by seq limit ${limit})`);
  return stream.rowCount;
}

const agoOf = (ageMs: number) =>
  sql.fragment`clock_timestamp() - ${ageMs}::float8 * interval '1 millisecond'`;
