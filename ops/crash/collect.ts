// Reads what a run has left behind: the tables, the files, the engines' diaries.
import { createHash } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import pg from 'pg';
import type { ActorRow, Evidence, OutputFile } from './evidence.ts';
import type { EngineLine, Seen } from './history.ts';

export type Books = Pick<
  Evidence,
  'actors' | 'journal' | 'ledger' | 'stream' | 'streamHead' | 'timers' | 'outbox' | 'parked'
>;

export async function withDatabase<T>(url: string, use: (client: pg.Client) => Promise<T>) {
  const client = new pg.Client({ connectionString: url });
  client.on('error', () => undefined);
  await client.connect();
  try {
    return await use(client);
  } finally {
    await client.end();
  }
}

// `to_jsonb` where a column may be absent: a message that is kept after its delivery says so.
const UNDELIVERED = `select id, destination from outbox o where to_jsonb(o)->>'delivered_at' is null`;

export async function readBooks(client: pg.Client): Promise<Books> {
  const read = async <Row extends object>(text: string): Promise<Row[]> =>
    (await client.query<Row>(text)).rows;
  const actors = await read<Omit<ActorRow, 'context'> & { snapshot: string }>(
    `select account_id as account, kind, id, revision::float8, state, settled, snapshot from actors`,
  );
  const [head] = await read<{ seq: number }>('select seq::float8 from stream_head');
  return {
    actors: actors.map(({ snapshot, ...row }) => ({
      ...row,
      context: (JSON.parse(snapshot) as { context: unknown }).context,
    })),
    journal: await read(
      `select account_id as account, kind, actor_id as id, revision::float8, to_state as "to" from journal`,
    ),
    ledger: await read(
      `select account_id as account, posting::float8, book, amount_mt::float8 as "amountMt",
         balance_mt::float8 as "balanceMt", job_id as job from ledger`,
    ),
    stream: await read(
      `select seq::float8, account_id as account, job_id as job, payload::json->>'state' as state
       from stream order by seq`,
    ),
    streamHead: head?.seq ?? 0,
    timers: await read('select account_id as account, kind, actor_id as id, name from timers'),
    outbox: await read(UNDELIVERED),
    parked: await read('select id, reason from parked'),
  };
}

/** What is still on its way once every job has ended: orders, receipts, numbers of the stream. */
export async function stillOnItsWay(client: pg.Client): Promise<number> {
  const { rows } = await client.query<{ count: number }>(
    `select (select count(*) from (${UNDELIVERED}) as waiting)::int
       + (select count(*) from stream where seq is null)::int
       + (select count(*) from actors where kind = 'job' and not settled)::int
       + (select count(*) from actors where kind = 'worker' and tags @> '{busy}')::int as count`,
  );
  return rows[0]?.count ?? 0;
}

/** The newest event of each account: where its subscriber must arrive. */
export async function newestSeqs(client: pg.Client): Promise<Map<string, number>> {
  const { rows } = await client.query<{ account: string; seq: number }>(
    'select account_id as account, max(seq)::float8 as seq from stream group by account_id',
  );
  return new Map(rows.map(({ account, seq }) => [account, seq]));
}

export function readDiary(file: string): EngineLine[] {
  if (!existsSync(file)) return [];
  const lines = readFileSync(file, 'utf8').split('\n').filter(Boolean);
  return lines.map((line) => JSON.parse(line) as EngineLine);
}

interface Delivered {
  readonly run: { readonly outputs: readonly { readonly blob: string; readonly bytes: number }[] };
}

/** Every file that a succeeded job promises, looked up under its name in the blob store. */
export function readOutputs(actors: readonly ActorRow[], home: string): OutputFile[] {
  const succeeded = actors.filter(({ kind, state }) => kind === 'job' && state === 'succeeded');
  return succeeded.flatMap(({ id: job, context }) =>
    (context as Delivered).run.outputs.map(({ blob, bytes }) => {
      const digest = blob.replace('sha256:', '');
      const path = join(home, 'blobs', 'sha256', digest.slice(0, 2), digest.slice(2, 4), digest);
      return { job, blob, bytes, found: existsSync(path) ? describe(readFileSync(path)) : null };
    }),
  );
}

const describe = (file: Buffer): NonNullable<OutputFile['found']> => ({
  bytes: file.byteLength,
  sha256: createHash('sha256').update(file).digest('hex'),
  // The fast engine's first line.
  madeFor: file.subarray(0, 100).toString('utf8').split('\n')[0] ?? '',
});

export function assemble(
  seen: readonly Seen[],
  diaries: readonly string[],
  home: string,
  books: Books,
): Evidence {
  const engines = diaries.flatMap(readDiary);
  return { seen, engines, outputs: readOutputs(books.actors, home), ...books };
}
