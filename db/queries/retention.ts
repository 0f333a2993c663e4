// Making room ahead and sweeping behind, in slices, so that no lock lasts. Each may be done again by anybody.
import {
  type CommonQueryMethods,
  type DatabasePool,
  type DatabasePoolConnection,
  sql,
} from 'slonik';
import { z } from 'zod';

const nothing = z.object({});
const made = z.object({ made: z.number() });
const dropped = z.object({ name: z.string() });
const lock = z.object({ taken: z.boolean() });

/**
 * Turns come first: a sweep that cannot have a lock soon tries again an hour later. And it finds its rows by
 * key, for the archive only grows: a plan that reads all of it would get slower for ever.
 */
const SETTINGS = {
  lock_timeout: '500ms',
  enable_seqscan: 'off',
  enable_hashjoin: 'off',
  enable_mergejoin: 'off',
};

/**
 * Runs the sweep, unless another one is under way. The lock lives and dies with the connection that all of
 * the sweep's statements go through, so none outlives it.
 * @returns whether it ran
 */
export function withSweepLock(
  pool: DatabasePool,
  sweep: (connection: DatabasePoolConnection) => Promise<void>,
): Promise<boolean> {
  return pool.connect(async (connection) => {
    const { taken } = await connection.one(sql.type(lock)`
      select pg_try_advisory_lock(hashtext('tessera.housekeeping')) as taken`);
    if (!taken) return false;
    try {
      for (const [name, value] of Object.entries(SETTINGS))
        await connection.query(sql.type(nothing)`select set_config(${name}, ${value}, false)`);
      await sweep(connection);
    } finally {
      // As it was: the connection goes back to the pool.
      for (const name of Object.keys(SETTINGS))
        await connection.query(sql.type(nothing)`
          select set_config(name, reset_val || coalesce(unit, ''), false)
          from pg_settings where name = ${name}`);
      await connection.query(sql.type(nothing)`
        select pg_advisory_unlock(hashtext('tessera.housekeeping'))`);
    }
    return true;
  });
}

/** Journal partitions of today and the coming days; answers how many are new. */
export async function createJournalPartitions(
  pool: CommonQueryMethods,
  days: number,
): Promise<number> {
  return (await pool.one(sql.type(made)`select create_journal_partitions(${days}) as made`)).made;
}

/**
 * Drops the journal's days that ended longer ago than this; answers the partitions' names. Days of an ended
 * job that is still to be archived stay, for its story goes with it.
 */
export async function dropJournalOlderThan(
  pool: CommonQueryMethods,
  ageMs: number,
): Promise<readonly string[]> {
  const rows = await pool.any(sql.type(dropped)`
    select drop_journal_partitions(least(${agoOf(ageMs)}, (
      select a.created_at from actors a
      where a.kind = 'job' and a.settled and a.parked_at is null and not exists (
        select 1 from archive x
        where x.account_id = a.account_id and x.kind = a.kind and x.id = a.id)
      order by a.created_at limit 1))) as name`);
  return rows.map(({ name }) => name);
}

/** Stream rows older than this; answers how many. */
export async function deleteStreamOlderThan(
  pool: CommonQueryMethods,
  ageMs: number,
  limit: number,
): Promise<number> {
  const stream = await pool.query(sql.type(nothing)`
    delete from stream where (account_id, seq) in (
      select account_id, seq from stream
      where at < ${agoOf(ageMs)} order by seq limit ${limit})`);
  return stream.rowCount;
}

export const agoOf = (ageMs: number) =>
  sql.fragment`clock_timestamp() - ${ageMs}::float8 * interval '1 millisecond'`;
