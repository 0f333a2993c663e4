// `tessera up` as a person has it: real processes, killed in every way, one home from start to end. The
// steps build on each other, as a day with Tessera does.
import { existsSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import pg from 'pg';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  cleanEnvironment,
  endTessera,
  freePort,
  npmStart,
  pidOf,
  removeFolder,
  startTessera,
  type Tessera,
  temporaryFolder,
} from '../testing.ts';
import { isRunning, runningInstance } from './instance.ts';

const PATIENCE = { timeout: 120_000, interval: 100 };
const READY = /Tessera is ready at (http\S+)/;

describe('a day with tessera up', () => {
  let home: string;
  let port: number;
  let up: Tessera;
  let authorization: string;
  let jobId: string;

  const environment = () => cleanEnvironment({ TESSERA_HOME: home, PORT: String(port) });
  const address = () => `http://127.0.0.1:${port}`;
  const instance = () => runningInstance(join(home, 'instance.json'));

  const call = async (path: string, init: RequestInit = {}): Promise<Response> =>
    fetch(`${address()}${path}`, {
      ...init,
      headers: { authorization, 'content-type': 'application/json' },
    });
  const stateOf = async (id: string): Promise<string> => {
    const response = await call(`/v1/jobs/${id}`).catch(() => null);
    return response?.ok ? ((await response.json()) as { state: string }).state : 'unknown';
  };
  const makePicture = async (): Promise<string> => {
    const body = JSON.stringify({ modality: 'image', prompt: 'a harbour in the morning' });
    const response = await call('/v1/jobs', { method: 'POST', body });
    expect(response.status).toBe(202);
    const { id } = (await response.json()) as { id: string };
    await expect.poll(() => stateOf(id), PATIENCE).toBe('succeeded');
    return id;
  };
  const postmaster = async (): Promise<number> => {
    const client = new pg.Client({ connectionString: instance()?.databaseUrl ?? '' });
    client.on('error', () => undefined);
    await client.connect();
    const text = `select pg_read_file('postmaster.pid', 0, 12) as line`;
    const { rows } = await client.query<{ line: string }>(text);
    await client.end();
    return Number.parseInt(rows[0]?.line ?? '', 10);
  };

  beforeAll(async () => {
    home = temporaryFolder('up');
    port = await freePort();
    up = startTessera(['up'], environment());
  });
  afterAll(async () => {
    await endTessera(up);
    removeFolder(home);
  });

  it('tells its address once a picture can be made, and makes one', async () => {
    const [, told] = await up.says(READY);
    expect(told).toBe(`http://localhost:${port}`);
    const asked = startTessera(['key', 'create', '--kind', 'user', '--json'], environment());
    expect((await asked.ended).code).toBe(0);
    const { key } = JSON.parse(asked.stdout()) as { key: string };
    authorization = `Bearer ${key}`;
    jobId = await makePicture();
    const output = await call(`/v1/jobs/${jobId}/outputs/0`);
    expect(output.headers.get('content-type')).toMatch(/^image\//);
    expect((await output.arrayBuffer()).byteLength).toBeGreaterThan(1000);
  });

  it('lets no second one into its home, and says where the first is', async () => {
    const second = startTessera(['up'], environment());
    expect((await second.ended).code).toBe(1);
    expect(second.stderr()).toContain(`already running at http://localhost:${port}`);
  });

  it('starts the worker again after kill -9', async () => {
    const before = pidOf(home, 'worker');
    process.kill(before, 'SIGKILL');
    await up.says(/The worker has ended \(SIGKILL\)/);
    await expect.poll(() => pidOf(home, 'worker'), PATIENCE).not.toBe(before);
    await makePicture();
  });

  it('starts the runtime again after kill -9', async () => {
    process.kill(pidOf(home, 'runtime'), 'SIGKILL');
    await up.says(/The runtime has ended \(SIGKILL\)/);
    await expect.poll(() => stateOf(jobId), PATIENCE).toBe('succeeded');
    await makePicture();
  });

  it('starts PostgreSQL again after kill -9', async () => {
    process.kill(await postmaster(), 'SIGKILL');
    await up.says(/PostgreSQL is back/);
    await expect.poll(() => stateOf(jobId), PATIENCE).toBe('succeeded');
    await makePicture();
  });

  it('stops everything in order on Ctrl-C', async () => {
    const pids = [pidOf(home, 'worker'), pidOf(home, 'runtime'), await postmaster()];
    expect(pids.map(isRunning)).toEqual([true, true, true]);
    up.child.kill('SIGINT');
    expect(await up.ended).toEqual({ code: 0, signal: null });
    expect(pids.map(isRunning)).toEqual([false, false, false]);
    expect(up.stderr()).not.toContain('does not stop by itself');
    expect(existsSync(join(home, 'instance.json'))).toBe(false);
  });

  it('starts again with everything still there', async () => {
    up = npmStart(environment());
    await up.says(READY);
    expect(await stateOf(jobId)).toBe('succeeded');
    await makePicture();
  });

  it('stops when only npm is told to', async () => {
    const pids = [pidOf(home, 'worker'), pidOf(home, 'runtime')];
    up.child.kill('SIGTERM');
    await up.ended;
    await expect.poll(() => pids.map(isRunning), PATIENCE).toEqual([false, false]);
    await expect.poll(instance, PATIENCE).toBeNull();
    up = startTessera(['up'], environment());
    await up.says(READY);
  });

  it('leaves no runtime and no worker behind when it is killed itself', async () => {
    const pids = [pidOf(home, 'worker'), pidOf(home, 'runtime')];
    up.child.kill('SIGKILL');
    await up.ended;
    await expect.poll(() => pids.map(isRunning), PATIENCE).toEqual([false, false]);
  });

  it('takes the orphaned PostgreSQL over', async () => {
    up = startTessera(['up'], environment());
    await up.says(/Taking over the PostgreSQL/);
    await up.says(READY);
    expect(await stateOf(jobId)).toBe('succeeded');
  });
});

it('says so when the port is taken, and starts nothing', async () => {
  const home = temporaryFolder('up');
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  const settings = { TESSERA_HOME: home, PORT: String(port) };
  const up = startTessera(['up'], cleanEnvironment(settings));
  expect((await up.ended).code).toBe(1);
  expect(up.stderr()).toContain(`Port ${port} is already used by another program.`);
  expect(existsSync(join(home, 'postgres'))).toBe(false);
  server.close();
  removeFolder(home);
});

it('refuses a wrong setting with a sentence and exit code 2', async () => {
  const up = startTessera(['up'], cleanEnvironment({ PORT: 'eighty' }));
  expect((await up.ended).code).toBe(2);
  expect(up.stderr()).toMatch(/^PORT must be a whole number/m);
});
