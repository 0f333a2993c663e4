// "Why this, now?" as the journal keeps it with each dispatch: the parts of the decision, rounded, for they are
// written with every job.
import type { DispatchWhy } from '../contract/events.ts';
import type { WaitingJob, Why } from './policy.ts';

const DIGITS = 3;

const rounded = (score: number): number => Number(score.toPrecision(DIGITS));

/** @param guest of a job that goes along in the engine call of another: that one was decided on */
export function dispatchWhy(
  why: Why,
  guest: { readonly along: Pick<WaitingJob, 'id'>; readonly waitedMs: number } | null,
): DispatchWhy {
  const { score, lateMs, servedMs, runMs, loadMs, behind, runnerUp, words } = why;
  return {
    score: rounded(score),
    waitedMs: Math.round(guest?.waitedMs ?? why.waitedMs),
    lateMs: Math.round(lateMs),
    servedMs: Math.round(servedMs),
    runMs: Math.round(runMs),
    loadMs: Math.round(loadMs),
    behind,
    runnerUp: runnerUp && { model: runnerUp.model, score: rounded(runnerUp.score) },
    words: guest ? `goes along with ${guest.along.id}: ${words}` : words,
  };
}
