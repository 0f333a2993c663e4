// A figure counts only if the books are right: every job ended, was charged once, left no timer and no hold,
// and every turn is in the journal.
import pg from 'pg';

export async function ask<Row extends pg.QueryResultRow>(
  url: string,
  text: string,
  values: readonly unknown[] = [],
): Promise<Row[]> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    return (await client.query<Row>(text, [...values])).rows;
  } finally {
    await client.end();
  }
}

// Bigint columns would come as text: every figure is small enough for a float.
const BOOKS = `select
  (select count(*)::float8 from actors where kind = 'job') as jobs,
  (select count(*)::float8 from actors where kind = 'job' and state = 'succeeded') as succeeded,
  (select count(*)::float8 from ledger where book = 'system:spent') as charged,
  (select count(distinct job_id)::float8 from ledger where book = 'system:spent') as "jobsCharged",
  (select coalesce(sum(amount_mt), 0)::float8 from ledger) as "ledgerSum",
  (select coalesce(sum(amount_mt), 0)::float8 from ledger where book = 'held') as held,
  (select count(*)::float8 from timers where kind = 'job') as timers,
  (select count(*)::float8 from parked) as parked,
  (select sum(revision)::float8 from actors) as turns,
  (select count(*)::float8 from journal) as journal,
  (select count(*)::float8 from (select distinct account_id, kind, actor_id, revision from journal) j)
    as "journalDistinct"`;

export type Books = Readonly<Record<string, number>>;

/** What there must be after so many jobs have all succeeded. */
const expected = (jobs: number, { turns }: Books): Books => ({
  ...{ jobs, succeeded: jobs, charged: jobs, jobsCharged: jobs },
  ...{ ledgerSum: 0, held: 0, timers: 0, parked: 0 },
  ...{ journal: turns!, journalDistinct: turns! },
});

/** @throws with everything that is not as it must be. @returns the turns that were taken */
export async function checkBooks(url: string, jobs: number): Promise<number> {
  const [found] = (await ask<Record<string, number>>(url, BOOKS)) as [Books];
  const wrong = Object.entries(expected(jobs, found)).filter(
    ([name, value]) => found[name] !== value,
  );
  if (wrong.length === 0) return found['turns']!;
  const sentences = wrong.map(([name, value]) => `${name} is ${found[name]}, not ${value}`);
  throw new Error(`The books are wrong after ${jobs} jobs: ${sentences.join('; ')}.`);
}
