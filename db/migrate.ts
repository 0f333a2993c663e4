// Brings a database up to the code: runs the numbered files of `migrations/` that it has not seen, each in
// a transaction of its own. Files that were applied are frozen; a change is a new file.
import { createHash } from 'node:crypto';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import pg from 'pg';

export interface Migration {
  readonly number: number;
  readonly name: string;
  readonly checksum: string;
  readonly text: string;
}

const FOLDER = join(import.meta.dirname, 'migrations');

// Any number will do, as long as every runner uses the same.
const LOCK = 7_355_608;

/** Days whose journal partitions exist ahead of time. */
export const JOURNAL_DAYS_AHEAD = 7;

export async function readMigrations(folder: string = FOLDER): Promise<readonly Migration[]> {
  const names = (await readdir(folder)).filter((name) => name.endsWith('.sql')).sort();
  const migrations = await Promise.all(
    names.map(async (name) => {
      const text = await readFile(join(folder, name), 'utf8');
      const checksum = createHash('sha256').update(text).digest('hex');
      return { number: Number.parseInt(name, 10), name, checksum, text };
    }),
  );
  migrations.forEach(({ number, name }, index) => {
    if (!/^\d{4}_/.test(name) || number === migrations[index - 1]?.number) {
      throw new Error(`Migrations are numbered 0001, 0002, ... each once; ${name} is not.`);
    }
  });
  return migrations;
}

/** Answers the names of the files it applied. Safe to call from several processes at once. */
export async function migrate(url: string, folder: string = FOLDER): Promise<readonly string[]> {
  const migrations = await readMigrations(folder);
  const client = new pg.Client({ connectionString: url, connectionTimeoutMillis: 10_000 });
  client.on('error', () => undefined);
  await client.connect().catch((error: unknown) => {
    throw new Error(whyNotConnected(client, error), { cause: error });
  });
  try {
    // Held until the connection ends: a second runner waits here and then finds nothing to do.
    await client.query('select pg_advisory_lock($1)', [LOCK]);
    await client.query(`create table if not exists migrations (
      number integer not null check (number >= 1),
      name text not null,
      checksum text not null,
      applied_at timestamptz not null default clock_timestamp(),
      constraint migrations_pkey primary key (number)
    )`);
    const applied = await client.query<{ number: number; name: string; checksum: string }>(
      'select number, name, checksum from migrations order by number',
    );
    refuseDifference(migrations, applied.rows);
    // By number and not by place: branches that were merged later may carry lower numbers.
    const done = new Set(applied.rows.map(({ number }) => number));
    const fresh = migrations.filter(({ number }) => !done.has(number));
    for (const migration of fresh) await apply(client, migration);
    if (folder === FOLDER) {
      // At every start, so that the journal has its days even where no sweeper has run yet.
      await client.query('select create_journal_partitions($1)', [JOURNAL_DAYS_AHEAD]);
    }
    return fresh.map(({ name }) => name);
  } finally {
    await client.end();
  }
}

function refuseDifference(
  migrations: readonly Migration[],
  applied: readonly { number: number; name: string; checksum: string }[],
): void {
  const byNumber = new Map(migrations.map((migration) => [migration.number, migration]));
  for (const row of applied) {
    const known = byNumber.get(row.number);
    if (known === undefined) {
      throw new Error(
        `The database is newer than this release: it has migration ${row.name}, which this code does ` +
          'not know. Start the newer release, or restore a backup made before the upgrade.',
      );
    }
    if (row.checksum !== known.checksum) {
      throw new Error(
        `Migration ${known.name} differs from what was applied to this database as ${row.name}. ` +
          'Applied files never change: put the file back and write a new one.',
      );
    }
  }
}

async function apply(client: pg.Client, migration: Migration): Promise<void> {
  const { number, name, checksum, text } = migration;
  await client.query('begin');
  try {
    await client.query(text);
    await client.query('insert into migrations (number, name, checksum) values ($1, $2, $3)', [
      number,
      name,
      checksum,
    ]);
    await client.query('commit');
  } catch (cause) {
    await client.query('rollback').catch(() => undefined);
    throw new Error(`Migration ${name} failed and was undone: ${(cause as Error).message}`, {
      cause,
    });
  }
}

/** Where it was tried, and never the password; what Node says of `localhost` alone has no text at all. */
function whyNotConnected({ host, port, database }: pg.Client, error: unknown): string {
  const [first = error] = error instanceof AggregateError ? (error.errors as unknown[]) : [];
  const reason = first instanceof Error ? first.message : String(first);
  return (
    `The database ${database ?? ''} at ${host}:${port} cannot be used: ${reason}. ` +
    'Is PostgreSQL running there, and is DATABASE_URL right?'
  );
}
