import { createHash } from 'node:crypto';
import { type DatabasePool, sql } from 'slonik';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { z } from 'zod';
import { batchOf, write } from '../conformance/batches.ts';
import { jobRef, quotaRef } from '../../machines/contract/ids.ts';
import { createDatabasePool } from '../pool.ts';
import { PostgresStore } from '../postgres-store.ts';
import type { LedgerWrite } from '../store.ts';
import { testDatabase } from '../testing.ts';
import * as accounts from './accounts.ts';
import * as apiKeys from './api-keys.ts';
import * as audit from './audit.ts';
import * as blobs from './blobs.ts';
import * as enrolments from './enrolments.ts';
import { InvalidCursor } from './cursor.ts';
import * as jobs from './jobs.ts';
import { listLedger } from './ledger.ts';
import * as retention from './retention.ts';
import * as sessions from './sessions.ts';

const database = await testDatabase();
const store = new PostgresStore({ url: database.url });
let pool: DatabasePool;
beforeAll(async () => {
  pool = await createDatabasePool({ url: database.url });
});
afterAll(async () => {
  await pool.end();
  await store.close();
  await database.drop();
});

const hashOf = (secret: string): Buffer => createHash('sha256').update(secret).digest();

test('the pool checks rows, and keeps whole numbers and times exact', async () => {
  const row = z.object({ big: z.number(), at: z.number() });
  expect(
    await pool.one(sql.type(row)`
      select 9007199254740991::int8 as big, timestamptz '2026-01-02 03:04:05.678+00' as at`),
  ).toEqual({ big: Number.MAX_SAFE_INTEGER, at: Date.UTC(2026, 0, 2, 3, 4, 5, 678) });
  await expect(
    pool.one(sql.type(row)`select 9007199254740993::int8 as big, now() as at`),
  ).rejects.toThrow('too large');
  await expect(pool.one(sql.type(row)`select 'x' as big, now() as at`)).rejects.toThrow('schema');
});

test('an account is made once; of two first visits at once both get the same account', async () => {
  expect(await accounts.ensureAccount(pool, 'usr_1')).toBe(true);
  expect(await accounts.ensureAccount(pool, 'usr_1')).toBe(false);
  expect(await accounts.accountExists(pool, 'usr_1')).toBe(true);
  expect(await accounts.accountExists(pool, 'usr_none')).toBe(false);
  for (let round = 0; round < 10; round += 1) {
    const identity = { provider: 'telegram', subject: String(round) };
    const ids = [`usr_a${round}`, `usr_b${round}`];
    const got = await Promise.all(ids.map((id) => accounts.ensureAccountOf(pool, identity, id)));
    expect(new Set(got).size).toBe(1);
    expect(await accounts.findAccountOf(pool, identity)).toBe(got[0]);
    const made = await Promise.all(ids.map((id) => accounts.accountExists(pool, id)));
    expect(made.filter(Boolean)).toHaveLength(1);
  }
});

test('an API key is found by its hash until it is revoked or expires', async () => {
  await accounts.ensureAccount(pool, 'usr_keys');
  const home = { accountId: 'usr_keys', homeId: 'usr_keys' };
  const key = { ...home, id: 'key_1', kind: 'user', name: 'laptop' } as const;
  await apiKeys.insertApiKey(pool, { ...key, hash: hashOf('one') });
  await apiKeys.insertApiKey(pool, { ...key, id: 'key_2', hash: hashOf('two'), ttlMs: 3_600_000 });
  expect(await apiKeys.findApiKey(pool, hashOf('one'))).toEqual({
    ...{ ...key, workerName: null, scopes: null, requestsPerMinute: null, expiresAt: null },
  });
  expect(await apiKeys.findApiKey(pool, hashOf('wrong'))).toBeNull();
  await apiKeys.touchApiKey(pool, key);
  const [touched] = await apiKeys.listApiKeys(pool, 'usr_keys');
  expect(touched?.lastUsedAt).toBeGreaterThanOrEqual(touched?.createdAt ?? Infinity);
  await apiKeys.touchApiKey(pool, key);
  expect((await apiKeys.listApiKeys(pool, 'usr_keys'))[0]?.lastUsedAt).toBe(touched?.lastUsedAt);
  const revoke = { id: key.id, by: 'operator' };
  expect(await apiKeys.listRevokedLately(pool, 60_000)).toEqual([]);
  expect(await apiKeys.revokeApiKey(pool, revoke)).toBe(true);
  expect(await apiKeys.revokeApiKey(pool, revoke)).toBe(false);
  expect(await apiKeys.listRevokedLately(pool, 60_000)).toEqual([
    { id: key.id, hash: hashOf('one') },
  ]);
  expect(await apiKeys.findKeyEvenRevoked(pool, hashOf('one'))).toEqual({ id: key.id });
  expect(await audit.listAudit(pool, 'usr_keys', { limit: 9 })).toMatchObject([
    { by: 'operator', action: 'key.revoked' },
  ]);
  expect(await apiKeys.findApiKey(pool, hashOf('one'))).toBeNull();
  await pool.query(sql.unsafe`update api_keys set created_at = now() - interval '2 days',
    expires_at = now() - interval '1 day' where id = 'key_2'`);
  expect(await apiKeys.findApiKey(pool, hashOf('two'))).toBeNull();
  const again = apiKeys.insertApiKey(pool, { ...key, id: 'key_3', hash: hashOf('one') });
  await expect(again).rejects.toThrow('unique');
});

test('an enrolment is used once, by one of those who come at once, and not too late', async () => {
  const token = { accountId: 'usr_keys', name: null, ttlMs: 60_000, by: 'operator' };
  const make = (id: string) => enrolments.insertEnrolment(pool, { ...token, id, hash: hashOf(id) });
  const use = (id: string, n: number) =>
    enrolments.useEnrolment(pool, hashOf(id), {
      ...{ id: `key_${id}_${n}`, hash: hashOf(`${id} ${n}`), name: 'gpu' },
    });
  await make('enr_1');
  const answers = await Promise.all([1, 2, 3, 4, 5, 6, 7, 8].map((n) => use('enr_1', n)));
  expect(answers.filter((answer) => answer !== null)).toEqual([{ name: 'gpu' }]);
  const n = answers.findIndex((answer) => answer !== null) + 1;
  expect(await apiKeys.findApiKey(pool, hashOf(`enr_1 ${n}`))).toMatchObject({
    kind: 'worker',
    workerName: 'gpu',
  });
  expect(await enrolments.findEnrolment(pool, hashOf('enr_1'))).toEqual({
    ...{ id: 'enr_1', isUsed: true },
  });
  await make('enr_2');
  await pool.query(sql.unsafe`update enrolments set created_at = now() - interval '1 hour',
    expires_at = now() - interval '1 second' where id = 'enr_2'`);
  expect(await use('enr_2', 1)).toBeNull();
  expect(await use('enr_3', 1)).toBeNull();
  expect(await enrolments.findEnrolment(pool, hashOf('enr_3'))).toBeNull();
});

test('a session lives until it is deleted or expires', async () => {
  await accounts.ensureAccount(pool, 'usr_session');
  const hash = hashOf('cookie');
  const session = { hash, accountId: 'usr_session', id: 'ses_1', ttlMs: 60_000 };
  const made = await sessions.createSession(pool, session);
  expect(made.expiresAt - made.createdAt).toBeGreaterThan(59_000);
  expect(await sessions.findSession(pool, hash)).toEqual(made);
  await pool.query(sql.unsafe`update sessions set created_at = now() - interval '2 days',
    expires_at = now() - interval '1 day'`);
  expect(await sessions.findSession(pool, hash)).toBeNull();
  expect(await sessions.deleteExpiredSessions(pool)).toBe(1);
  await sessions.createSession(pool, session);
  await sessions.deleteSession(pool, hash);
  expect(await sessions.findSession(pool, hash)).toBeNull();
  // Nobody used it for a week.
  await sessions.createSession(pool, session);
  const unused = async (days: number) => {
    const ago = sql.fragment`clock_timestamp() - ${days} * interval '1 day'`;
    await pool.query(sql.unsafe`update sessions set last_seen_at = ${ago}`);
  };
  await unused(6);
  await sessions.touchSession(pool, hash);
  await pool.query(sql.unsafe`update sessions set last_seen_at = last_seen_at - interval '6 days'`);
  expect(await sessions.findSession(pool, hash)).not.toBeNull();
  await unused(7);
  expect(await sessions.findSession(pool, hash)).toBeNull();
  expect(await sessions.deleteExpiredSessions(pool)).toBe(1);
});

test('jobs are listed newest first, page by page, each once', async () => {
  const ids = Array.from({ length: 7 }, (_, n) => `job_${n}`);
  // Three at the same instant: the id decides among them.
  await store.commit(
    batchOf({ actors: ids.slice(0, 3).map((id, n) => write(n, jobRef('usr_j', id), 0)) }),
  );
  for (const id of ids.slice(3)) {
    const tags = id === 'job_5' ? ['settled'] : ['waiting', 'cancellable'];
    await store.commit(batchOf({ actors: [write(0, jobRef('usr_j', id), 0, { tags })] }));
  }
  await store.commit(
    batchOf({ actors: [write(0, jobRef('usr_x', 'job_x'), 0), write(1, quotaRef('usr_j'), 0)] }),
  );
  const seen: string[] = [];
  let cursor: string | null = null;
  do {
    const page: Awaited<ReturnType<typeof jobs.listJobs>> = await jobs.listJobs(pool, 'usr_j', {
      limit: 2,
      cursor,
    });
    seen.push(...page.rows.map(({ id }) => id));
    cursor = page.nextCursor;
  } while (cursor !== null);
  expect(seen).toEqual(ids.toReversed());
  const settled = await jobs.listJobs(pool, 'usr_j', { limit: 10, tag: 'settled' });
  expect(settled).toMatchObject({ rows: [{ id: 'job_5', tags: ['settled'] }], nextCursor: null });
});

test.each(['', 'nonsense', Buffer.from('["1; drop","x"]').toString('base64url')])(
  'the cursor %j is refused',
  async (cursor) => {
    await expect(jobs.listJobs(pool, 'usr_j', { limit: 2, cursor })).rejects.toThrow(InvalidCursor);
    await expect(listLedger(pool, 'usr_j', { limit: 2, cursor })).rejects.toThrow(InvalidCursor);
  },
);

test('the ledger is told line by line, with what was left after each', async () => {
  const accountId = 'usr_ledger';
  const post = async (
    posting: number,
    reason: string,
    legs: readonly (readonly [book: string, amountMt: number, balanceMt: number | null])[],
  ) => {
    const ledger = legs.map(([book, amountMt, balanceMt], n): LedgerWrite => ({
      component: 0,
      accountId,
      posting,
      leg: n + 1,
      book,
      amountMt,
      balanceMt,
      reason,
      jobId: posting > 2 ? 'job_1' : null,
    }));
    await store.commit(batchOf({ ledger }));
  };
  await post(1, 'Daily allowance', [
    ['allowance', 20_000, 20_000],
    ['system:granted', -20_000, null],
  ]);
  await post(2, 'Top-up', [
    ['topUp', 5_000, 5_000],
    ['system:sold', -5_000, null],
  ]);
  await post(3, 'Held for an image', [
    ['allowance', -20_000, 0],
    ['topUp', -1_000, 4_000],
    ['held', 21_000, 21_000],
  ]);
  await post(4, 'Charged', [
    ['held', -20_000, 1_000],
    ['system:revenue', 20_000, null],
  ]);
  await post(5, 'Released: less was needed', [
    ['held', -1_000, 0],
    ['topUp', 1_000, 5_000],
  ]);

  const first = await listLedger(pool, accountId, { limit: 3 });
  expect(first.rows).toMatchObject([
    { posting: 5, availableChange: 1_000, heldChange: -1_000, availableAfter: 5_000, heldAfter: 0 },
    {
      posting: 4,
      availableChange: 0,
      heldChange: -20_000,
      availableAfter: 4_000,
      heldAfter: 1_000,
    },
    {
      posting: 3,
      reason: 'Held for an image',
      jobId: 'job_1',
      availableChange: -21_000,
      heldChange: 21_000,
      availableAfter: 4_000,
      heldAfter: 21_000,
    },
  ]);
  const second = await listLedger(pool, accountId, { limit: 3, cursor: first.nextCursor });
  expect(second).toMatchObject({
    rows: [
      { posting: 2, jobId: null, availableChange: 5_000, availableAfter: 25_000, heldAfter: 0 },
      { posting: 1, availableChange: 20_000, availableAfter: 20_000 },
    ],
    nextCursor: null,
  });
  expect(await listLedger(pool, 'usr_nobody', { limit: 3 })).toEqual({
    rows: [],
    nextCursor: null,
  });
});

test("a blob is its account's alone, and keeps its first description", async () => {
  const blob = { id: 'a'.repeat(64), bytes: 12, mediaType: 'image/png' };
  await blobs.insertBlob(pool, 'usr_1', blob);
  await blobs.insertBlob(pool, 'usr_1', { ...blob, mediaType: 'text/html' });
  expect(await blobs.findBlob(pool, 'usr_1', blob.id)).toMatchObject(blob);
  expect(await blobs.findBlob(pool, 'usr_2', blob.id)).toBeNull();
});

test('sweeping takes what was delivered and nothing else', async () => {
  const message = (id: string) => ({
    component: 0,
    accountId: 'usr_1',
    id,
    destination: 'd',
    payload: '',
  });
  const view = { component: 0, accountId: 'usr_1', jobId: 'job_1', revision: 1, payload: '' };
  await store.commit(batchOf({ outbox: [message('1'), message('2')], stream: [view] }));
  await store.outboxDelivered([{ accountId: 'usr_1', id: '1' }]);
  expect(await retention.deleteStreamOlderThan(pool, 3_600_000, 10)).toBe(0);
  expect(await retention.deleteStreamOlderThan(pool, -1, 10)).toBe(1);
  expect((await store.outbox(['d'], 10)).map(({ id }) => id)).toEqual(['2']);
  // The numbers go on although the rows are gone.
  expect(await store.streamHead()).toBe(1);
  expect(await retention.dropJournalOlderThan(pool, 0)).toEqual([]);
  expect(await retention.createJournalPartitions(pool, 1)).toBe(0);
});
