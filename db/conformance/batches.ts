// Batches for the conformance suite: small, with sound defaults.
import { type ActorRef, jobRef, quotaRef } from '../../machines/contract/ids.ts';
import type { ActorWrite, CommitBatch, JournalWrite, LedgerWrite } from '../store.ts';

let batches = 0;

/** As many components as the rows name. */
export function batchOf(rows: Partial<CommitBatch>): CommitBatch {
  batches += 1;
  const { actors, reads, journal, timersArmed, timersCancelled, ledger, outbox } = rows;
  const { stream, parked, fences } = rows;
  const sets = {
    ...{ actors, reads, journal, timersArmed, timersCancelled, ledger, outbox },
    ...{ stream, parked, fences },
  };
  const filled = Object.fromEntries(Object.entries(sets).map(([name, set]) => [name, set ?? []]));
  const components = Object.values(sets).flatMap((set) => (set ?? []).map((row) => row.component));
  return {
    batchId: rows.batchId ?? `batch-${batches}`,
    components: rows.components ?? Math.max(-1, ...components) + 1,
    ...(filled as unknown as Omit<CommitBatch, 'batchId' | 'components'>),
  };
}

export function write(
  component: number,
  ref: ActorRef,
  expected: number,
  changes: Partial<ActorWrite> = {},
): ActorWrite {
  return {
    component,
    ref,
    machine: ref.kind,
    version: 1,
    expected,
    revision: expected + 1,
    state: 'queued',
    tags: ['waiting'],
    snapshot: JSON.stringify({ value: 'queued', context: { turn: expected + 1 } }),
    ...changes,
  };
}

export const journalOf = ({ component, ref, revision, state }: ActorWrite): JournalWrite => ({
  component,
  ref,
  revision,
  event: '{"type":"job.submitted"}',
  from: '',
  to: state,
  patch: '{}',
  effects: '[]',
});

/** A turn: the actor's row and its journal row. */
export function turn(
  component: number,
  ref: ActorRef,
  expected: number,
  changes: Partial<ActorWrite> = {},
): Pick<CommitBatch, 'actors' | 'journal'> {
  const actor = write(component, ref, expected, changes);
  return { actors: [actor], journal: [journalOf(actor)] };
}

export const ALICE = 'usr_alice';
export const BOB = 'usr_bob';
export const job = (number: number, accountId: string = ALICE): ActorRef =>
  jobRef(accountId, `job_${number}`);
export const quota = (accountId: string = ALICE): ActorRef => quotaRef(accountId);

/** A hold of one token: from the allowance to what is held. */
export const holdLegs = (component: number, accountId: string, posting: number): LedgerWrite[] => [
  {
    ...legOf(component, accountId, posting),
    leg: 1,
    book: 'allowance',
    amountMt: -1000,
    balanceMt: 19_000,
  },
  {
    ...legOf(component, accountId, posting),
    leg: 2,
    book: 'held',
    amountMt: 1000,
    balanceMt: 1000,
  },
];

const legOf = (component: number, accountId: string, posting: number) => ({
  component,
  accountId,
  posting,
  reason: 'Held for an image',
  jobId: 'job_1',
});
