// A real PostgreSQL without anything to install: the server that `npm start` runs beside the runtime.
import type { ChildProcess } from 'node:child_process';
import { existsSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import pg from 'pg';
import { findBinaries } from './binaries.ts';
import {
  ensureCluster,
  lastWords,
  logSize,
  readOrCreatePassword,
  spawnServer,
  SUPERUSER,
} from './cluster.ts';
import { type PostgresHome, preparePostgresHome } from './home.ts';
import { freePort, isServerOf, readPidFile, stopServer, until } from './server-process.ts';

export interface EmbeddedPostgresOptions {
  /** Everything is kept here (see `home.ts` for the one exception). One server per folder. */
  readonly folder: string;
  /**
   * Chosen freely when absent. Pass the last one to come back where clients look for it. A server that is
   * taken over stays on its own port.
   */
  readonly port?: number;
  /** Off only for tests: a power cut then loses data. */
  readonly fsync?: boolean;
  readonly database?: string;
  /** The server ended without `stop()`. Called once, with a sentence. */
  readonly onExit: (reason: string) => void;
  /** Progress, in sentences. */
  readonly log?: (sentence: string) => void;
}

export interface EmbeddedPostgres {
  readonly url: string;
  readonly pid: number;
  readonly port: number;
  /** True when a server left over by a killed parent was taken over. */
  readonly adopted: boolean;
  /** Fast shutdown, bounded. Calling it twice is fine. */
  stop(): Promise<void>;
}

// Recovery after a crash replays up to max_wal_size; on a slow disk that takes a minute or two.
const START_LIMIT_MS = 180_000;
const START_ATTEMPTS = 5;
// An orphan that recovers may be given up: stopping it loses nothing, and the next start recovers anew.
const ORPHAN_LIMIT_MS = 10_000;

interface Setup {
  readonly home: PostgresHome;
  readonly password: string;
  readonly database: string;
  readonly fsync: boolean;
}

export async function startEmbeddedPostgres(
  options: EmbeddedPostgresOptions,
): Promise<EmbeddedPostgres> {
  const log = options.log ?? (() => undefined);
  const home = await preparePostgresHome(resolve(options.folder), findBinaries(), log);
  const password = await readOrCreatePassword(home);
  const { fsync = true, database = 'tessera' } = options;
  const setup = { home, password, database, fsync };
  const orphan = await adoptOrphan(setup, log);
  if (orphan !== null) {
    await ensureDatabase(setup, orphan.port);
    return handle(setup, orphan, null, options.onExit);
  }
  if (!existsSync(home.data)) log('Preparing the database for the first time.');
  await ensureCluster(home, password, fsync);
  const { child, port } = await start(setup, options.port);
  await ensureDatabase(setup, port);
  return handle(setup, { pid: child.pid ?? 0, port }, child, options.onExit);
}

/** A server that outlived its parent is kept when it answers as ours; else it is stopped. */
async function adoptOrphan(
  setup: Setup,
  log: (sentence: string) => void,
): Promise<{ pid: number; port: number } | null> {
  const { data } = setup.home;
  const file = await readPidFile(data);
  if (file === null) return null;
  if (!isServerOf(file.pid, data)) {
    // PostgreSQL would refuse to start if a stranger meanwhile has that pid.
    await rm(join(data, 'postmaster.pid'), { force: true });
    return null;
  }
  let answer = 'none' as Answer;
  await until(async () => {
    const now = await readPidFile(data);
    if (now?.ready === true) answer = await askWhose(setup, now.port);
    return answer !== 'none' || !isServerOf(file.pid, data);
  }, ORPHAN_LIMIT_MS);
  if (answer === 'ours') {
    log(`Taking over the PostgreSQL that is still running (pid ${file.pid}).`);
    return { pid: file.pid, port: (await readPidFile(data))?.port ?? file.port };
  }
  log(`Stopping a PostgreSQL that no longer answers (pid ${file.pid}).`);
  await stopServer(file.pid, data);
  await rm(join(data, 'postmaster.pid'), { force: true });
  return null;
}

type Answer = 'ours' | 'notOurs' | 'none';

async function askWhose(setup: Setup, port: number): Promise<Answer> {
  const query = `select current_setting('data_directory') as data, current_setting('fsync') as fsync`;
  try {
    const [row] = await ask(setup, port, query);
    // A server of the tests, started without fsync, must never carry real data.
    const fsync = setup.fsync ? 'on' : 'off';
    return row?.['data'] === setup.home.data && row['fsync'] === fsync ? 'ours' : 'notOurs';
  } catch (error) {
    // 28: it refuses our password. Anything else may pass, e.g. while it recovers.
    return error instanceof pg.DatabaseError && error.code?.startsWith('28') ? 'notOurs' : 'none';
  }
}

async function start(
  setup: Setup,
  wantedPort: number | undefined,
): Promise<{ child: ChildProcess; port: number }> {
  const { home } = setup;
  for (let attempt = 1; ; attempt += 1) {
    const port = wantedPort ?? (await freePort());
    const logStart = logSize(home);
    const child = spawnServer(home, port, setup.fsync);
    let ended = false;
    let failure = '';
    child.once('exit', () => (ended = true));
    child.once('error', (error) => {
      failure = error.message;
      ended = true;
    });
    const isReady = async () => {
      const file = await readPidFile(home.data);
      return file?.pid === child.pid && file?.ready === true;
    };
    await until(async () => ended || (await isReady()), START_LIMIT_MS);
    if (!ended && (await isReady())) return { child, port };
    if (!ended && child.pid !== undefined) await stopServer(child.pid, home.data);
    const words = failure || (await lastWords(home, logStart));
    // Children of a killed server have not left its memory yet; or somebody took the free port first.
    const isPassing =
      /pre-existing shared memory/i.test(words) ||
      (wantedPort === undefined && /could not bind|Address already in use/i.test(words));
    if (!isPassing || attempt === START_ATTEMPTS) {
      throw new Error(
        `PostgreSQL did not start on port ${port} in ${home.data}. Its last words:\n${words}`,
      );
    }
    await until(() => false, 200 * attempt);
  }
}

async function ensureDatabase(setup: Setup, port: number): Promise<void> {
  const name = setup.database.replaceAll("'", "''");
  const found = await ask(setup, port, `select 1 from pg_database where datname = '${name}'`);
  if (found.length > 0) return;
  await ask(setup, port, `create database ${pg.escapeIdentifier(setup.database)}`);
}

async function ask(setup: Setup, port: number, query: string): Promise<Record<string, unknown>[]> {
  const client = new pg.Client({
    host: '127.0.0.1',
    port,
    user: SUPERUSER,
    password: setup.password,
    database: 'postgres',
    connectionTimeoutMillis: 2_000,
    query_timeout: 60_000,
  });
  client.on('error', () => undefined);
  await client.connect();
  try {
    return (await client.query<Record<string, unknown>>(query)).rows;
  } finally {
    await client.end();
  }
}

function handle(
  setup: Setup,
  { pid, port }: { pid: number; port: number },
  child: ChildProcess | null,
  onExit: (reason: string) => void,
): EmbeddedPostgres {
  const { data } = setup.home;
  let stopping: Promise<void> | null = null;
  let watch: NodeJS.Timeout | undefined;
  const ended = () => {
    clearInterval(watch);
    if (stopping === null) onExit(`PostgreSQL (pid ${pid}) has stopped unexpectedly.`);
  };
  // An adopted server is not our child: no exit event comes, so its pid is watched.
  if (child === null) watch = setInterval(() => !isServerOf(pid, data) && ended(), 250).unref();
  else if (child.exitCode !== null || child.signalCode !== null) setImmediate(ended);
  else child.once('exit', ended);
  const credentials = `${SUPERUSER}:${encodeURIComponent(setup.password)}`;
  return {
    url: `postgres://${credentials}@127.0.0.1:${port}/${encodeURIComponent(setup.database)}`,
    pid,
    port,
    adopted: child === null,
    stop: () => {
      clearInterval(watch);
      return (stopping ??= stopServer(pid, data));
    },
  };
}
