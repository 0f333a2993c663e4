// Real server processes: started, killed, orphaned and taken over.
import { spawn } from 'node:child_process';
import { mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { once } from 'node:events';
import pg from 'pg';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { type EmbeddedPostgres, startEmbeddedPostgres } from './embedded-postgres.ts';
import { isServerOf } from './server-process.ts';

let folder: string;
const servers: EmbeddedPostgres[] = [];

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'tessera-embedded-'));
});

afterEach(async () => {
  await Promise.all(servers.splice(0).map((server) => server.stop()));
  await rm(folder, { recursive: true, force: true });
});

async function start(onExit: (reason: string) => void = () => undefined, port?: number) {
  const server = await startEmbeddedPostgres({
    folder,
    onExit,
    ...(port === undefined ? {} : { port }),
  });
  servers.push(server);
  return server;
}

async function query(url: string, text: string): Promise<unknown[][]> {
  const client = new pg.Client({ connectionString: url });
  client.on('error', () => undefined);
  await client.connect();
  try {
    return (await client.query<unknown[]>({ text, rowMode: 'array' })).rows;
  } finally {
    await client.end();
  }
}

test('starts durable, with checksums and a private password, and stops without a word', async () => {
  const exits: string[] = [];
  const server = await start((reason) => exits.push(reason));
  const settings = ['fsync', 'synchronous_commit', 'data_checksums', 'unix_socket_directories'];
  const rows = await query(
    server.url,
    `select ${settings.map((name) => `current_setting('${name}')`).join()}`,
  );
  expect(rows).toEqual([['on', 'on', 'on', '']]);
  expect((await stat(join(folder, 'password'))).mode & 0o777).toBe(0o600);
  expect(await readFile(join(folder, 'data', 'pg_hba.conf'), 'utf8')).not.toMatch(/^[^#]*trust/m);
  await server.stop();
  await server.stop();
  expect(isServerOf(server.pid, join(folder, 'data'))).toBe(false);
  expect(exits).toEqual([]);
});

test('refuses a wrong password', async () => {
  const server = await start();
  const wrong = server.url.replace(/:[^:@]+@/, ':wrong@');
  await expect(query(wrong, 'select 1')).rejects.toThrow(/password authentication failed/);
});

test('says that it was killed, starts again on the same port and still has the data', async () => {
  const exit = Promise.withResolvers<string>();
  const first = await start(exit.resolve);
  await query(first.url, "create table kept (word text); insert into kept values ('safe')");
  process.kill(first.pid, 'SIGKILL');
  expect(await exit.promise).toContain('stopped unexpectedly');
  const second = await start(() => undefined, first.port);
  expect(second.port).toBe(first.port);
  expect(second.adopted).toBe(false);
  expect(await query(second.url, 'select word from kept')).toEqual([['safe']]);
});

/** Starts a server in a process of its own and kills that process, as a power user would. */
async function orphan(): Promise<{ pid: number; url: string }> {
  const module = new URL('./embedded-postgres.ts', import.meta.url).href;
  const script = `
    const { startEmbeddedPostgres } = await import(${JSON.stringify(module)});
    const folder = ${JSON.stringify(folder)};
    const server = await startEmbeddedPostgres({ folder, onExit() {} });
    console.log(JSON.stringify({ pid: server.pid, url: server.url }));
    setInterval(() => {}, 1000);`;
  const parent = spawn(process.execPath, ['--input-type=module', '-e', script], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const [line] = (await once(parent.stdout, 'data')) as [Buffer];
  parent.kill('SIGKILL');
  await once(parent, 'exit');
  return JSON.parse(line.toString()) as { pid: number; url: string };
}

test('takes over the server of a killed parent, and notices when that one ends', async () => {
  const left = await orphan();
  await query(left.url, 'create table kept (word text)');
  const exit = Promise.withResolvers<string>();
  const server = await start(exit.resolve);
  expect(server).toMatchObject({ adopted: true, pid: left.pid, url: left.url });
  process.kill(server.pid, 'SIGKILL');
  expect(await exit.promise).toContain(String(left.pid));
});

test('stops an orphan that does not accept our password, and starts anew', async () => {
  const left = await orphan();
  await query(left.url, `alter role tessera password 'somebody else''s'`);
  // The restart cannot know that password either; the point is that no second server piles up.
  await expect(start()).rejects.toThrow(/password authentication failed/);
  expect(isServerOf(left.pid, join(folder, 'data'))).toBe(false);
}, 40_000);

test('a stale pid file that names a stranger does not stand in the way', async () => {
  const first = await start();
  await first.stop();
  const stale = [process.pid, join(folder, 'data'), 0, first.port, '', '127.0.0.1', '', 'ready'];
  await writeFile(join(folder, 'data', 'postmaster.pid'), stale.join('\n'));
  const second = await start();
  expect(await query(second.url, 'select 1')).toEqual([[1]]);
});

test('says what to do when the password file was lost', async () => {
  await (await start()).stop();
  await rm(join(folder, 'password'));
  await expect(start()).rejects.toThrow(/password is missing/);
});

test('names the port that is taken', async () => {
  const blocker = await start();
  const other = await mkdtemp(join(tmpdir(), 'tessera-embedded-'));
  try {
    const second = startEmbeddedPostgres({ folder: other, port: blocker.port, onExit() {} });
    await expect(second).rejects.toThrow(`port ${blocker.port}`);
  } finally {
    await rm(other, { recursive: true, force: true });
  }
});
