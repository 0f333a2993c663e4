// Jobs as their owner lists them. The snapshot is JSON text: what a job looks like is not known here.
import { type DatabasePool, sql } from 'slonik';
import { z } from 'zod';
import { decodeCursor, type Page, pageOf } from './cursor.ts';

const jobRow = z.object({
  id: z.string(),
  machine: z.string(),
  version: z.number(),
  revision: z.number(),
  state: z.string(),
  tags: z.array(z.string()),
  snapshot: z.string(),
  createdAt: z.number(),
  updatedAt: z.number(),
});
export type JobRow = z.infer<typeof jobRow>;

// The birth in microseconds, as text: a list must go on exactly where it stopped.
const listedRow = jobRow.extend({ bornAt: z.string().regex(/^\d+$/) });
const listPlace = z.tuple([z.string().regex(/^\d{1,17}$/), z.string().max(100)]);

const COLUMNS = sql.fragment`id, machine, version, revision, state, tags, snapshot,
  created_at as "createdAt", updated_at as "updatedAt"`;

export const findJob = (
  pool: DatabasePool,
  accountId: string,
  id: string,
): Promise<JobRow | null> =>
  pool.maybeOne(sql.type(jobRow)`
    select ${COLUMNS} from actors where account_id = ${accountId} and kind = 'job' and id = ${id}`);

export interface JobListQuery {
  readonly limit: number;
  readonly cursor?: string | null;
  /** Only jobs that carry this tag of their state, e.g. `settled`. */
  readonly tag?: string | null;
}

/** Newest first. Throws `InvalidCursor`. */
export async function listJobs(
  pool: DatabasePool,
  accountId: string,
  { limit, cursor = null, tag = null }: JobListQuery,
): Promise<Page<JobRow>> {
  const place = cursor === null ? null : decodeCursor(cursor, listPlace);
  const after =
    place === null
      ? sql.fragment``
      : sql.fragment`and (created_at, id) <
          (timestamptz 'epoch' + ${place[0]}::bigint * interval '1 microsecond', ${place[1]})`;
  const tagged = tag === null ? sql.fragment`` : sql.fragment`and tags @> array[${tag}]`;
  const rows = await pool.any(sql.type(listedRow)`
    select ${COLUMNS}, (extract(epoch from created_at) * 1000000)::bigint::text as "bornAt"
    from actors where account_id = ${accountId} and kind = 'job' ${after} ${tagged}
    order by created_at desc, id desc limit ${limit + 1}`);
  const page = pageOf(rows, limit, (last) => [last.bornAt, last.id]);
  return { ...page, rows: page.rows.map(({ bornAt: _, ...row }) => row) };
}
