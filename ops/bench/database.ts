// A Postgres of the benchmark's own, fsync and synchronous_commit on, and a fresh database per measurement.
import { chmod, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startEmbeddedPostgres } from '../../db/embedded/embedded-postgres.ts';
import { ask } from './books.ts';

export interface Server {
  readonly url: string;
  readonly pid: number;
  /** `name` and its Postgres settings that matter, in words. */
  readonly description: string;
  /** @returns what `use` returns; the database is gone then */
  inFreshDatabase<T>(name: string, use: (url: string) => Promise<T>): Promise<T>;
  stop(): Promise<void>;
}

export async function startServer(): Promise<Server> {
  const folder = await mkdtemp(join(tmpdir(), 'tessera-bench-'));
  await chmod(folder, 0o711);
  const postgres = await startEmbeddedPostgres({
    folder,
    onExit: (reason) => console.error(reason),
  });
  const settings = await ask<{ name: string; setting: string }>(
    postgres.url,
    `select name, setting from pg_settings
     where name in ('server_version', 'fsync', 'synchronous_commit', 'full_page_writes') order by name`,
  );
  let made = 0;
  return {
    url: postgres.url,
    pid: postgres.pid,
    description: settings.map(({ name, setting }) => `${name} ${setting}`).join(', '),
    async inFreshDatabase(name, use) {
      const database = `bench_${name}_${++made}`;
      await ask(postgres.url, `create database ${database}`);
      // So that none pays for the writes of the one before.
      await ask(postgres.url, 'checkpoint');
      const url = new URL(postgres.url);
      url.pathname = `/${database}`;
      try {
        return await use(url.href);
      } finally {
        await ask(postgres.url, `drop database ${database} with (force)`);
      }
    },
    async stop() {
      await postgres.stop();
      await rm(folder, { recursive: true, force: true });
    },
  };
}
