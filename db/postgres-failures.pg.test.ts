// What the store says when the database, or the way to it, breaks; and that it recovers by itself.
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import pg from 'pg';
import { afterAll, afterEach, beforeEach, expect, test } from 'vitest';
import { batchOf, holdLegs, job, turn } from './conformance/batches.ts';
import { startEmbeddedPostgres } from './embedded/embedded-postgres.ts';
import { migrate } from './migrate.ts';
import { PostgresStore } from './postgres-store.ts';
import { type FaultyProxy, startFaultyProxy } from './faulty-proxy.ts';
import { StoreUnavailable, UnknownOutcome } from './store.ts';
import { testDatabase } from './testing.ts';

const database = await testDatabase();
const admin = new pg.Pool({ connectionString: database.url, max: 4 });
admin.on('error', () => undefined);
admin.on('connect', (client) => client.on('error', () => undefined));
afterAll(async () => {
  await admin.end();
  await database.drop();
});

let proxy: FaultyProxy;
let store: PostgresStore;
let number = 0;

beforeEach(async () => {
  number += 1;
  proxy = await startFaultyProxy(database.url);
  store = new PostgresStore({ url: proxy.url, connectionsMax: 4 });
});
afterEach(async () => {
  await store.close();
  await proxy.close();
});

/** Locks the actor's row, runs the body, and lets go. */
async function whileLocked(id: string, body: (unlock: () => Promise<void>) => Promise<void>) {
  const client = await admin.connect();
  await client.query('begin');
  await client.query('select 1 from actors where id = $1 for update', [id]);
  let locked = true;
  const unlock = async () => {
    if (locked) await client.query('rollback');
    locked = false;
  };
  try {
    await body(unlock);
  } finally {
    await unlock();
    client.release();
  }
}

/** Resolves once a backend of the store waits for a lock, with its pid. */
async function waitingBackend(): Promise<number> {
  for (;;) {
    const { rows } = await admin.query<{ pid: number }>(`select pid from pg_stat_activity
      where application_name = 'tessera-store' and wait_event_type = 'Lock'
        and datname = current_database()`);
    if (rows[0] !== undefined) return rows[0].pid;
  }
}

async function outcome(commit: Promise<unknown>): Promise<unknown> {
  return commit.then(
    (result) => result,
    (error: unknown) => error,
  );
}

test('a swallowed answer is an unknown outcome, and the commit is found', async () => {
  await store.now();
  const batch = batchOf({ ...turn(0, job(number), 0), batchId: `swallowed-${number}` });
  proxy.inject({ kind: 'swallowAnswers' });
  const result = outcome(store.commit(batch));
  // The row's arrival is the signal that the server has done its part.
  while (
    (await admin.query('select 1 from actors where id = $1', [job(number).id])).rowCount === 0
  );
  proxy.cutClients();
  const error = await result;
  expect(error).toBeInstanceOf(UnknownOutcome);
  expect((error as UnknownOutcome).batchId).toBe(batch.batchId);
  expect(await store.committed(batch.batchId, job(number), 1)).toBe(true);
});

test('a commit that waits unseen behind a cut connection never lands after the answer no', async () => {
  await store.commit(batchOf(turn(0, job(number), 0)));
  await whileLocked(job(number).id, async (unlock) => {
    const batch = batchOf({ ...turn(0, job(number), 1), batchId: `unseen-${number}` });
    const result = outcome(store.commit(batch));
    await waitingBackend();
    proxy.cutClients();
    expect(await result).toBeInstanceOf(UnknownOutcome);
    expect(await store.committed(batch.batchId, job(number), 2)).toBe(false);
    await unlock();
    expect(await store.load([job(number)])).toMatchObject([{ revision: 1 }]);
    // The turn is done again, once.
    const redone = await store.commit({ ...batch, batchId: `redone-${number}` });
    expect(redone.lost).toEqual([]);
  });
});

test('a backend ended in the middle leaves an unknown outcome and nothing written', async () => {
  await store.commit(batchOf(turn(0, job(number), 0)));
  await whileLocked(job(number).id, async () => {
    const result = outcome(store.commit(batchOf({ ...turn(0, job(number), 1), batchId: 'ended' })));
    await admin.query('select pg_terminate_backend($1)', [await waitingBackend()]);
    expect(await result).toBeInstanceOf(UnknownOutcome);
    expect(await store.committed('ended', job(number), 2)).toBe(false);
  });
});

test('a statement that takes too long is cancelled: unavailable, nothing written', async () => {
  await store.commit(batchOf(turn(0, job(number), 0)));
  const hasty = new PostgresStore({ url: database.url, statementTimeoutMs: 50 });
  await whileLocked(job(number).id, async () => {
    await expect(hasty.commit(batchOf(turn(0, job(number), 1)))).rejects.toThrow(StoreUnavailable);
  });
  expect((await hasty.commit(batchOf(turn(0, job(number), 1)))).lost).toEqual([]);
  await hasty.close();
});

test('an answer that never comes is not awaited for ever', async () => {
  const hasty = new PostgresStore({ url: proxy.url, answerTimeoutMs: 200 });
  await hasty.now();
  proxy.inject({ kind: 'swallowAnswers' });
  await expect(hasty.commit(batchOf(turn(0, job(number), 0)))).rejects.toThrow(UnknownOutcome);
  proxy.cutClients();
  await hasty.close();
});

test('an unreachable database is unavailable, and used again once it is back', async () => {
  await store.now();
  await proxy.refuse();
  const gone = await outcome(store.commit(batchOf(turn(0, job(number), 0))));
  // Whichever the store noticed first: the closed connection, or that there is none to be had.
  expect(gone instanceof StoreUnavailable || gone instanceof UnknownOutcome).toBe(true);
  await expect(store.commit(batchOf(turn(0, job(number), 0)))).rejects.toThrow(StoreUnavailable);
  await expect(store.load([job(number)])).rejects.toThrow(StoreUnavailable);
  await proxy.accept();
  expect((await store.commit(batchOf(turn(0, job(number), 0)))).lost).toEqual([]);
});

test('a wrong address or password is unavailable, with the reason', async () => {
  const wrong = new URL(database.url);
  wrong.password = 'wrong';
  const stranger = new PostgresStore({ url: wrong.href });
  await expect(stranger.now()).rejects.toThrow(/password authentication failed/);
  await stranger.close();
});

test('a double posting is thrown as it is: a programmer error, not a race', async () => {
  const legs = holdLegs(0, `usr_${number}`, 1);
  await store.commit(batchOf({ ledger: legs }));
  await expect(store.commit(batchOf({ ledger: legs }))).rejects.toMatchObject({
    code: '23505',
    constraint: 'ledger_pkey',
  });
});

test('Postgres killed under load: every commit is answered, the store goes on after the restart', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'tessera-killed-'));
  const exit = Promise.withResolvers<string>();
  const first = await startEmbeddedPostgres({ folder, onExit: exit.resolve });
  await migrate(first.url);
  const killed = new PostgresStore({ url: first.url });
  await killed.now();
  const commits = Array.from({ length: 64 }, (_, n) =>
    outcome(killed.commit(batchOf({ ...turn(0, job(n), 0), batchId: `killed-${n}` }))),
  );
  process.kill(first.pid, 'SIGKILL');
  const outcomes = await Promise.all(commits);
  await exit.promise;
  const second = await startEmbeddedPostgres({ folder, port: first.port, onExit: () => undefined });
  try {
    for (const [n, result] of outcomes.entries()) {
      const landed = await killed.committed(`killed-${n}`, job(n), 1);
      // Durable once acknowledged; absent when the store said that nothing was written.
      if (result instanceof StoreUnavailable) expect(landed).toBe(false);
      else if (!(result instanceof UnknownOutcome)) expect(landed).toBe(true);
    }
    expect(outcomes.some((result) => result instanceof Error)).toBe(true);
  } finally {
    await killed.close();
    await second.stop();
    await rm(folder, { recursive: true, force: true });
  }
});
