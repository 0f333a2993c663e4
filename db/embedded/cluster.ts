// Making the data folder (initdb) and starting the server in it.
import { type ChildProcess, spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { closeSync, existsSync, openSync, statSync, truncateSync } from 'node:fs';
import { mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { handOver, type PostgresHome } from './home.ts';

export const SUPERUSER = 'tessera';

const LOG_BYTES_MAX = 16 * 1024 * 1024;

/** The generated password; it stays in our folder, readable by us alone. */
export async function readOrCreatePassword(home: PostgresHome): Promise<string> {
  const file = join(home.folder, 'password');
  if (!existsSync(file)) {
    if (existsSync(home.data)) {
      throw new Error(
        `${file} is missing, so the database in ${home.data} cannot be opened. Put the file back, or ` +
          'delete both to begin anew (all data is lost).',
      );
    }
    const password = randomBytes(24).toString('base64url');
    // `wx`: when two starts race, both go on with the password of the first.
    await writeFile(file, password, { mode: 0o600, flag: 'wx', flush: true }).catch(
      () => undefined,
    );
  }
  return (await readFile(file, 'utf8')).trim();
}

/** Creates the data folder where there is none. Made aside and renamed: a half-made one is never used. */
export async function ensureCluster(
  home: PostgresHome,
  password: string,
  fsync: boolean,
): Promise<void> {
  if (existsSync(join(home.data, 'PG_VERSION'))) return checkVersion(home);
  const fresh = join(home.base, `data.new.${process.pid}`);
  const passwordFile = join(home.base, `password.new.${process.pid}`);
  try {
    await rm(fresh, { recursive: true, force: true });
    await mkdir(fresh, { mode: 0o700 });
    await handOver(fresh, home.identity);
    await writeFile(passwordFile, `${password}\n`, { mode: 0o600 });
    await handOver(passwordFile, home.identity);
    await initdb(home, fresh, passwordFile, fsync);
    await rename(fresh, home.data).catch((error: unknown) => {
      if (!existsSync(join(home.data, 'PG_VERSION'))) throw error;
    });
  } finally {
    await rm(passwordFile, { force: true });
    await rm(fresh, { recursive: true, force: true });
  }
}

async function checkVersion(home: PostgresHome): Promise<void> {
  const major = (await readFile(join(home.data, 'PG_VERSION'), 'utf8')).trim();
  if (major === String(home.major)) return;
  throw new Error(
    `The database in ${home.data} was made by PostgreSQL ${major}, but PostgreSQL ${home.major} is ` +
      `installed. Dump it with version ${major} and restore it into a fresh folder, or go back to the ` +
      'release of Tessera that made it.',
  );
}

async function initdb(
  home: PostgresHome,
  data: string,
  passwordFile: string,
  fsync: boolean,
): Promise<void> {
  const child = spawn(
    join(home.native, 'bin', 'initdb'),
    [
      `--pgdata=${data}`,
      `--username=${SUPERUSER}`,
      `--pwfile=${passwordFile}`,
      '--auth=scram-sha-256',
      '--encoding=UTF8',
      '--no-locale',
      '--data-checksums',
      ...(fsync ? [] : ['--no-sync']),
    ],
    { ...home.identity, cwd: home.base, env: home.environment, stdio: ['ignore', 'pipe', 'pipe'] },
  );
  let output = '';
  child.stdout.on('data', (chunk: Buffer) => (output += chunk.toString()));
  child.stderr.on('data', (chunk: Buffer) => (output += chunk.toString()));
  const code = await new Promise<number | null>((resolve, reject) => {
    child.once('error', reject);
    child.once('close', resolve);
  });
  if (code === 0) return;
  throw new Error(`The database folder ${data} could not be made. initdb says:\n${tail(output)}`);
}

/**
 * Starts postgres as the leader of its own process group: Ctrl-C in the terminal must reach us only, so
 * that we can finish our work before the database stops.
 */
export function spawnServer(home: PostgresHome, port: number, fsync: boolean): ChildProcess {
  const settings = {
    listen_addresses: '127.0.0.1',
    port: String(port),
    // TCP with a password only: a socket file has a length limit and would need a folder of its own.
    unix_socket_directories: '',
    fsync: fsync ? 'on' : 'off',
    synchronous_commit: fsync ? 'on' : 'off',
    full_page_writes: fsync ? 'on' : 'off',
    max_connections: '100',
    shared_buffers: '256MB',
    max_wal_size: '2GB',
    // Statements here are short and prepared; compiling them costs more than it saves.
    jit: 'off',
    timezone: 'UTC',
    log_timezone: 'UTC',
  };
  const log = openSync(logFile(home), 'a', 0o600);
  try {
    const child = spawn(
      join(home.native, 'bin', 'postgres'),
      [
        '-D',
        home.data,
        ...Object.entries(settings).flatMap(([key, value]) => ['-c', `${key}=${value}`]),
      ],
      {
        ...home.identity,
        cwd: home.base,
        env: home.environment,
        detached: true,
        stdio: ['ignore', log, log],
      },
    );
    child.unref();
    return child;
  } finally {
    closeSync(log);
  }
}

const logFile = (home: PostgresHome): string => join(home.folder, 'postgres.log');

/** What the log says since `start`, shortened. */
export async function lastWords(home: PostgresHome, start: number): Promise<string> {
  const log = await readFile(logFile(home)).catch(() => Buffer.alloc(0));
  return tail(log.subarray(start).toString('utf8'));
}

const tail = (text: string): string => text.trim().split('\n').slice(-8).join('\n');

/** Where the log goes on. An overlong log begins anew. */
export function logSize(home: PostgresHome): number {
  const size = statSync(logFile(home), { throwIfNoEntry: false })?.size ?? 0;
  if (size <= LOG_BYTES_MAX) return size;
  truncateSync(logFile(home));
  return 0;
}
