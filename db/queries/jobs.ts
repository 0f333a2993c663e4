// Jobs as their owner lists them, archived ones among them. The snapshot is JSON text: what a job looks like
// is not known here.
import { type DatabasePool, sql } from 'slonik';
import { z } from 'zod';
import { unpack } from '../archived.ts';
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
const listedRow = jobRow.extend({
  snapshot: z.string().nullable(),
  packed: z.instanceof(Buffer).nullable(),
  bornAt: z.string().regex(/^\d+$/),
});
const listPlace = z.tuple([z.string().regex(/^\d{1,17}$/), z.string().max(100)]);

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
      : sql.fragment`and (j.created_at, j.id) <
          (timestamptz 'epoch' + ${place[0]}::bigint * interval '1 microsecond', ${place[1]})`;
  const tagged = tag === null ? sql.fragment`` : sql.fragment`and j.tags @> array[${tag}]`;
  const selected = sql.fragment`
    id, machine, version, revision, state, tags, created_at, updated_at,
    (extract(epoch from created_at) * 1000000)::bigint::text as "bornAt"`;
  const wanted = sql.fragment`
    j.account_id = ${accountId} and j.kind = 'job' ${after} ${tagged}`;
  const slice = sql.fragment`order by j.created_at desc, j.id desc limit ${limit + 1}`;
  // In one statement, so that a job on its way to the archive is seen, and seen once.
  const rows = await pool.any(sql.type(listedRow)`
    select *, created_at as "createdAt", updated_at as "updatedAt" from (
      (select ${selected}, snapshot, null::bytea as packed from actors j where ${wanted} ${slice})
      union all
      (select ${selected}, null, snapshot from archive j where ${wanted} and not exists (
        select 1 from actors a where a.account_id = j.account_id and a.kind = 'job' and a.id = j.id
      ) ${slice})
    ) as j order by j.created_at desc, j.id desc limit ${limit + 1}`);
  const page = pageOf(rows, limit, (last) => [last.bornAt, last.id]);
  return { ...page, rows: page.rows.map(asRow) };
}

const asRow = ({ bornAt: _, packed, snapshot, ...row }: z.infer<typeof listedRow>): JobRow => ({
  ...row,
  snapshot: snapshot ?? unpack(packed!),
});
