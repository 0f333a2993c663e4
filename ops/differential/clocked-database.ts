// A Postgres whose clock a test sets: `clock_timestamp()` is looked up by search path, and a function of
// our own stands in front of the built-in one. So both stores see the same time, to the millisecond.
import pg from 'pg';
import { testDatabase } from '../../db/testing.ts';

export interface ClockedDatabase {
  readonly url: string;
  readonly admin: pg.Pool;
  setTime(ms: number): Promise<void>;
  /** As migrated, with nothing in it. */
  empty(): Promise<void>;
  drop(): Promise<void>;
}

const WRITTEN = 'actors, timers, parked, outbox, stream, leases, learned, ledger, journal';

export async function clockedDatabase(): Promise<ClockedDatabase> {
  const database = await testDatabase();
  const admin = new pg.Pool({ connectionString: database.url, max: 2 });
  admin.on('error', () => undefined);
  const name = new URL(database.url).pathname.slice(1);
  await admin.query(`create schema test_clock;
    create table test_clock.present (only_row boolean primary key default true, at timestamptz);
    insert into test_clock.present (at) values (now());
    create function test_clock.clock_timestamp() returns timestamptz language sql volatile
      as 'select at from test_clock.present';
    alter database ${name} set search_path = test_clock, public, pg_catalog`);
  return {
    url: database.url,
    admin,
    async setTime(ms) {
      await admin.query('update test_clock.present set at = to_timestamp($1::float8 / 1000)', [ms]);
    },
    async empty() {
      // Ledger and journal refuse to be emptied, so for this one purpose their guards sleep.
      await admin.query(`set session_replication_role = replica; truncate ${WRITTEN};
        update stream_head set seq = 0; set session_replication_role = origin`);
    },
    async drop() {
      await admin.end();
      await database.drop();
    },
  };
}
