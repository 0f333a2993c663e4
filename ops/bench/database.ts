// One Postgres for a whole run, fsync and synchronous_commit on, and a fresh database per measurement. It is
// an embedded one of the benchmark's own, unless DATABASE_URL names a server (on this machine, if its
// processor time is to be known) whose role may create databases.
import { chmod, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import pg from 'pg';
import { startEmbeddedPostgres } from '../../db/embedded/embedded-postgres.ts';
import { ask } from './books.ts';
import { parentOf } from './processor-time.ts';

export interface Server {
  readonly url: string;
  /** Parent of all its processes; NaN when they are not on this machine. */
  readonly pid: number;
  /** The settings that matter, in words. */
  readonly description: string;
  /** @returns what `use` returns; the database is gone then */
  inFreshDatabase<T>(name: string, use: (url: string) => Promise<T>): Promise<T>;
  stop(): Promise<void>;
}

export async function startServer(): Promise<Server> {
  const { url, stop } = await startOrFind();
  const settings = await ask<{ name: string; setting: string }>(
    url,
    `select name, setting from pg_settings
     where name in ('server_version', 'fsync', 'synchronous_commit', 'full_page_writes') order by name`,
  );
  let made = 0;
  return {
    url,
    pid: await postmasterOf(url),
    description: settings.map(({ name, setting }) => `${name} ${setting}`).join(', '),
    async inFreshDatabase(name, use) {
      const database = `bench_${name}_${process.pid}_${++made}`;
      await ask(url, `create database ${database}`);
      // So that none pays for the writes of the one before.
      await ask(url, 'checkpoint');
      const own = new URL(url);
      own.pathname = `/${database}`;
      try {
        return await use(own.href);
      } finally {
        await ask(url, `drop database ${database} with (force)`);
      }
    },
    stop,
  };
}

async function startOrFind(): Promise<Pick<Server, 'url' | 'stop'>> {
  const url = process.env['DATABASE_URL'];
  if (url !== undefined) return { url, stop: () => Promise.resolve() };
  const folder = await mkdtemp(join(tmpdir(), 'tessera-bench-'));
  await chmod(folder, 0o711);
  const postgres = await startEmbeddedPostgres({
    folder,
    onExit: (reason) => console.error(reason),
  });
  const stop = async (): Promise<void> => {
    await postgres.stop();
    await rm(folder, { recursive: true, force: true });
  };
  return { url: postgres.url, stop };
}

/** A backend's parent, looked up while the backend is there. */
async function postmasterOf(url: string): Promise<number> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  const { rows } = await client.query<{ pid: number }>('select pg_backend_pid() as pid');
  const parent = parentOf(rows[0]!.pid);
  await client.end();
  return parent;
}
