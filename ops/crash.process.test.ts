// Kill anything while work is under way: every job ends once and is charged once. Real processes, real
// PostgreSQL, kill -9; the books are read from the database afterwards.
import { join } from 'node:path';
import pg from 'pg';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { JobView } from '../machines/contract/views.ts';
import {
  cleanEnvironment,
  endTessera,
  freePort,
  pidOf,
  removeFolder,
  startTessera,
  type Tessera,
  temporaryFolder,
} from './testing.ts';
import { runningInstance } from './up/instance.ts';

const PATIENCE = { timeout: 120_000, interval: 50 };

describe('kill -9 while one job executes and two wait', () => {
  let home: string;
  let port: number;
  let up: Tessera;
  let authorization: string;
  let account: string;
  const all: string[] = [];

  const environment = () => cleanEnvironment({ TESSERA_HOME: home, PORT: String(port) });

  beforeAll(async () => {
    home = temporaryFolder('crash');
    port = await freePort();
    up = startTessera(['up'], environment());
    await up.says(/Tessera is ready at/);
    const asked = startTessera(['key', 'create', '--kind', 'user', '--json'], environment());
    await asked.ended;
    const made = JSON.parse(asked.stdout()) as { key: string; account: string };
    authorization = `Bearer ${made.key}`;
    account = made.account;
  });
  afterAll(async () => {
    await endTessera(up);
    removeFolder(home);
  });

  const call = (path: string, init: RequestInit = {}) =>
    fetch(`http://127.0.0.1:${port}${path}`, {
      ...init,
      headers: { authorization, 'content-type': 'application/json' },
    });

  async function submit(n: number): Promise<string> {
    const params = { width: 1024, height: 1024, steps: 30 };
    const body = JSON.stringify({
      modality: 'image',
      model: 'atelier',
      prompt: `hill ${n}`,
      params,
    });
    const response = await call('/v1/jobs', { method: 'POST', body });
    expect(response.status).toBe(202);
    const { id } = (await response.json()) as JobView;
    all.push(id);
    return id;
  }

  /** Null while the runtime is away. */
  async function job(id: string): Promise<JobView | null> {
    const response = await call(`/v1/jobs/${id}`).catch(() => null);
    return response?.ok ? ((await response.json()) as JobView) : null;
  }

  async function ask<Row extends pg.QueryResultRow>(text: string): Promise<Row[]> {
    const client = new pg.Client({
      connectionString: runningInstance(join(home, 'instance.json'))?.databaseUrl ?? '',
    });
    client.on('error', () => undefined);
    await client.connect();
    try {
      return (await client.query<Row>(text, text.includes('$1') ? [account] : [])).rows;
    } finally {
      await client.end();
    }
  }

  const postmaster = async () => {
    const [row] = await ask<{ line: string }>(
      `select pg_read_file('postmaster.pid', 0, 12) as line`,
    );
    return Number.parseInt(row?.line ?? '', 10);
  };

  it.each(['runtime', 'worker', 'PostgreSQL'] as const)('of the %s', async (victim) => {
    const jobs = [await submit(1), await submit(2), await submit(3)];
    const [first = ''] = jobs;
    await expect.poll(async () => (await job(first))?.phase, PATIENCE).toBe('executing');
    process.kill(victim === 'PostgreSQL' ? await postmaster() : pidOf(home, victim), 'SIGKILL');
    for (const id of jobs)
      await expect.poll(async () => (await job(id))?.state, PATIENCE).toBe('succeeded');
    await theBooksAreRight();
  });

  /** Each job ended once, was held once and charged once; what was spent is what is gone. */
  async function theBooksAreRight(): Promise<void> {
    const endings = await ask<{ actor_id: string; times: number }>(
      `select actor_id, count(*)::int as times from journal where account_id = $1 and kind = 'job'
         and to_state = 'succeeded' group by actor_id`,
    );
    expect(endings.map(({ actor_id }) => actor_id).sort()).toEqual([...all].sort());
    expect(endings.every(({ times }) => times === 1)).toBe(true);

    const charged = await ask<{ job_id: string; spent: number; postings: number }>(
      `select job_id, sum(amount_mt) filter (where book = 'system:spent')::int as spent,
         count(distinct posting)::int as postings
       from ledger where account_id = $1 and job_id is not null group by job_id`,
    );
    expect(charged).toHaveLength(all.length);
    for (const each of charged) expect(each).toMatchObject({ spent: 1000, postings: 2 });

    const [sum] = await ask<{ total: number }>(
      `select sum(amount_mt)::int as total from ledger where account_id = $1`,
    );
    expect(sum?.total).toBe(0);
    const balance = (await (await call('/v1/account')).json()) as Record<string, number>;
    expect(balance['held_millitokens']).toBe(0);
    expect(balance['available_millitokens']).toBe(20_000 - all.length * 1000);
  }
});
