// The benchmark itself, small: what it measures is real, and it notices when it is not.
import { afterAll, describe, expect, it } from 'vitest';
import { testDatabase, type TestDatabase } from '../../db/testing.ts';
import { ask, checkBooks } from './books.ts';
import { startEngine } from './engine.ts';
import floor from './floor.ts';
import { latency, throughput } from './load.ts';
import inProcess from './peer.ts';
import { warmUpOf } from './settings.ts';

const databases: TestDatabase[] = [];
const fresh = async (): Promise<string> => {
  const database = await testDatabase({ empty: true });
  databases.push(database);
  return database.url;
};
afterAll(async () => {
  for (const database of databases) await database.drop();
});

const fail = (error: Error): never => {
  throw error;
};
const LOAD = { jobs: 60, secondsMax: 60, concurrency: 8, databasePid: process.pid };

describe.each([
  ['the floor', floor],
  ['Tessera in process', inProcess],
])('%s', (_, open) => {
  it('completes what it is given', async () => {
    const url = await fresh();
    const peer = await open({ url, concurrency: 8, poolSize: 4, workload: 'W1', fail });
    const figures = await throughput(peer, LOAD);
    expect(figures['jobs']).toBe(60);
    expect(await peer.settled()).toBe(60 + warmUpOf(60));
    await peer.close();
  });

  it('tells when each job was durable, started and done', async () => {
    const url = await fresh();
    const peer = await open({ url, concurrency: 4, poolSize: 4, workload: 'W2', fail });
    const figures = await latency(peer, { jobs: 10, everyMs: 1 });
    for (const name of ['ackP50', 'startP50', 'doneP50', 'doneP99'])
      expect(figures[name]).toBeGreaterThan(0);
    await peer.close();
  });
});

it('finds books that are wrong, and says what is wrong with them', async () => {
  const url = await fresh();
  const peer = await inProcess({ url, concurrency: 4, poolSize: 4, fail });
  const figures = await throughput(peer, { ...LOAD, jobs: 10 });
  expect(figures['turnsPerJob']).toBeGreaterThan(3);
  await peer.close();
  const jobs = 10 + warmUpOf(10);
  expect(await checkBooks(url, jobs)).toBeGreaterThan(jobs);
  await expect(checkBooks(url, jobs + 1)).rejects.toThrow(
    `jobs is ${jobs}, not ${jobs + 1}; succeeded is ${jobs}, not ${jobs + 1}`,
  );
  // Charged twice.
  await ask(url, 'alter table ledger disable trigger user');
  await ask(
    url,
    `insert into ledger select account_id, posting + 1000, leg, book, amount_mt, balance_mt, reason, job_id, at
     from ledger where (account_id, posting) = (
       select account_id, posting from ledger where book = 'system:spent' limit 1)`,
  );
  await expect(checkBooks(url, jobs)).rejects.toThrow(`charged is ${jobs + 1}, not ${jobs}`);
});

it('counts a job once that is delivered twice', async () => {
  const url = await fresh();
  const warm = await inProcess({ url, concurrency: 4, poolSize: 4, fail });
  await warm.close();
  const engine = await startEngine({ url, accounts: 5, fail });
  const settled: unknown[] = [];
  const runs: unknown[] = [];
  await engine.connect(4, {
    // The outbox is read again while the order is under way, as its poll may do at any moment.
    handler: async ({ params }) => {
      runs.push(params['seed']);
      await engine.core.sessions.runOnce();
    },
    settled: ({ params }) => void settled.push(params['seed']),
  });
  const jobs = Array.from({ length: 30 }, (_, n) => n);
  await Promise.all(jobs.map((n) => engine.submit(n)));
  await expect.poll(() => settled.length).toBe(30);
  await engine.stop();
  expect([new Set(runs).size, runs.length, new Set(settled).size]).toEqual([30, 30, 30]);
  await checkBooks(url, 30);
});
