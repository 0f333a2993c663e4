// The store's statements beside the commit, each prepared under its name, and their rows.
import { type ActorKind, type ActorRef, jobRef } from '../machines/contract/ids.ts';
import { unpack } from './archived.ts';
import { type Column, columnParameters, columnSource } from './columns.ts';
import type { Statement } from './connections.ts';
import type { DueTimer, Learned, OutboxRow, StoredActor, StreamEntry, StreamRow } from './store.ts';

type Row = readonly unknown[];

const milliseconds = (time: string): string => `floor(extract(epoch from ${time}) * 1000)::float8`;

const refColumns: readonly Column<ActorRef>[] = [
  ['account_id', 'text', (r) => r.accountId],
  ['kind', 'text', (r) => r.kind],
  ['id', 'text', (r) => r.id],
];
export const refParameters = (refs: readonly ActorRef[]): string[] =>
  columnParameters(refColumns, refs);

const outboxColumns: readonly Column<{ readonly accountId: string; readonly id: string }>[] = [
  ['account_id', 'text', (r) => r.accountId],
  ['id', 'text', (r) => r.id],
];
export const outboxParameters = (
  rows: readonly { readonly accountId: string; readonly id: string }[],
): string[] => columnParameters(outboxColumns, rows);

const learnedColumns: readonly Column<Learned>[] = [
  ['account_id', 'text', (r) => r.accountId],
  ['subject', 'text', (r) => r.subject],
  ['id', 'text', (r) => r.id],
  ['seen', 'bigint', (r) => r.seen],
  ['facts', 'text', (r) => r.facts],
];
export const learnedParameters = (rows: readonly Learned[]): string[] =>
  columnParameters(learnedColumns, rows);

const ACTOR = `a.account_id, a.kind, a.id, a.machine, a.version, a.revision::float8, a.state,
  array_to_string(a.tags, ' '), a.snapshot, a.parked_at is not null,
  ${milliseconds('a.created_at')}, ${milliseconds('a.updated_at')}`;

export function storedActor(row: Row): StoredActor {
  return {
    ref: { accountId: row[0] as string, kind: row[1] as ActorKind, id: row[2] as string },
    machine: row[3] as string,
    version: row[4] as number,
    revision: row[5] as number,
    state: row[6] as string,
    tags: row[7] === '' ? [] : (row[7] as string).split(' '),
    snapshot: row[8] as string,
    parked: row[9] as boolean,
    createdAt: row[10] as number,
    updatedAt: row[11] as number,
  };
}

export const NOW: Statement = { name: 'now', text: `select ${milliseconds('clock_timestamp()')}` };

export const LOAD: Statement = {
  name: 'load',
  text: `select ${ACTOR} from ${columnSource(refColumns, 1)}
    join actors a on a.account_id = r.account_id and a.kind = r.kind and a.id = r.id`,
};

/** Ended long ago, and out of `actors`: the snapshot is packed. */
export const LOAD_ARCHIVED: Statement = {
  name: 'loadArchived',
  text: `select a.account_id, a.kind, a.id, a.machine, a.version, a.revision::float8, a.state,
      array_to_string(a.tags, ' '), a.snapshot, false,
      ${milliseconds('a.created_at')}, ${milliseconds('a.updated_at')}
    from ${columnSource(refColumns, 1)}
    join archive a on a.account_id = r.account_id and a.kind = r.kind and a.id = r.id`,
};

export const archivedActor = (row: Row): StoredActor =>
  storedActor(row.with(8, unpack(row[8] as Buffer)));

export const COMMITTED: Statement = {
  name: 'committed',
  text: `select 1 from journal where account_id = $1 and kind = $2 and actor_id = $3
    and revision = $4 and batch_id = $5`,
};

/** Ends a backend and waits until it is gone. No row: it was gone already. */
export const END_BACKEND: Statement = {
  name: 'endBackend',
  text: `select pg_terminate_backend(pid, $3::bigint) from pg_stat_activity
    where pid = $1 and backend_start = $2::timestamptz`,
};

/** The same as LIST_WITHOUT 'settled', in the words that its index understands. */
export const LIST_OPEN: Statement = {
  name: 'listOpen',
  text: `select ${ACTOR} from actors a where a.kind = $1 and not a.settled`,
};

export const LIST_WITHOUT: Statement = {
  name: 'listWithout',
  text: `select ${ACTOR} from actors a where a.kind = $1 and not (a.tags @> array[$2::text])`,
};

// The timers of a parked actor wait until it is released; else they would be due for ever. Asked by a
// subquery and not by a join, because a join may be begun from the actors: all of them.
const NOT_PARKED = `(select a.parked_at from actors a
    where a.account_id = t.account_id and a.kind = t.kind and a.id = t.actor_id) is null`;

// The clock in a subquery: an index cannot be searched by a function that changes from row to row.
export const DUE_TIMERS: Statement = {
  name: 'dueTimers',
  text: `select t.account_id, t.kind, t.actor_id, t.name, t.arming_id::float8 from timers t
    where t.due_at <= (select clock_timestamp()) and ${NOT_PARKED} order by t.due_at limit $1`,
};

export const dueTimer = (row: Row): DueTimer => ({
  ref: { accountId: row[0] as string, kind: row[1] as ActorKind, id: row[2] as string },
  name: row[3] as string,
  armingId: row[4] as number,
});

export const NEXT_TIMER: Statement = {
  name: 'nextTimer',
  text: `select greatest(0, ceil(extract(epoch from t.due_at - clock_timestamp()) * 1000))::float8
    from timers t where ${NOT_PARKED} order by t.due_at limit 1`,
};

export const OUTBOX: Statement = {
  name: 'outbox',
  text: `select account_id, id, destination, payload from outbox
    where destination = any($1::text[]) order by position limit $2`,
};

export const outboxRow = (row: Row): OutboxRow => ({
  accountId: row[0] as string,
  id: row[1] as string,
  destination: row[2] as string,
  payload: row[3] as string,
});

export const OUTBOX_DELIVERED: Statement = {
  name: 'outboxDelivered',
  text: `delete from outbox o using ${columnSource(outboxColumns, 1)}
    where o.account_id = r.account_id and o.id = r.id`,
};

// Ordered by the column, not by its output, which would be sorted anew.
const STREAM = 'select s.seq::float8, s.account_id, s.job_id, s.payload from stream s';

export const READ_STREAM: Statement = {
  name: 'readStream',
  text: `${STREAM} where s.seq > $1 order by s.seq limit $2`,
};

export const READ_STREAM_OF_ACCOUNT: Statement = {
  name: 'readStreamOfAccount',
  text: `${STREAM} where s.account_id = $1 and s.seq > $2 order by s.seq limit $3`,
};

export const streamRow = (row: Row): StreamRow => ({
  seq: row[0] as number,
  accountId: row[1] as string,
  jobId: row[2] as string,
  payload: row[3] as string,
});

export const STREAM_ENTRIES: Statement = {
  name: 'streamEntries',
  text: `select s.seq::float8, s.account_id, s.job_id, s.revision::float8 from stream s
    where s.seq > $1 order by s.seq limit $2`,
};

export const streamEntry = (row: Row): StreamEntry => ({
  seq: row[0] as number,
  ref: jobRef(row[1] as string, row[2] as string),
  revision: row[3] as number,
});

export const STREAM_HEAD: Statement = {
  name: 'streamHead',
  text: 'select seq::float8 from stream_head',
};

/** Renewing keeps the term; anybody else, and whoever released it, begins a new one. */
export const ACQUIRE_LEASE: Statement = {
  name: 'acquireLease',
  text: `insert into leases as held (name, holder, term, expires_at)
    values ($1, $2, 1, clock_timestamp() + $3::float8 * interval '1 millisecond')
    on conflict (name) do update set holder = excluded.holder, expires_at = excluded.expires_at,
      term = held.term + case when held.holder = excluded.holder then 0 else 1 end
    where held.holder = excluded.holder or held.expires_at <= clock_timestamp()
    returning term::float8`,
};

export const RELEASE_LEASE: Statement = {
  name: 'releaseLease',
  text: `update leases set holder = null, expires_at = clock_timestamp()
    where name = $1 and term = $2 and holder = $3`,
};

// In the order of their keys, so that two runtimes that write the same rows wait for each other only one way.
export const KEEP_LEARNED: Statement = {
  name: 'keepLearned',
  text: `insert into learned as known (account_id, subject, id, seen, facts, updated_at)
    select r.account_id, r.subject, r.id, r.seen, r.facts, clock_timestamp()
    from ${columnSource(learnedColumns, 1)} order by r.account_id, r.subject, r.id
    on conflict (account_id, subject, id) do update
      set seen = excluded.seen, facts = excluded.facts, updated_at = excluded.updated_at
      where known.seen <= excluded.seen`,
};

export const LEARNED: Statement = {
  name: 'learned',
  text: `select l.account_id, l.id, l.seen::float8, l.facts, ${milliseconds('l.updated_at')}
    from learned l
    where l.subject = $1 and l.updated_at > to_timestamp($2::float8 / 1000)
    order by l.updated_at desc limit $3`,
};

export const learnedRow = (subject: string, row: Row): Learned & { readonly keptAt: number } => ({
  accountId: row[0] as string,
  subject,
  id: row[1] as string,
  seen: row[2] as number,
  facts: row[3] as string,
  keptAt: row[4] as number,
});
