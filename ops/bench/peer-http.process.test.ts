// The benchmark's second line: a real runtime process, jobs by HTTP, workers by WebSocket.
import { afterAll, expect, it } from 'vitest';
import { testDatabase, type TestDatabase } from '../../db/testing.ts';
import { throughput } from './load.ts';
import open from './peer-http.ts';

let database: TestDatabase;
afterAll(() => database.drop());

it('completes what it is given, and the books match', async () => {
  database = await testDatabase({ empty: true });
  const failures: Error[] = [];
  const fail = (error: Error) => void failures.push(error);
  const peer = await open({ url: database.url, concurrency: 8, poolSize: 4, workload: 'W1', fail });
  const load = { jobs: 40, secondsMax: 60, concurrency: 8, databasePid: process.pid };
  expect((await throughput(peer, load))['jobs']).toBe(40);
  await peer.close();
  expect(failures).toEqual([]);
});
