// What both stores demand of a batch before they touch anything. A violation is a programmer error: it is
// thrown as an AssertionError, never reported as lost.
import assert from 'node:assert/strict';
import { refKey } from '../machines/contract/ids.ts';
import type { CommitBatch, LedgerWrite, TimerCancel, TimerWrite } from './store.ts';

export function checkBatch(batch: CommitBatch): void {
  assert(batch.batchId !== '', 'a batch has an id');
  for (const rows of rowSets(batch)) {
    for (const { component } of rows) {
      assert(
        Number.isInteger(component) && component >= 0 && component < batch.components,
        `component ${component} is one of ${batch.components}`,
      );
    }
  }
  checkActors(batch);
  checkPostings(batch.ledger);
  const parkers = new Map(batch.parked.map(({ ref, component }) => [refKey(ref), component]));
  for (const { ref, component } of batch.parked) {
    assert(parkers.get(refKey(ref)) === component, `${refKey(ref)} is parked by one component`);
  }
}

const rowSets = (batch: CommitBatch): readonly (readonly { readonly component: number }[])[] => [
  batch.actors,
  batch.reads,
  batch.journal,
  batch.timersArmed,
  batch.timersCancelled,
  batch.ledger,
  batch.outbox,
  batch.stream,
  batch.parked,
  batch.fences,
];

function checkActors(batch: CommitBatch): void {
  const seen = new Set<string>();
  for (const { ref, expected, revision, tags } of batch.actors) {
    const key = refKey(ref);
    // Actors that appear twice belong to one component, with one write: the last.
    assert(!seen.has(key), `${key} is written once per batch`);
    seen.add(key);
    assert(expected >= 0 && revision > expected, `${key} moves forward from revision ${expected}`);
    for (const tag of tags)
      assert(/^[A-Za-z0-9_.:-]+$/.test(tag), `${key}: tag ${tag} is one word`);
  }
}

function checkPostings(ledger: readonly LedgerWrite[]): void {
  const sums = new Map<string, number>();
  for (const { accountId, posting, amountMt } of ledger) {
    assert(
      Number.isSafeInteger(amountMt) && amountMt !== 0,
      'an amount is a whole number, not zero',
    );
    const key = `${accountId}/${posting}`;
    sums.set(key, (sums.get(key) ?? 0) + amountMt);
  }
  for (const [key, sum] of sums) assert(sum === 0, `the legs of posting ${key} sum to zero`);
}

/**
 * One change per timer. XState cancels and arms the same timer when a state is entered anew, so an armed
 * timer wins over its cancel; of two armings the last one listed counts.
 */
export function settleTimers(batch: CommitBatch): {
  readonly armed: readonly TimerWrite[];
  readonly cancelled: readonly TimerCancel[];
} {
  const armed = new Map(batch.timersArmed.map((timer) => [timerKey(timer), timer]));
  const cancelled = new Map(
    batch.timersCancelled
      .map((timer) => [timerKey(timer), timer] as const)
      .filter(([key]) => !armed.has(key)),
  );
  return { armed: [...armed.values()], cancelled: [...cancelled.values()] };
}

export const timerKey = ({ ref, name }: TimerCancel | TimerWrite): string =>
  `${refKey(ref)}/${name}`;
