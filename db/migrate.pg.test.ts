import { once } from 'node:events';
import { cp, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { type AddressInfo, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import pg from 'pg';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { JOURNAL_DAYS_AHEAD, migrate, readMigrations } from './migrate.ts';
import { type TestDatabase, testDatabase } from './testing.ts';

let database: TestDatabase;
let client: pg.Client;
let folder: string;

beforeEach(async () => {
  database = await testDatabase({ empty: true });
  client = new pg.Client({ connectionString: database.url });
  client.on('error', () => undefined);
  await client.connect();
  folder = await mkdtemp(join(tmpdir(), 'tessera-migrations-'));
});
afterEach(async () => {
  await client.end();
  await database.drop();
  await rm(folder, { recursive: true, force: true });
});

const file = (name: string, text: string) => writeFile(join(folder, name), text);
const names = async () => (await readMigrations()).map(({ name }) => name);

test('an empty database gets everything once, also when several start at once', async () => {
  const runs = await Promise.all([
    migrate(database.url),
    migrate(database.url),
    migrate(database.url),
  ]);
  expect(runs.flat().sort()).toEqual(await names());
  expect(await migrate(database.url)).toEqual([]);
  const { rows } = await client.query('select name from migrations order by number');
  expect(rows.map(({ name }) => name as string)).toEqual(await names());
});

test('the journal has partitions for today and the coming days', async () => {
  await migrate(database.url);
  const { rows } = await client.query(`select inhrelid::regclass::text as name from pg_inherits
    where inhparent = 'journal'::regclass order by 1`);
  // One more when midnight passes in between; then the second run makes it.
  expect(rows.length).toBeGreaterThanOrEqual(JOURNAL_DAYS_AHEAD + 2);
  await migrate(database.url);
});

test('an applied file that has changed is refused', async () => {
  await migrate(database.url);
  await cp(join(import.meta.dirname, 'migrations'), folder, { recursive: true });
  await writeFile(join(folder, '0003_ledger.sql'), 'create table ledger ()');
  await expect(migrate(database.url, folder)).rejects.toThrow('0003_ledger.sql differs');
});

test('a database from a later release is refused', async () => {
  await file('0001_first.sql', 'create table first ()');
  await file('0002_second.sql', 'create table second ()');
  await migrate(database.url, folder);
  await rm(join(folder, '0002_second.sql'));
  await expect(migrate(database.url, folder)).rejects.toThrow('newer than this release');
});

test('a file that fails is undone whole, the ones before it stay', async () => {
  await file('0001_first.sql', 'create table first ()');
  await file('0002_second.sql', 'create table second (); select 1 / 0');
  await expect(migrate(database.url, folder)).rejects.toThrow(/0002_second.sql failed.*division/);
  const { rows } = await client.query(`select to_regclass('first')::text as first,
    to_regclass('second') as second, (select count(*)::int from migrations) as applied`);
  expect(rows).toEqual([{ first: 'first', second: null, applied: 1 }]);
  await file('0002_second.sql', 'create table second ()');
  expect(await migrate(database.url, folder)).toEqual(['0002_second.sql']);
});

test('a number that was left out may come later, and is applied then', async () => {
  await file('0001_first.sql', 'create table first ()');
  await file('0003_third.sql', 'create table third ()');
  expect(await migrate(database.url, folder)).toEqual(['0001_first.sql', '0003_third.sql']);
  await file('0002_second.sql', 'create table second ()');
  expect(await migrate(database.url, folder)).toEqual(['0002_second.sql']);
  expect(await migrate(database.url, folder)).toEqual([]);
});

test('a number that is there twice, or none, is refused', async () => {
  await file('0001_first.sql', '');
  await file('0001_other.sql', '');
  await expect(migrate(database.url, folder)).rejects.toThrow('0001_other.sql');
  await rm(join(folder, '0001_other.sql'));
  await file('second.sql', '');
  await expect(migrate(database.url, folder)).rejects.toThrow('second.sql');
});

test('a database that cannot be reached is named with what to do, and without its password', async () => {
  const closed = createServer().listen(0, '127.0.0.1');
  await once(closed, 'listening');
  const { port } = closed.address() as AddressInfo;
  closed.close();
  await once(closed, 'close');
  for (const host of ['127.0.0.1', 'localhost']) {
    const refused = await migrate(`postgres://who:hidden@${host}:${port}/tessera`).catch(String);
    expect(refused).toContain(`The database tessera at ${host}:${port} cannot be used: connect E`);
    expect(refused).toContain('is DATABASE_URL right?');
    expect(refused).not.toContain('hidden');
  }
});
