// What was learned, by way of a real database that comes and goes: kept, read again, made up for.
import { afterAll, expect, test } from 'vitest';
import { startFaultyProxy } from '../db/faulty-proxy.ts';
import { PostgresStore } from '../db/postgres-store.ts';
import { StoreUnavailable } from '../db/store.ts';
import { testDatabase } from '../db/testing.ts';
import { Learning } from './learning.ts';
import { ManualClock } from './testing.ts';

const database = await testDatabase();
const proxy = await startFaultyProxy(database.url);
const stores: PostgresStore[] = [];
afterAll(async () => {
  await Promise.all(stores.map((store) => store.close()));
  await proxy.close();
  await database.drop();
});

/** Another process: it knows only what the database does. */
async function learning(url = database.url): Promise<Learning> {
  const store = new PostgresStore({ url, connectTimeoutMs: 500, answerTimeoutMs: 500 });
  stores.push(store);
  const made = new Learning({ store, clock: new ManualClock(), log: () => undefined });
  await made.start();
  return made;
}

const teach = ({ times }: Learning, model: string, count: number) => {
  for (let n = 0; n < count; n++) times.noteRun('wrk_1', model, 2, 8_000 + 100 * n);
  times.noteLoad('wrk_1', model, 20_000);
};

const rowsOf = ({ times }: Learning) => times.toJSON().sort((a, b) => (a.model < b.model ? -1 : 1));

test('a new process says the same as the one before it', async () => {
  const [first, listener] = [await learning(), await learning()];
  teach(first, 'sdxl', 20);
  teach(first, 'flux', 2);
  await first.stop();
  const second = await learning();
  expect(rowsOf(second)).toEqual(rowsOf(first));
  expect(second.times.runMs('wrk_1', 'sdxl', 2)).toEqual(first.times.runMs('wrk_1', 'sdxl', 2));
  await listener.runOnce();
  expect(rowsOf(listener)).toEqual(rowsOf(first));
});

test('a process that has seen less overwrites nothing, and takes over what it missed', async () => {
  const [many, few] = [await learning(), await learning()];
  teach(many, 'wan', 30);
  await many.runOnce();
  teach(few, 'wan', 3);
  await few.runOnce();
  expect(few.times.seen('wrk_1', 'wan')).toEqual({ runs: 30, loads: 1 });
  expect((await learning()).times.seen('wrk_1', 'wan').runs).toBe(30);
});

test('while the database is away nothing is lost but time', async () => {
  const cut = await learning(proxy.url);
  teach(cut, 'whisper', 5);
  await proxy.refuse();
  proxy.cutClients();
  await expect(cut.runOnce()).rejects.toThrow(StoreUnavailable);
  expect(cut.times.seen('wrk_1', 'whisper').runs).toBe(5);
  const begun = await learning(proxy.url); // begins with nothing known, and does not fail
  expect(begun.times.toJSON()).toEqual([]);
  await proxy.accept();
  await cut.runOnce();
  await begun.runOnce();
  expect(begun.times.seen('wrk_1', 'whisper').runs).toBe(5);
});
