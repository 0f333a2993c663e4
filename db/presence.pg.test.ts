// A runtime that dies is noticed by the end of its connection, and its leases with it.
import { afterAll, afterEach, beforeAll, expect, it } from 'vitest';
import pg from 'pg';
import { PostgresStore } from './postgres-store.ts';
import { PostgresPresence } from './presence.ts';
import { testDatabase, type TestDatabase } from './testing.ts';

let database: TestDatabase;
let store: PostgresStore;
let client: pg.Client;
const opened: PostgresPresence[] = [];

beforeAll(async () => {
  database = await testDatabase();
  store = new PostgresStore({ url: database.url });
  client = new pg.Client({ connectionString: database.url });
  await client.connect();
});
afterEach(() => Promise.all(opened.splice(0).map((presence) => presence.close())));
afterAll(async () => {
  await client.end();
  await store.close();
  await database.drop();
});

async function arrive(runtimeId: string): Promise<PostgresPresence> {
  const presence = new PostgresPresence({ url: database.url, runtimeId });
  opened.push(presence);
  await presence.open();
  return presence;
}

it('knows who is here, and how many others', async () => {
  const a = await arrive('a');
  expect([a.others, a.isHere('a'), a.isHere('b')]).toEqual([0, true, false]);
  const b = await arrive(
    `b, whose name is far longer than that of a connection may be ${'x'.repeat(60)}`,
  );
  expect(b.others).toBe(1);
  expect(b.isHere('a')).toBe(true);
  await expect.poll(() => a.others, { timeout: 5_000 }).toBe(1);
  await b.close();
  await expect.poll(() => a.others, { timeout: 5_000 }).toBe(0);
});

it('ends the leases of the gone, and of nobody else', async () => {
  const a = await arrive('a');
  const b = await arrive('b');
  await store.acquireLease('one', 'b', 60_000);
  await store.acquireLease('two', 'a', 60_000);
  await a.endLeasesOfTheGone();
  expect(await store.acquireLease('one', 'a', 60_000)).toBeNull();
  await b.close();
  // The server notices the end of a connection a moment later.
  await expect
    .poll(async () => {
      await a.endLeasesOfTheGone();
      return store.acquireLease('one', 'a', 60_000);
    })
    .toEqual({ name: 'one', term: 2 });
  expect(await store.acquireLease('two', 'a', 60_000)).toEqual({ name: 'two', term: 1 });
});

it('cannot tell while it has no connection, and is back by itself', async () => {
  const a = await arrive('a');
  await client.query(
    `select pg_terminate_backend(pid) from pg_stat_activity
      where datname = current_database() and application_name like 'tessera-runtime-%'`,
  );
  await expect.poll(() => a.others).toBeNull();
  expect(a.isHere('a')).toBeNull();
  await expect.poll(() => a.others, { timeout: 5_000 }).toBe(0);
});

it('waits for the end of a namesake, and says what to do when it stays', async () => {
  const first = await arrive('a');
  const hasty = { url: database.url, runtimeId: 'a', nameFreeWithinMs: 300 };
  await expect(new PostgresPresence(hasty).open()).rejects.toThrow(
    /^Another runtime named a .+ TESSERA_RUNTIME_ID\.$/,
  );
  const heir = arrive('a');
  await first.close();
  await heir;
});
