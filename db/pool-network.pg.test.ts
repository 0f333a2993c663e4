// The pool of ordinary queries against a network that swallows: nobody waits for ever, nothing is kept.
import { sql } from 'slonik';
import { afterAll, expect, test } from 'vitest';
import { z } from 'zod';
import { startFaultyProxy } from './faulty-proxy.ts';
import { createDatabasePool } from './pool.ts';
import { testDatabase } from './testing.ts';

const database = await testDatabase();
afterAll(() => database.drop());

const one = sql.type(z.object({ one: z.number() }))`select 1 as one`;

test('half-open: a query ends by its deadline, on a connection that is not used again', async () => {
  const proxy = await startFaultyProxy(database.url);
  const deadlines = { connectTimeoutMs: 300, answerTimeoutMs: 300 };
  const pool = await createDatabasePool({ url: proxy.url, connectionsMax: 2, ...deadlines });
  expect(await pool.one(one)).toEqual({ one: 1 });
  proxy.inject({ kind: 'blackHole' });
  // More than there are connections: the others find none in time.
  const outcomes = await Promise.allSettled(Array.from({ length: 4 }, () => pool.one(one)));
  expect(outcomes.map(({ status }) => status)).toEqual(Array.from({ length: 4 }, () => 'rejected'));
  await proxy.empty();
  const before = proxy.accepted;
  proxy.inject(null);
  expect(await pool.one(one)).toEqual({ one: 1 });
  expect(proxy.accepted).toBe(before + 1);
  await pool.end();
  await proxy.close();
});

test('with every connection in use a call fails in its time, and the next one finds its place', async () => {
  const pool = await createDatabasePool({
    url: database.url,
    connectionsMax: 1,
    connectTimeoutMs: 200,
  });
  const release = Promise.withResolvers<void>();
  const longest = pool.connect(async (connection) => {
    await release.promise;
    return connection.one(one);
  });
  await expect(pool.one(one)).rejects.toThrow(/in use/);
  const next = pool.one(one);
  release.resolve();
  expect([await longest, await next]).toEqual([{ one: 1 }, { one: 1 }]);
  await pool.end();
});
