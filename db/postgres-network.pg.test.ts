// Goal: whatever the network does, every call ends in its time, with a truthful answer, and the next works.
// Method: a proxy that swallows, cuts, resets and delays; the database itself is well throughout.
import pg from 'pg';
import { afterAll, afterEach, beforeEach, describe, expect, test } from 'vitest';
import { batchOf, job, turn } from './conformance/batches.ts';
import { type Direction, type FaultyProxy, startFaultyProxy } from './faulty-proxy.ts';
import { PostgresStore } from './postgres-store.ts';
import { type Store, StoreUnavailable, UnknownOutcome } from './store.ts';
import { testDatabase } from './testing.ts';

const database = await testDatabase();
afterAll(() => database.drop());

/** Short, so that the tests are; the real ones are 5 s and 15 s. */
const DEADLINES = { connectTimeoutMs: 150, answerTimeoutMs: 150 };

let proxy: FaultyProxy;
let store: PostgresStore;
let number = 0;

beforeEach(async () => {
  number += 1;
  proxy = await startFaultyProxy(database.url);
  store = new PostgresStore({ url: proxy.url, connectionsMax: 1 });
});
afterEach(async () => {
  await store.close();
  await proxy.close();
});

const newJob = () => batchOf(turn(0, job(number), 0));
const lease = { name: 'dispatcher', term: 1 };
const learned = { accountId: 'system', subject: 'times', id: 'w', seen: 1, facts: '{}' };

const METHODS: readonly (readonly [keyof Store, () => Promise<unknown>])[] = [
  ['now', () => store.now()],
  ['load', () => store.load([job(1)])],
  ['commit', () => store.commit(newJob())],
  ['committed', () => store.committed('batch', job(1), 1)],
  ['listWithout', () => store.listWithout('job', 'settled')],
  ['dueTimers', () => store.dueTimers(1)],
  ['nextTimerInMs', () => store.nextTimerInMs()],
  ['outbox', () => store.outbox(['worker:wrk_1'], 1)],
  ['outboxDelivered', () => store.outboxDelivered([{ accountId: 'a', id: 'b' }])],
  ['readStream', () => store.readStream(null, 0, 1)],
  ['streamEntries', () => store.streamEntries(0, 1)],
  ['streamHead', () => store.streamHead()],
  ['acquireLease', () => store.acquireLease('dispatcher', 'me', 1)],
  ['releaseLease', () => store.releaseLease(lease, 'me')],
  ['keepLearned', () => store.keepLearned([learned])],
  ['learned', () => store.learned('times', 0, 1)],
];

const outcomeOf = (call: Promise<unknown>): Promise<unknown> =>
  call.then(
    (value) => value,
    (error: unknown) => error,
  );

describe('half-open: nothing passes, and nobody is told', () => {
  beforeEach(() => {
    store = new PostgresStore({ url: proxy.url, connectionsMax: 1, ...DEADLINES });
  });

  test('every method of the store is asked below', () => {
    const methods = Object.getOwnPropertyNames(PostgresStore.prototype);
    const asked = METHODS.map(([name]) => name as string);
    expect(methods.filter((name) => !['constructor', 'close', ...asked].includes(name))).toEqual(
      [],
    );
  });

  test.for(METHODS)(
    '%s ends by its deadline, on a connection that is not used again',
    async ([name, ask]) => {
      await store.now();
      proxy.inject({ kind: 'blackHole' });
      const error = await outcomeOf(ask());
      expect(error).toBeInstanceOf(name === 'commit' ? UnknownOutcome : StoreUnavailable);
      await proxy.empty();
      proxy.inject(null);
      await store.now();
      expect(proxy.accepted).toBe(2);
    },
  );

  test('a connection that is never greeted is given up', async () => {
    proxy.inject({ kind: 'blackHole' });
    await expect(store.now()).rejects.toThrow(StoreUnavailable);
    await proxy.empty();
    proxy.inject(null);
    await store.now();
  });

  test('one that dies while it is prepared is given up, too', async () => {
    const isPrepared = (request: string) => request.includes('pg_backend_pid');
    const of = (request: string) => {
      if (isPrepared(request)) proxy.inject({ kind: 'blackHole' });
      return false;
    };
    proxy.inject({ kind: 'loseRequest', of });
    await expect(store.commit(newJob())).rejects.toThrow(StoreUnavailable);
    await proxy.empty();
    proxy.inject(null);
    expect(await store.load([job(number)])).toEqual([]);
  });
});

describe('a connection reset in the middle of a message', () => {
  /** More than any answer or request here is long: at the end nothing is cut any more. */
  const LONGEST = 6_000;
  const STEP = 191;

  test.for<Direction>(['answers', 'requests'])(
    '%s: a commit is unknown, found out, and done once',
    async (direction) => {
      let cut = 0;
      for (let bytes = 0; bytes < LONGEST; bytes += bytes < 60 ? 6 : STEP) {
        const ref = job(number * LONGEST + bytes);
        const batch = batchOf({
          ...turn(0, ref, 0),
          batchId: `cut ${direction} ${number} ${bytes}`,
        });
        await store.now();
        proxy.inject({ kind: 'resetAt', direction, bytes });
        const result = await outcomeOf(store.commit(batch));
        proxy.inject(null);
        if (!(result instanceof Error)) continue;
        cut += 1;
        expect(result).toBeInstanceOf(UnknownOutcome);
        const landed = await store.committed(batch.batchId, ref, 1);
        expect((await store.load([ref])).length).toBe(landed ? 1 : 0);
        // A request that did not arrive whole was not executed; one that was answered had been.
        expect(landed).toBe(direction === 'answers');
      }
      expect(cut).toBeGreaterThan(10);
    },
  );

  test('a list is read whole or not at all', async () => {
    const rows = Array.from({ length: 40 }, (_, n) => turn(n, job(n, `usr_list_${number}`), 0));
    await store.commit(batchOf({ actors: rows.flatMap(({ actors }) => actors), journal: [] }));
    const refs = rows.flatMap(({ actors }) => actors.map(({ ref }) => ref));
    for (let bytes = 0; ; bytes += 331) {
      await store.now();
      proxy.inject({ kind: 'resetAt', direction: 'answers', bytes });
      const result = await outcomeOf(store.load(refs));
      proxy.inject(null);
      if (!(result instanceof Error)) {
        expect(result).toHaveLength(40);
        break;
      }
      expect(result).toBeInstanceOf(StoreUnavailable);
    }
  });
});

test('answers that come byte by byte, or late, are answers', async () => {
  proxy.inject({ kind: 'trickle', bytes: 1 });
  expect((await store.commit(newJob())).lost).toEqual([]);
  proxy.inject({ kind: 'latency', ms: 30 });
  expect(await store.load([job(number)])).toMatchObject([{ revision: 1 }]);
  expect(proxy.accepted).toBe(1);
});

test('an answer to a commit that is lost on its way leaves the commit to be found', async () => {
  await store.now();
  proxy.inject({ kind: 'loseAnswer', of: (request) => request.includes('commit_') });
  const batch = { ...newJob(), batchId: `lost-${number}` };
  await expect(store.commit(batch)).rejects.toThrow(UnknownOutcome);
  expect(await store.committed(batch.batchId, job(number), 1)).toBe(true);
});

test('a commit on a session that is gone fails: it never runs on another session unasked', async () => {
  await store.now();
  proxy.inject({ kind: 'loseRequest', of: (request) => request.includes('commit_') });
  const batch = { ...newJob(), batchId: `gone-${number}` };
  await expect(store.commit(batch)).rejects.toThrow(UnknownOutcome);
  proxy.inject(null);
  expect(await store.committed(batch.batchId, job(number), 1)).toBe(false);
  expect(await store.load([job(number)])).toEqual([]);
});

test('with every connection in use a call is told so in its time, and the next one works', async () => {
  await store.commit(newJob());
  const client = new pg.Client({ connectionString: database.url });
  await client.connect();
  await client.query('begin');
  await client.query('select 1 from actors where id = $1 for update', [job(number).id]);
  const patient = new PostgresStore({
    url: database.url,
    connectionsMax: 1,
    connectTimeoutMs: 150,
  });
  const waiting = patient.commit(batchOf(turn(0, job(number), 1)));
  await expect(patient.load([job(number)])).rejects.toThrow(StoreUnavailable);
  await client.query('rollback');
  expect((await waiting).lost).toEqual([]);
  expect(await patient.load([job(number)])).toMatchObject([{ revision: 2 }]);
  await patient.close();
  await client.end();
});
