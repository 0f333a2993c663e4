// All tables of a store as plain rows, the same words for both, so that they can be compared.
import type pg from 'pg';
import type { MemoryStore } from '../../db/memory-store.ts';

export type Tables = Readonly<Record<string, readonly string[]>>;

/** A row as text, its columns in the order of their names; a table as rows in the order of their text. */
const sorted = (rows: readonly object[]): string[] =>
  rows
    .map((row) => JSON.stringify(Object.entries(row).sort(([a], [b]) => (a < b ? -1 : 1))))
    .sort();

interface InMemory {
  readonly ref: { readonly accountId: string; readonly kind: string; readonly id: string };
}
const flat = <Row extends InMemory>({ ref, ...row }: Row) => ({
  accountId: ref.accountId,
  kind: ref.kind,
  actorId: ref.id,
  ...row,
});

export async function tablesOfMemory(store: MemoryStore): Promise<Tables> {
  const { actors, timers, journal, ledger, outbox, stream, parked, leases, learned } = store.tables;
  const tables: Record<string, readonly object[]> = {
    actors: [...actors.values()].map(flat),
    timers: [...timers.values()].map(flat),
    journal: journal.map(flat),
    ledger: [...ledger.values()],
    outbox: [...outbox.values()],
    stream,
    parked: [...parked.values()].map(({ id, ...row }) => ({ ...flat(row), id })),
    leases: [...leases].map(([name, lease]) => ({ name, ...lease })),
    learned: [...learned.values()],
    head: [{ seq: await store.streamHead() }],
  };
  return Object.fromEntries(Object.entries(tables).map(([name, rows]) => [name, sorted(rows)]));
}

const ms = (time: string) => `(extract(epoch from ${time}) * 1000)::float8`;
const REF = 'account_id as "accountId", kind, actor_id as "actorId"';

// `position` is not compared: it has gaps where a commit was lost, and only its order means anything.
const QUERIES: Readonly<Record<string, string>> = {
  actors: `select account_id as "accountId", kind, id as "actorId", machine, version,
    revision::float8, state, tags, snapshot, parked_at is not null as parked,
    ${ms('created_at')} as "createdAt", ${ms('updated_at')} as "updatedAt" from actors`,
  timers: `select ${REF}, name, arming_id::float8 as "armingId", ${ms('due_at')} as "dueAt"
    from timers`,
  journal: `select ${REF}, revision::float8, event, from_state as "from", to_state as "to", patch,
    effects, batch_id as "batchId", ${ms('at')} as at from journal`,
  ledger: `select account_id as "accountId", posting::float8, leg, book,
    amount_mt::float8 as "amountMt", balance_mt::float8 as "balanceMt", reason,
    job_id as "jobId", ${ms('at')} as at from ledger`,
  outbox: `select account_id as "accountId", id, destination, payload, ${ms('created_at')} as at
    from outbox`,
  stream: `select account_id as "accountId", seq::float8, job_id as "jobId", revision::float8,
    payload, ${ms('at')} as at from stream`,
  parked: `select ${REF}, id, event, reason, ${ms('at')} as at from parked`,
  leases: `select name, holder, term::float8, ${ms('expires_at')} as "expiresAt" from leases`,
  learned: `select account_id as "accountId", subject, id, seen::float8, facts,
    ${ms('updated_at')} as "keptAt" from learned`,
  head: 'select seq::float8 from stream_head',
};

export async function tablesOfPostgres(admin: pg.Pool): Promise<Tables> {
  const tables: Record<string, readonly string[]> = {};
  for (const [name, text] of Object.entries(QUERIES)) {
    const { rows } = await admin.query<object>(text);
    tables[name] = sorted(rows);
  }
  return tables;
}
