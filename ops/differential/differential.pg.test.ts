// Goal: what is true of the memory store, where simulations run, is true of Postgres.
// Method: the same calls to both, at the same time, and every answer and every table compared.
import { afterAll, expect, test } from 'vitest';
import { PostgresStore } from '../../db/postgres-store.ts';
import { clockedDatabase } from './clocked-database.ts';
import { compareLived, compareMadeUp } from './seeds.ts';

const CALLS = 400;

const database = await clockedDatabase();
const postgres = new PostgresStore({ url: database.url, connectionsMax: 1 });
afterAll(async () => {
  await postgres.close();
  await database.drop();
});

test.for([1, 2, 3])('made-up calls of seed %i leave both stores alike', async (seed) => {
  const { lost, refused, rows } = await compareMadeUp(seed, CALLS, { postgres, database });
  // A script in which nothing was refused and nothing remained would compare nothing.
  expect(Math.min(lost, refused)).toBeGreaterThan(0);
  expect(rows).toBeGreaterThan(CALLS);
});

test.for([1, 2])('the calls of life %i leave both stores alike', async (seed) => {
  const { calls, rows } = await compareLived(seed, { postgres, database });
  expect(Math.min(calls, rows)).toBeGreaterThan(50);
});
