// A runtime that is killed, and a deploy that nobody notices: three runtimes behind one address are told to
// stop, one after the other, and new ones take their places, while people ask, follow and download, and
// workers have jobs under way.
import { join } from 'node:path';
import pg from 'pg';
import { pino } from 'pino';
import { afterAll, beforeAll, expect, it, vi } from 'vitest';
import { createClient } from '../adapters/client/http.ts';
import { type Agent, startAgent } from '../adapters/worker/agent.ts';
import { bareHost } from '../adapters/worker/engine-host.ts';
import { testDatabase, type TestDatabase } from '../db/testing.ts';
import { issueKey } from './cli/issue-key.ts';
import { type Front, startFront } from './rolling/front.ts';
import { Customer, Stranger } from './rolling/people.ts';
import { createSlowEngine, MODEL } from './rolling/slow-engine.ts';
import {
  cleanEnvironment,
  freePort,
  removeFolder,
  startTessera,
  type Tessera,
  temporaryFolder,
} from './testing.ts';

const RUNTIMES = 3;
const PATIENCE = { timeout: 30_000, interval: 50 };

let database: TestDatabase;
let home: string;
let front: Front | null = null;
const ports: number[] = [];
const runtimes: Tessera[] = [];
const agents: Agent[] = [];
const engines = Array.from({ length: 2 }, createSlowEngine);
const customers: Customer[] = [];

beforeAll(async () => {
  database = await testDatabase();
  home = temporaryFolder('rolling');
  for (let n = 0; n < RUNTIMES; n++) ports.push(await freePort());
  await Promise.all(ports.map((_, n) => start(n)));
  front = await startFront(ports, await freePort(), join(home, 'front'));
  for (const [n, engine] of engines.entries()) {
    const { key } = await issueKey(database.url, keyOf('worker'));
    agents.push(
      startAgent({
        ...{ key, url: url(), name: `worker ${n}`, version: 'test', slots: 3, gpu: null },
        ...{ folder: join(home, `worker-${n}`), hosts: [bareHost(engine)] },
        log: pino({ level: 'silent' }),
      }),
    );
  }
});

afterAll(async () => {
  for (const customer of customers) customer.close();
  await Promise.all(agents.map((agent) => agent.close()));
  for (const { child } of runtimes) child.kill('SIGKILL');
  await front?.close();
  await database.drop();
  removeFolder(home);
});

const keyOf = (kind: 'user' | 'worker') => ({ kind, name: 'test', account: null, platform: null });

/** In place of the one before, at the same address. */
async function start(n: number): Promise<void> {
  const settings = { DATABASE_URL: database.url, TESSERA_HOME: home, PORT: String(ports[n]) };
  runtimes[n] = startTessera(['runtime'], cleanEnvironment(settings));
  const isReady = () =>
    fetch(`http://127.0.0.1:${ports[n]}/readyz`).then(
      ({ ok }) => ok,
      () => false,
    );
  await vi.waitUntil(isReady, PATIENCE);
}

const url = () => front!.url;

const running = () => engines.reduce((sum, { runs }) => sum + runs.size, 0);

async function ask<Row extends pg.QueryResultRow>(text: string): Promise<Row[]> {
  const client = new pg.Client({ connectionString: database.url });
  await client.connect();
  const { rows } = await client.query<Row>(text);
  await client.end();
  return rows;
}

it('goes on when the runtime that gives work away is killed', async () => {
  const { key } = await issueKey(database.url, keyOf('user'));
  const client = createClient({ baseUrl: url(), key });
  const submit = () => client.createJob({ modality: 'text', model: MODEL, prompt: 'at any time' });
  await submit();
  await expect.poll(running, PATIENCE).toBe(1);
  const [lease] = await ask<{ holder: string }>(
    `select holder from leases where name = 'dispatcher'`,
  );
  const n = runtimes.findIndex(({ child }) => lease?.holder.endsWith(`:${child.pid}`));
  runtimes[n]?.child.kill('SIGKILL');
  await submit();
  // Its lease would have run for up to 15 s more: it ends with its process instead.
  await expect.poll(running, { timeout: 10_000 }).toBe(2);
  await start(n);
});

it('restarts every runtime, and nobody notices', async () => {
  let isOver = false;
  const work: Promise<void>[] = [];
  for (const name of ['Ada', 'Ben', 'Cleo']) {
    const { key } = await issueKey(database.url, keyOf('user'));
    const customer = new Customer(url(), key);
    customers.push(customer);
    work.push(customer.work(name, () => isOver));
  }
  const stranger = new Stranger();
  const { key } = await issueKey(database.url, keyOf('user'));
  work.push(stranger.look(url(), key, () => isOver));
  await expect.poll(running, PATIENCE).toBeGreaterThan(4);

  for (let n = 0; n < RUNTIMES; n++) {
    const before = running();
    const { child, ended } = runtimes[n]!;
    child.kill('SIGTERM');
    expect(await ended).toEqual({ code: 0, signal: null });
    await start(n);
    // The others went on meanwhile, and all three do so now.
    await expect.poll(running, PATIENCE).toBeGreaterThan(before + 2);
  }
  isOver = true;
  await Promise.all(work);
  const open = `select id from actors where kind = 'job' and not settled`;
  await expect.poll(() => ask(open), PATIENCE).toEqual([]);

  expect(customers.flatMap(({ problems }) => problems)).toEqual([]);
  expect(stranger.faults).toEqual([]);
  expect(stranger.answers).toBeGreaterThan(100);
  const again = engines.flatMap(({ runs }) => [...runs].filter(([, times]) => times > 1));
  expect(again).toEqual([]);
  const jobs = await ask<{ state: string; attempt: number }>(
    `select distinct state, (snapshot::json #>> '{context,run,attempt}')::int as attempt
      from actors where kind = 'job'`,
  );
  expect(jobs).toEqual([{ state: 'succeeded', attempt: 1 }]);
  const finished = customers.reduce((sum, customer) => sum + customer.finished.size, 0);
  const [all] = await ask<{ n: number }>(
    `select count(*)::int as n from actors where kind = 'job'`,
  );
  expect(all?.n).toBe(2 + finished + stranger.jobs.length);
  const [books] = await ask<{ sum: number }>('select sum(amount_mt)::int as sum from ledger');
  expect(books?.sum).toBe(0);
});
