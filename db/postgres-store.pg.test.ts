import pg from 'pg';
import { afterAll, expect } from 'vitest';
import { testStore } from './conformance.ts';
import { PostgresStore } from './postgres-store.ts';
import { testDatabase } from './testing.ts';

const database = await testDatabase();
const admin = new pg.Pool({ connectionString: database.url, max: 2 });
admin.on('error', () => undefined);
afterAll(async () => {
  await admin.end();
  await database.drop();
});

const EVERYTHING = 'actors, timers, parked, outbox, stream, leases, learned';

testStore('PostgresStore', async () => {
  // Ledger and journal refuse to be emptied, so for this one purpose their guards sleep.
  await admin.query(`set session_replication_role = replica;
    truncate ${EVERYTHING}, ledger, journal; update stream_head set seq = 0;
    set session_replication_role = origin`);
  const store = new PostgresStore({ url: database.url });
  const other = new PostgresStore({ url: database.url });
  return {
    store,
    other,
    // Moving every deadline back is the same as letting the time pass.
    advance: async (ms) => {
      const past = `interval '${ms} milliseconds'`;
      await admin.query(`update timers set due_at = due_at - ${past};
        update leases set expires_at = expires_at - ${past};
        update actors set created_at = created_at - ${past}, updated_at = updated_at - ${past};
        update learned set updated_at = updated_at - ${past}`);
    },
    tamper: async () => {
      for (const table of ['ledger', 'journal']) {
        for (const change of [
          `update ${table} set account_id = 'x'`,
          `delete from ${table}`,
          `truncate ${table}`,
        ]) {
          await expect(admin.query(change)).rejects.toThrow(/only inserted/);
        }
        expect((await admin.query(`select 1 from ${table}`)).rowCount).toBeGreaterThan(0);
      }
    },
    close: async () => {
      await Promise.all([store.close(), other.close()]);
    },
  };
});
