// A fresh, migrated database for a test file. One embedded server serves the whole vitest run: `setup` and
// `teardown` are vitest's globalSetup, the server itself starts when the first test asks for it.
import { createHash, randomBytes } from 'node:crypto';
import { chmod, mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import pg from 'pg';
import { startEmbeddedPostgres } from './embedded/embedded-postgres.ts';
import { isRunning, isServerOf, readPidFile, stopServer } from './embedded/server-process.ts';
import { migrate, readMigrations } from './migrate.ts';

const FOLDER_VARIABLE = 'TESSERA_TEST_POSTGRES';
const FOLDER_PREFIX = 'tessera-test-';

let setups = 0;

/** vitest's globalSetup; each project calls it, all share one folder. Starts nothing. */
export async function setup(): Promise<void> {
  setups += 1;
  if (setups > 1) return;
  await sweepAbandoned();
  const folder = await mkdtemp(join(tmpdir(), `${FOLDER_PREFIX}${process.pid}-`));
  await chmod(folder, 0o711);
  process.env[FOLDER_VARIABLE] = folder;
}

export async function teardown(): Promise<void> {
  setups -= 1;
  const folder = process.env[FOLDER_VARIABLE];
  if (setups > 0 || folder === undefined) return;
  await remove(folder);
  delete process.env[FOLDER_VARIABLE];
}

/** Servers of earlier runs whose vitest was killed before its teardown. */
async function sweepAbandoned(): Promise<void> {
  for (const name of await readdir(tmpdir())) {
    const pid = name.startsWith(FOLDER_PREFIX)
      ? Number.parseInt(name.slice(FOLDER_PREFIX.length), 10)
      : Number.NaN;
    if (Number.isInteger(pid) && !isRunning(pid)) await remove(join(tmpdir(), name));
  }
}

async function remove(folder: string): Promise<void> {
  const data = join(folder, 'data');
  const file = await readPidFile(data);
  if (file !== null && isServerOf(file.pid, data)) await stopServer(file.pid, data);
  await rm(folder, { recursive: true, force: true }).catch(() => undefined);
}

export interface TestDatabase {
  readonly url: string;
  /** Ends its connections, too. */
  drop(): Promise<void>;
}

/**
 * A database of its own, cloned from a migrated template. In a test file:
 *   const database = await testDatabase();
 *   afterAll(database.drop);
 * `empty`: without any table.
 */
export async function testDatabase({ empty = false } = {}): Promise<TestDatabase> {
  const serverUrl = process.env['DATABASE_URL_TEST'] ?? (await sharedServer());
  const name = `tessera_test_${randomBytes(6).toString('hex')}`;
  await withServer(serverUrl, async (client) => {
    // The lock serves two ends: one runner makes the template, and none clones it while one migrates.
    await client.query('select pg_advisory_lock(7355609)');
    const template = empty ? 'template1' : await ensureTemplate(client, serverUrl);
    await client.query(`create database ${name} template ${template}`);
  });
  const drop = () =>
    withServer(serverUrl, async (client) => {
      await client.query(`drop database if exists ${name} with (force)`);
    });
  return { url: databaseUrl(serverUrl, name), drop };
}

async function ensureTemplate(client: pg.Client, serverUrl: string): Promise<string> {
  const checksums = (await readMigrations()).map(({ checksum }) => checksum).join();
  const name = `tessera_template_${createHash('sha256').update(checksums).digest('hex').slice(0, 12)}`;
  const found = await client.query('select 1 from pg_database where datname = $1', [name]);
  if (found.rowCount === 1) return name;
  // Made under another name and renamed when whole: a killed run must not leave half a template.
  const fresh = `${name}_new`;
  await client.query(`drop database if exists ${fresh} with (force)`);
  await client.query(`create database ${fresh}`);
  await migrate(databaseUrl(serverUrl, fresh));
  await client.query(`alter database ${fresh} rename to ${name}`);
  return name;
}

async function sharedServer(): Promise<string> {
  const folder = process.env[FOLDER_VARIABLE];
  if (folder === undefined) {
    throw new Error(
      'No database for tests: list db/testing.ts as a globalSetup of vitest, or set DATABASE_URL_TEST.',
    );
  }
  // Whoever comes first starts the server; the others find it running and take it over. Nobody owns
  // it: `teardown` stops it by its pid file.
  for (let attempt = 1; ; attempt += 1) {
    try {
      const server = await startEmbeddedPostgres({ folder, fsync: false, onExit: () => undefined });
      return server.url;
    } catch (error) {
      if (attempt === 3) throw error;
      await delay(100 * attempt);
    }
  }
}

async function withServer(url: string, work: (client: pg.Client) => Promise<void>): Promise<void> {
  const client = new pg.Client({ connectionString: url });
  client.on('error', () => undefined);
  await client.connect();
  try {
    await work(client);
  } finally {
    await client.end();
  }
}

function databaseUrl(serverUrl: string, name: string): string {
  const url = new URL(serverUrl);
  url.pathname = `/${name}`;
  return url.href;
}
