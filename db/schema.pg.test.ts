import pg from 'pg';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { dumpSchema } from './schema-dump.ts';
import { testDatabase } from './testing.ts';

const database = await testDatabase();
const client = new pg.Client({ connectionString: database.url });
client.on('error', () => undefined);
beforeAll(() => client.connect());
afterAll(async () => {
  await client.end();
  await database.drop();
});

test('schema.sql is the schema that the migrations make (`vitest -u` writes it)', async () => {
  await expect(await dumpSchema(client)).toMatchFileSnapshot('./schema.sql');
});

// Small tables that every shard would hold whole.
const REFERENCE_TABLES = ['leases', 'migrations', 'stream_head', 'webhook_cursor'];

test('every primary key begins with account_id, so that the tables can be sharded', async () => {
  const { rows } = await client.query<{ table: string; key: string[] | null }>(`
    select c.relname as table, (
      select array_agg(a.attname::text order by k.n) from pg_index i,
        unnest(i.indkey) with ordinality as k(attnum, n), pg_attribute a
      where i.indrelid = c.oid and i.indisprimary and a.attrelid = c.oid and a.attnum = k.attnum
    ) as key
    from pg_class c join pg_namespace n on n.oid = c.relnamespace
    where n.nspname = 'public' and c.relkind in ('r', 'p')`);
  const others = rows.filter(({ table }) => !REFERENCE_TABLES.includes(table));
  expect(others.length).toBeGreaterThan(12);
  expect(others.filter(({ key }) => key?.[0] !== 'account_id')).toEqual([]);
});

const CHECKS: readonly (readonly [string, string])[] = [
  [
    'a revision of zero',
    `insert into actors (account_id, kind, id, machine, version, revision, state,
    tags, snapshot, created_at, updated_at) values ('a', 'job', 'j', 'job', 1, 0, 's', '{}', '{}', now(), now())`,
  ],
  [
    'an unknown kind',
    `insert into actors (account_id, kind, id, machine, version, revision, state,
    tags, snapshot, created_at, updated_at) values ('a', 'robot', 'j', 'job', 1, 1, 's', '{}', '{}', now(), now())`,
  ],
  ['an amount of zero', `insert into ledger values ('a', 1, 1, 'held', 0, 0, 'r', null, now())`],
  ['an unknown book', `insert into ledger values ('a', 1, 1, 'slush', 1, 0, 'r', null, now())`],
  [
    'a system book with a balance',
    `insert into ledger values ('a', 1, 1, 'system:x', 1, 0, 'r', null, now())`,
  ],
  [
    'an own book without one',
    `insert into ledger values ('a', 1, 1, 'held', 1, null, 'r', null, now())`,
  ],
  ['a key hash that is none', `insert into api_keys values ('system', 'k', 'user', 'short', 'n')`],
  ['a second head of the stream', `insert into stream_head (seq) values (1)`],
];

test.each(CHECKS)('the database refuses %s', async (_, statement) => {
  await expect(client.query(statement)).rejects.toThrow(/violates (check|unique|not-null)/);
});

test('a past day of the journal can be dropped, and only that', async () => {
  await client.query(`create table journal_20200101 partition of journal
    for values from ('2020-01-01 00:00+00') to ('2020-01-02 00:00+00')`);
  await client.query(`insert into journal values
    ('a', 'job', 'j', 1, '2020-01-01 12:00+00', '{}', '', 's', '{}', '[]', 'b')`);
  await expect(client.query('delete from journal_20200101')).rejects.toThrow('only inserted');
  const { rows } = await client.query(
    `select drop_journal_partitions(clock_timestamp() - interval '30 days') as name`,
  );
  expect(rows).toEqual([{ name: 'journal_20200101' }]);
  expect((await client.query('select 1 from journal')).rowCount).toBe(0);
});

test('a day that began in the default partition stays there', async () => {
  await client.query('begin');
  const { rows: days } = await client.query<{ name: string }>(`select 'journal_'
    || to_char((clock_timestamp() at time zone 'UTC')::date + 1, 'YYYYMMDD') as name`);
  await client.query(`drop table ${days[0]?.name}`);
  await client.query(`insert into journal values ('a', 'job', 'j', 1,
    clock_timestamp() + interval '1 day', '{}', '', 's', '{}', '[]', 'b')`);
  const { rows } = await client.query('select create_journal_partitions(1) as made');
  expect(rows).toEqual([{ made: 0 }]);
  await client.query('rollback');
});
