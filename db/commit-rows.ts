// The row sets of a commit: which columns travel, under which parameters.
import { type ActorRef, refKey } from '../machines/contract/ids.ts';
import { settleTimers } from './batch.ts';
import { type Column, columnParameters, columnSource, WORD_SEPARATOR } from './columns.ts';
import type {
  ActorRead,
  ActorWrite,
  CommitBatch,
  JournalWrite,
  LedgerWrite,
  OutboxWrite,
  ParkedWrite,
  StreamWrite,
  TimerCancel,
  TimerWrite,
} from './store.ts';

/** `parker`: component that parks this actor in the same batch. A row cannot be updated twice. */
type ActorRow = ActorWrite & { readonly parker?: number };
/** `writer`: component that writes the parked actor in the same batch. */
type ParkedRow = ParkedWrite & { readonly writer?: number };
type FenceRow = CommitBatch['fences'][number];

const NOBODY = -1;

/** Locked and compared like the actors that are written; the same revision says that it is not. */
const unchanged = ({ component, ref, revision }: ActorRead): ActorRow => ({
  ...{ component, ref, expected: revision, revision },
  ...{ machine: '', version: 0, state: '', tags: [], snapshot: '' },
});

const component: Column<{ readonly component: number }> = ['component', 'int', (r) => r.component];

const ref: readonly Column<{ readonly ref: ActorRef }>[] = [
  ['account_id', 'text', (r) => r.ref.accountId],
  ['kind', 'text', (r) => r.ref.kind],
  ['actor_id', 'text', (r) => r.ref.id],
];

const actors: readonly Column<ActorRow>[] = [
  component,
  ...ref,
  ['machine', 'text', (r) => r.machine],
  ['version', 'int', (r) => r.version],
  ['expected', 'bigint', (r) => r.expected],
  ['revision', 'bigint', (r) => r.revision],
  ['state', 'text', (r) => r.state],
  ['tags', 'text', (r) => r.tags.join(WORD_SEPARATOR)],
  ['snapshot', 'text', (r) => r.snapshot],
  ['parker', 'int', (r) => r.parker ?? NOBODY],
];

const fences: readonly Column<FenceRow>[] = [
  component,
  ['name', 'text', (r) => r.name],
  ['term', 'bigint', (r) => r.term],
];

const journal: readonly Column<JournalWrite>[] = [
  component,
  ...ref,
  ['revision', 'bigint', (r) => r.revision],
  ['event', 'text', (r) => r.event],
  ['from_state', 'text', (r) => r.from],
  ['to_state', 'text', (r) => r.to],
  ['patch', 'text', (r) => r.patch],
  ['effects', 'text', (r) => r.effects],
];

const armed: readonly Column<TimerWrite>[] = [
  component,
  ...ref,
  ['name', 'text', (r) => r.name],
  ['arming_id', 'bigint', (r) => r.armingId],
  ['delay_ms', 'float8', (r) => r.delayMs],
];

const cancelled: readonly Column<TimerCancel>[] = [
  component,
  ...ref,
  ['name', 'text', (r) => r.name],
];

const ledger: readonly Column<LedgerWrite>[] = [
  component,
  ['account_id', 'text', (r) => r.accountId],
  ['posting', 'bigint', (r) => r.posting],
  ['leg', 'int', (r) => r.leg],
  ['book', 'text', (r) => r.book],
  ['amount_mt', 'bigint', (r) => r.amountMt],
  ['balance_mt', 'bigint', (r) => r.balanceMt],
  ['reason', 'text', (r) => r.reason],
  ['job_id', 'text', (r) => r.jobId],
];

const outbox: readonly Column<OutboxWrite>[] = [
  component,
  ['account_id', 'text', (r) => r.accountId],
  ['id', 'text', (r) => r.id],
  ['destination', 'text', (r) => r.destination],
  ['payload', 'text', (r) => r.payload],
];

const stream: readonly Column<StreamWrite>[] = [
  component,
  ['account_id', 'text', (r) => r.accountId],
  ['job_id', 'text', (r) => r.jobId],
  ['revision', 'bigint', (r) => r.revision],
  ['payload', 'text', (r) => r.payload],
];

const parked: readonly Column<ParkedRow>[] = [
  component,
  ...ref,
  ['id', 'text', (r) => r.id],
  ['event', 'text', (r) => r.event],
  ['reason', 'text', (r) => r.reason],
  ['writer', 'int', (r) => r.writer ?? NOBODY],
];

const SETS = { actors, fences, journal, armed, cancelled, ledger, outbox, stream, parked };
export type SetName = keyof typeof SETS;

/**
 * The row sets that this batch has, and the parameters of its statement: the batch id, then the columns of
 * those sets. Left out where empty, because a set costs the server as much to prepare as two rows.
 */
export function commitParameters(batch: CommitBatch): {
  readonly sets: readonly SetName[];
  readonly parameters: readonly string[];
} {
  const timers = settleTimers(batch);
  const both = crossReference(batch);
  const sets: SetName[] = [];
  const parameters = [batch.batchId];
  const add = <Row>(name: SetName, columns: readonly Column<Row>[], rows: readonly Row[]) => {
    // The verdict is reached over the actors, so they are always there.
    if (rows.length === 0 && name !== 'actors') return;
    sets.push(name);
    parameters.push(...columnParameters(columns, rows));
  };
  add('actors', actors, [...both.actors, ...batch.reads.map(unchanged)]);
  add('fences', fences, batch.fences);
  add('journal', journal, batch.journal);
  add('armed', armed, timers.armed);
  add('cancelled', cancelled, timers.cancelled);
  add('ledger', ledger, batch.ledger);
  add('outbox', outbox, batch.outbox);
  add('stream', stream, batch.stream);
  add('parked', parked, both.parked);
  return { sets, parameters };
}

/** Each of these sets as a row source `r(...)` in SQL, in the order of the parameters. */
export function commitSources(sets: readonly SetName[]): ReadonlyMap<SetName, string> {
  const sources = new Map<SetName, string>();
  let first = 2;
  for (const name of sets) {
    const columns: readonly Column<never>[] = SETS[name];
    sources.set(name, columnSource(columns, first));
    first += columns.length;
  }
  return sources;
}

/** Rare: an actor that is written and parked in one batch, each side told of the other. */
function crossReference(batch: CommitBatch): {
  readonly actors: readonly ActorRow[];
  readonly parked: readonly ParkedRow[];
} {
  if (batch.parked.length === 0) return batch;
  const parkers = new Map(batch.parked.map((row) => [refKey(row.ref), row.component]));
  const writers = new Map(batch.actors.map((row) => [refKey(row.ref), row.component]));
  return {
    actors: batch.actors.map((row) => ({ ...row, parker: parkers.get(refKey(row.ref)) ?? NOBODY })),
    parked: batch.parked.map((row) => ({ ...row, writer: writers.get(refKey(row.ref)) ?? NOBODY })),
  };
}
