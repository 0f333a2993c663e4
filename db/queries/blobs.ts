// Which files an account may read, and until when they are kept. The bytes lie elsewhere, under the content's
// hash.
import { type CommonQueryMethods, type DatabasePool, sql } from 'slonik';
import { z } from 'zod';
import { looks, type Looks } from '../../machines/contract/media.ts';

const blobRow = z.object({
  id: z.string(),
  bytes: z.number(),
  mediaType: z.string(),
  createdAt: z.number(),
});
export type BlobRow = z.infer<typeof blobRow>;

const nothing = z.object({});
const named = z.object({ id: z.string() });
const sized = z.object({ bytes: z.number().nullable() });

/** What nobody used yet is kept this long: longer than a job takes to be archived with its files. */
const KEPT = sql.fragment`clock_timestamp() + interval '7 days'`;

/** The same content again keeps the first row: its media type does not change under a reader. */
export async function insertBlob(
  pool: DatabasePool,
  accountId: string,
  blob: Pick<BlobRow, 'id' | 'bytes' | 'mediaType'>,
): Promise<void> {
  await pool.query(sql.type(nothing)`
    insert into blobs as b (account_id, id, bytes, media_type)
    values (${accountId}, ${blob.id}, ${blob.bytes}, ${blob.mediaType})
    on conflict (account_id, id) do update set kept_until = greatest(b.kept_until, ${KEPT})`);
}

export const findBlob = (
  pool: DatabasePool,
  accountId: string,
  id: string,
): Promise<BlobRow | null> =>
  pool.maybeOne(sql.type(blobRow)`
    select id, bytes, media_type as "mediaType", created_at as "createdAt"
    from blobs where account_id = ${accountId} and id = ${id}`);

/** Of the account's file of this name, its size; null where it has none. In the order of what was asked. */
export async function sizesOfBlobs(
  pool: DatabasePool,
  blobs: readonly { readonly accountId: string; readonly id: string }[],
): Promise<readonly (number | null)[]> {
  const keys = sql.unnest(
    blobs.map(({ accountId, id }) => [accountId, id]),
    ['text', 'text'],
  );
  const rows = await pool.any(sql.type(sized)`
    select b.bytes from ${keys} with ordinality as k (account_id, id, n)
    left join blobs b on b.account_id = k.account_id and b.id = k.id
    order by k.n`);
  return rows.map(({ bytes }) => bytes);
}

/** Finds it for a job that is about to name it: from here to there it must not be collected. */
export async function findBlobToUse(
  pool: DatabasePool,
  accountId: string,
  id: string,
): Promise<BlobRow | null> {
  await pool.query(sql.type(nothing)`
    update blobs set kept_until = ${KEPT}
    where account_id = ${accountId} and id = ${id}
      and kept_until < clock_timestamp() + interval '1 day'`);
  return findBlob(pool, accountId, id);
}

/**
 * Forgets a slice of the files whose time is over, and gives those that a job still names another day.
 * Answers how many were forgotten, and how many were looked at.
 */
export async function deleteExpiredBlobs(
  pool: CommonQueryMethods,
  limit: number,
): Promise<{ readonly deleted: number; readonly seen: number }> {
  const counts = z.object({ deleted: z.number(), seen: z.number() });
  return pool.one(sql.type(counts)`
    with over as materialized (
      select b.account_id, b.id, exists (
        select 1 from actors a
        where a.account_id = b.account_id and a.kind = 'job' and position(b.id in a.snapshot) > 0
      ) as is_named
      from blobs b where b.kept_until < clock_timestamp() order by b.kept_until limit ${limit}
    ),
    renewed as (
      update blobs b set kept_until = clock_timestamp() + interval '1 day'
      from over o where o.is_named and b.account_id = o.account_id and b.id = o.id
    ),
    -- Asked again of the row itself: somebody may have found it to use it meanwhile.
    deleted as (
      delete from blobs b using over o
      where not o.is_named and b.account_id = o.account_id and b.id = o.id
        and b.kept_until < clock_timestamp()
      returning 1
    )
    select (select count(*) from deleted) as deleted, (select count(*) from over) as seen`);
}

/**
 * The account has these files no more; the sweep collects their bytes when nobody has them.
 * @returns false, and nothing is changed, when another of its jobs names one of them
 */
export async function forgetBlobs(
  pool: DatabasePool,
  accountId: string,
  jobId: string,
  ids: readonly string[],
): Promise<boolean> {
  const counts = z.object({ used: z.boolean() });
  const names = sql.array(ids, 'text');
  const { used } = await pool.one(sql.type(counts)`
    with held as materialized (
      select exists (
        select 1 from actors a, unnest(${names}) as i (id)
        where a.account_id = ${accountId} and a.kind = 'job' and a.id <> ${jobId}
          and position(i.id in a.snapshot) > 0
      ) as used
    ),
    gone as (
      delete from blobs b using held h
      where not h.used and b.account_id = ${accountId} and b.id = any(${names})
    )
    select used from held`);
  return !used;
}

/** Of these files, those that nobody has. */
export async function listUnowned(
  pool: CommonQueryMethods,
  ids: readonly string[],
): Promise<readonly string[]> {
  const rows = await pool.any(sql.type(named)`
    select id from ${sql.unnest(
      ids.map((id) => [id]),
      ['text'],
    )} as f (id)
    where not exists (select 1 from blobs b where b.id = f.id)`);
  return rows.map(({ id }) => id);
}

const looksRow = z.object({ looks: z.string().nullable() });

/** Null where nobody has looked at it yet. */
export async function findLooks(
  pool: DatabasePool,
  accountId: string,
  id: string,
): Promise<Looks | null> {
  const row = await pool.maybeOne(sql.type(looksRow)`
    select looks from blobs where account_id = ${accountId} and id = ${id}`);
  return row?.looks ? looks.parse(JSON.parse(row.looks)) : null;
}

export async function noteLooks(
  pool: DatabasePool,
  accountId: string,
  id: string,
  seen: Looks,
): Promise<void> {
  await pool.query(sql.type(nothing)`
    update blobs set looks = ${JSON.stringify(seen)} where account_id = ${accountId} and id = ${id}`);
}

const going = z.object({ count: z.number(), firstAt: z.number().nullable() });

/** Files that a job promised to keep, and not for much longer: how many, and when the first one goes. */
export async function findFilesGoing(
  pool: DatabasePool,
  accountId: string,
  withinMs: number,
): Promise<{ readonly count: number; readonly firstAt: number } | null> {
  const { count, firstAt } = await pool.one(sql.type(going)`
    select count(*) as count, min(kept_until) as "firstAt" from blobs
    where account_id = ${accountId} and promised
      and kept_until < clock_timestamp() + ${withinMs}::float8 * interval '1 millisecond'`);
  return firstAt === null ? null : { count, firstAt };
}
