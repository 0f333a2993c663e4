// Results that somebody may not see, and asked to have looked at again by a person.
import { type DatabasePool, sql } from 'slonik';
import { z } from 'zod';

const nothing = z.object({});
const appealRow = z.object({
  accountId: z.string(),
  jobId: z.string(),
  reason: z.string(),
  askedAt: z.number(),
  decidedAt: z.number().nullable(),
  granted: z.boolean().nullable(),
  answer: z.string().nullable(),
});
export type Appeal = z.infer<typeof appealRow>;

const appeal = sql.fragment`account_id as "accountId", job_id as "jobId", reason, asked_at as "askedAt",
  decided_at as "decidedAt", granted, answer`;

/** @returns as it stands: asked again, it is the same one */
export async function insertAppeal(
  pool: DatabasePool,
  { accountId, jobId, reason }: Pick<Appeal, 'accountId' | 'jobId' | 'reason'>,
): Promise<Appeal> {
  await pool.query(sql.type(nothing)`
    insert into appeals (account_id, job_id, reason) values (${accountId}, ${jobId}, ${reason})
    on conflict do nothing`);
  return (await findAppeal(pool, accountId, jobId))!;
}

export const findAppeal = (
  pool: DatabasePool,
  accountId: string,
  jobId: string,
): Promise<Appeal | null> =>
  pool.maybeOne(sql.type(appealRow)`
    select ${appeal} from appeals where account_id = ${accountId} and job_id = ${jobId}`);

export const isGranted = (pool: DatabasePool, accountId: string, jobId: string): Promise<boolean> =>
  pool.exists(sql.type(nothing)`
    select 1 from appeals where account_id = ${accountId} and job_id = ${jobId} and granted`);

/** Those that wait, the longest waiting first. */
export const listWaitingAppeals = (pool: DatabasePool, limit: number): Promise<readonly Appeal[]> =>
  pool.any(sql.type(appealRow)`
    select ${appeal} from appeals where decided_at is null order by asked_at, job_id limit ${limit}`);

/** Writes down who decided, and takes the strike back where it was granted. @returns null: none waits there */
export function decideAppeal(
  pool: DatabasePool,
  decision: {
    readonly accountId: string;
    readonly jobId: string;
    readonly granted: boolean;
    readonly answer: string;
    readonly by: string;
  },
): Promise<Appeal | null> {
  const { accountId, jobId, granted, answer, by } = decision;
  const details = JSON.stringify({ account: accountId, job: jobId, granted: String(granted) });
  return pool.maybeOne(sql.type(appealRow)`
    with decided as (
      update appeals set decided_at = clock_timestamp(), granted = ${granted}, decided_by = ${by},
        answer = ${answer}
      where account_id = ${accountId} and job_id = ${jobId} and decided_at is null
      returning *
    ),
    lifted as (
      update strikes s set lifted_at = clock_timestamp() from decided d
      where d.granted and s.account_id = d.account_id and s.job_id = d.job_id
    ),
    noted as (
      insert into audit (account_id, done_by, action, details)
      select 'system', ${by}, 'appeal.decided', ${details} from decided
    )
    select ${appeal} from decided`);
}
