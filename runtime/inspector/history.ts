// Where an actor's past is read: its row, and its journal from any turn on.
import type { DatabasePool } from 'slonik';
import { findArchivedJournal } from '../../db/queries/archive.ts';
import { listJournal, type JournalRow } from '../../db/queries/journal.ts';
import type { Store, StoredActor } from '../../db/store.ts';
import type { ActorRef } from '../../machines/contract/ids.ts';
import { WHOLE_EVERY } from '../journal.ts';
import type { Context } from '../../machines/contract/patch.ts';
import { REGISTRY } from '../versions.ts';
import { fold, type Machine, type Step } from './fold.ts';

export interface History {
  find(ref: ActorRef): Promise<StoredActor | null>;
  /** Turns after a revision, oldest first. */
  rows(ref: ActorRef, after: number, limit: number): Promise<readonly JournalRow[]>;
}

export const historyOf = (store: Store, pool: DatabasePool): History => ({
  async find(ref) {
    const [row] = await store.load([ref]);
    return row ?? null;
  },
  async rows(ref, after, limit) {
    // Whole, while the journal may already have lost a day of it.
    const archived = ref.kind === 'job' ? await findArchivedJournal(pool, ref) : null;
    return archived
      ? archived.filter(({ revision }) => revision > after).slice(0, limit)
      : listJournal(pool, ref, { after, limit });
  },
});

/** Who is inspected, and by which chart. */
export interface Inspected {
  readonly ref: ActorRef;
  readonly machine: Machine;
}

/** The chart that wrote a stored actor; null when it was newer code, or code that is gone. */
export function machineOf({ ref, machine, version }: StoredActor): Machine {
  const { current, pinned = [] } = REGISTRY[ref.kind];
  const charts = [current, ...pinned];
  return (
    charts.find((each) => each.machine.id === machine && each.version === version)?.machine ?? null
  );
}

/**
 * The steps after a revision, page by page. Reading begins at the last turn before it that wrote its whole
 * context, so that a long life is not read from its birth.
 */
export async function* stepsAfter(
  history: History,
  { ref, machine }: Inspected,
  after: number,
  pageRows: number,
): AsyncGenerator<readonly Step[]> {
  let last = after - (after % WHOLE_EVERY);
  let context: Context | undefined;
  for (;;) {
    const rows = await history.rows(ref, last, pageRows);
    const folded = fold(machine, rows, context);
    context = folded.context;
    yield folded.steps.filter(({ revision }) => revision > after);
    if (rows.length < pageRows) return;
    last = rows.at(-1)!.revision;
  }
}
