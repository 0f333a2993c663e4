// Statements are planned once per connection, often while tables are still empty. These are the plans they
// must keep for ever: by key, never by walking a table or an index.
import pg from 'pg';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { SetName } from './commit-rows.ts';
import { commitStatement } from './commit-statement.ts';
import { PLANNING } from './connections.ts';
import * as statements from './store-statements.ts';
import { testDatabase } from './testing.ts';

const database = await testDatabase();
const client = new pg.Client({ connectionString: database.url });
client.on('error', () => undefined);

beforeAll(async () => {
  await client.connect();
  for (const [name, value] of Object.entries(PLANNING)) {
    await client.query('select set_config($1, $2, false)', [name, value]);
  }
});
afterAll(async () => {
  await client.end();
  await database.drop();
});

let plans = 0;

async function planOf(text: string): Promise<string> {
  const name = `plan_${(plans += 1)}`;
  await client.query(`prepare ${name} as ${text}`);
  const parameters = Math.max(0, ...[...text.matchAll(/\$(\d+)/g)].map(([, n]) => Number(n)));
  const values = parameters === 0 ? '' : `(${Array<string>(parameters).fill('null').join()})`;
  const { rows } = await client.query<{ line: string }>(
    `explain (costs off) execute ${name}${values}`,
  );
  return rows.map((row) => Object.values(row)[0]).join('\n');
}

/** Scans of a table as `index: condition`. */
const scansOf = (plan: string): string[] =>
  [
    ...plan.matchAll(
      /(?:Seq Scan on|Scan(?: Backward)? using) (\w+)[^\n]*(?:\n\s+Index Cond: (.*))?/g,
    ),
  ].map(([, index, condition]) => `${index}: ${condition ?? 'everything'}`);

const byActor = (row: string, id = 'id', its = 'actor_id') =>
  `((account_id = ${row}.account_id) AND (kind = ${row}.kind) AND (${id} = ${row}.${its}))`;

test('the commit, with every row set', async () => {
  const sets: readonly SetName[] = [
    'actors',
    'fences',
    'journal',
    'armed',
    'cancelled',
    'ledger',
    'outbox',
    'stream',
    'parked',
  ];
  expect(scansOf(await planOf(commitStatement(sets).text))).toEqual([
    `actors_pkey: ${byActor('w')}`,
    'leases_pkey: (name = f.name)',
    `archive_pkey: ${byActor('w_1')}`,
    `actors_pkey: ${byActor('k')}`,
    `timers_pkey: ${byActor('r_5', 'actor_id').replace(/\)$/, ' AND (name = r_5.name))')}`,
    'stream_head: everything',
    `actors_pkey: ${byActor('p')}`,
  ]);
});

test.each([
  ['load', statements.LOAD, [`actors_pkey: ${byActor('r', 'id', 'id')}`]],
  ['loadArchived', statements.LOAD_ARCHIVED, [`archive_pkey: ${byActor('r', 'id', 'id')}`]],
  ['listWithout settled', statements.LIST_OPEN, ['actors_open: (kind = $1)']],
  [
    'dueTimers',
    statements.DUE_TIMERS,
    ['timers_due: (due_at <= (InitPlan 1).col1)', `actors_pkey: ${byActor('t')}`],
  ],
  ['nextTimer', statements.NEXT_TIMER, ['timers_due: everything', `actors_pkey: ${byActor('t')}`]],
  ['outbox', statements.OUTBOX, ['outbox_waiting: (destination = ANY ($1))']],
  [
    'outboxDelivered',
    statements.OUTBOX_DELIVERED,
    ['outbox_pkey: ((account_id = r.account_id) AND (id = r.id))'],
  ],
  ['readStream', statements.READ_STREAM, ['stream_by_seq: (seq > $1)']],
  [
    'readStream of an account',
    statements.READ_STREAM_OF_ACCOUNT,
    ['stream_pkey: ((account_id = $1) AND (seq > $2))'],
  ],
  ['streamEntries', statements.STREAM_ENTRIES, ['stream_by_seq: (seq > $1)']],
  ['streamHead', statements.STREAM_HEAD, ['stream_head: everything']],
  ['releaseLease', statements.RELEASE_LEASE, ['leases_pkey: (name = $1)']],
  [
    'learned',
    statements.LEARNED,
    [
      "learned_news: ((subject = $1) AND (updated_at > to_timestamp(($2 / '1000'::double precision))))",
    ],
  ],
])('%s', async (_, statement, scans) => {
  const plan = await planOf(statement.text);
  expect(scansOf(plan)).toEqual(scans);
  // Only the outbox is sorted: what waits for a destination is little.
  expect(/\bSort\b/.test(plan)).toBe(statement === statements.OUTBOX);
});
