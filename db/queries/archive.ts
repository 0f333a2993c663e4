// Jobs that ended long ago move from `actors` to `archive`, in two steps: first they are in both, a while
// later they leave `actors`. So a commit that was under way meets them in one of the two, and a crash in
// between costs nothing: either step may be repeated by anybody.
import { type CommonQueryMethods, sql } from 'slonik';
import { z } from 'zod';
import type { ActorRef } from '../../machines/contract/ids.ts';
import { pack, unpack } from '../archived.ts';
import { agoOf } from './retention.ts';

const ended = z.object({
  accountId: z.string(),
  kind: z.string(),
  id: z.string(),
  revision: z.number(),
  snapshot: z.string(),
  /** JSON text: the job's rows of the journal, in order. */
  journal: z.string(),
  /** In microseconds since 1970, as text: a sweep goes on exactly where it stopped. */
  bornAt: z.string(),
});
type Ended = z.infer<typeof ended>;

const DAY_MS = 86_400_000;
const moved = z.object({ id: z.string() });

export interface Archiving {
  /** Since the job's last turn. */
  readonly ageMs: number;
  /** Files of its inputs and outputs are kept this long after it, where the job itself says nothing. */
  readonly filesKeptMs: number;
  readonly limit: number;
  /** Where the last slice of this sweep ended; null at first. */
  readonly after: string | null;
}

/** Copies a slice of ended jobs, oldest first. Answers how many, and where the next slice begins. */
export async function archiveEnded(
  pool: CommonQueryMethods,
  { ageMs, filesKeptMs, limit, after }: Archiving,
): Promise<{ readonly archived: number; readonly next: string | null }> {
  const rows = await pool.any(sql.type(ended)`
    select a.account_id as "accountId", a.kind, a.id, a.revision, a.snapshot,
      (extract(epoch from a.created_at) * 1000000)::bigint::text as "bornAt",
      (select coalesce(json_agg(json_build_object('revision', j.revision,
          'at', floor(extract(epoch from j.at) * 1000), 'event', j.event, 'from', j.from_state,
          'to', j.to_state, 'patch', j.patch, 'effects', j.effects, 'batchId', j.batch_id)
          order by j.revision), '[]')::text
        from journal j
        where j.account_id = a.account_id and j.kind = a.kind and j.actor_id = a.id
          and j.at between a.created_at and a.updated_at) as journal
    from actors a
    where a.kind = 'job' and a.settled and a.parked_at is null
      and a.created_at < ${agoOf(ageMs)} and a.updated_at < ${agoOf(ageMs)}
      ${after === null ? sql.fragment`` : sql.fragment`and a.created_at >= ${timeOf(after)}`}
      and not exists (select 1 from archive x
        where x.account_id = a.account_id and x.kind = a.kind and x.id = a.id)
    order by a.created_at limit ${limit}`);
  if (rows.length > 0) await insert(pool, rows, filesKeptMs);
  const last = rows.length === limit ? rows.at(-1) : undefined;
  return { archived: rows.length, next: last?.bornAt ?? null };
}

const timeOf = (bornAt: string) =>
  sql.fragment`timestamptz 'epoch' + ${bornAt}::bigint * interval '1 microsecond'`;

/** The row and its files' new date in one statement: a file never outlives its job's promise by accident. */
async function insert(
  pool: CommonQueryMethods,
  rows: readonly Ended[],
  filesKeptMs: number,
): Promise<void> {
  const packed = rows.map(({ accountId, kind, id, revision, snapshot, journal }) => [
    ...[accountId, kind, id, revision],
    pack(snapshot).toString('base64'),
    pack(journal).toString('base64'),
  ]);
  const files = rows.flatMap(({ accountId, id, snapshot }) =>
    [...new Set(snapshot.match(FILE) ?? [])].map((file) => [
      ...[accountId, id, file],
      keptMs(snapshot) ?? filesKeptMs,
    ]),
  );
  await pool.query(sql.type(z.object({}))`
    with packed as (
      select * from ${sql.unnest(packed, ['text', 'text', 'text', 'int8', 'text', 'text'])}
        as p (account_id, kind, id, revision, snapshot, journal)
    ),
    files as (
      select account_id, file, max(updated_at + kept_ms * interval '1 millisecond') as until
      from ${sql.unnest(files, ['text', 'text', 'text', 'float8'])} as f (account_id, job_id, file, kept_ms)
      join actors a using (account_id) where a.kind = 'job' and a.id = f.job_id
      group by account_id, file
    ),
    kept as (
      update blobs b set kept_until = greatest(b.kept_until, f.until), promised = true
      from files f where b.account_id = f.account_id and b.id = f.file
    )
    insert into archive (account_id, kind, id, machine, version, revision, state, tags, snapshot,
      journal, created_at, updated_at)
    select a.account_id, a.kind, a.id, a.machine, a.version, a.revision, a.state, a.tags,
      decode(p.snapshot, 'base64'), decode(p.journal, 'base64'), a.created_at, a.updated_at
    from packed p join actors a
      on a.account_id = p.account_id and a.kind = p.kind and a.id = p.id and a.revision = p.revision
    on conflict do nothing`);
}

/** Inputs and outputs, whatever the chart's version calls them. */
const FILE = /sha256:[0-9a-f]{64}/g;

/** As the job was promised when it was taken, whatever its person's plan has become. A prompt escapes its quotes. */
function keptMs(snapshot: string): number | null {
  const days = /[{,]"filesKeptDays":(\d{1,4})[,}]/.exec(snapshot)?.[1];
  return days === undefined ? null : Number(days) * DAY_MS;
}

interface Removing {
  /** As when they were archived: younger ones need not be looked at. */
  readonly ageMs: number;
  /** Since they were archived. */
  readonly graceMs: number;
  readonly limit: number;
}

/** Takes a slice of archived jobs out of `actors`; answers how many. */
export async function removeArchived(
  pool: CommonQueryMethods,
  { ageMs, graceMs, limit }: Removing,
): Promise<number> {
  const rows = await pool.any(sql.type(moved)`
    delete from actors a using (
      select o.account_id, o.kind, o.id, x.revision
      from actors o join archive x
        on x.account_id = o.account_id and x.kind = o.kind and x.id = o.id
      where o.kind = 'job' and o.settled and o.parked_at is null
        and o.created_at < ${agoOf(ageMs)}
        and x.archived_at < ${agoOf(graceMs)}
      order by o.created_at limit ${limit}
    ) as done
    where a.account_id = done.account_id and a.kind = done.kind and a.id = done.id
      and a.revision = done.revision and a.settled
    returning a.id`);
  return rows.length;
}

const history = z.object({ journal: z.instanceof(Buffer) });
const turns = z.array(
  z.object({
    revision: z.number(),
    at: z.number(),
    event: z.string(),
    from: z.string(),
    to: z.string(),
    patch: z.string(),
    effects: z.string(),
    batchId: z.string(),
  }),
);

/** The turns of an archived actor, oldest first; null when it is not archived. */
export async function findArchivedJournal(
  pool: CommonQueryMethods,
  { accountId, kind, id }: ActorRef,
): Promise<z.infer<typeof turns> | null> {
  const row = await pool.maybeOne(sql.type(history)`
    select journal from archive
    where account_id = ${accountId} and kind = ${kind} and id = ${id}`);
  return row && turns.parse(JSON.parse(unpack(row.journal)));
}
