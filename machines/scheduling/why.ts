// A decision with its reason, as the journal keeps it and a person reads it.
import type { Head } from './heads.ts';
import type { Offer, Seat } from './seats.ts';
import type { Decision, Why } from './waiting.ts';

interface Scored {
  readonly seat: Seat;
  readonly offer: Offer;
  readonly score: number;
}

export function decisionOf(
  { seat, offer, score }: Scored,
  next: Scored | undefined,
  [first, ...others]: readonly [Head, ...Head[]],
  now: number,
): Decision {
  const { job, lateMs, servedMs } = first;
  const { model, loadMs, behind } = offer;
  const why: Omit<Why, 'words'> = {
    ...{ score, waitedMs: now - job.queuedAt, lateMs, servedMs, loadMs, behind },
    runMs: job.runMs * (seat.models.get(model)?.pace ?? 1),
    runnerUp: next ? { model: next.offer.model, score: next.score } : null,
  };
  const decision = { job, worker: seat.worker, why: { ...why, words: wordsOf(job.model, why) } };
  return others.length > 0 ? { ...decision, batch: others.map((head) => head.job) } : decision;
}

function wordsOf(model: string, why: Omit<Why, 'words'>): string {
  const sharing = why.behind > 1 ? ` for ${why.behind} jobs` : '';
  return [
    why.loadMs > 0 ? `loads ${model} in ${seconds(why.loadMs)}${sharing}` : `${model} is in memory`,
    `waited ${seconds(why.waitedMs)}`,
    why.lateMs < why.waitedMs ? `${seconds(why.lateMs)} of it beyond own earlier jobs` : null,
    why.runnerUp ? `before ${why.runnerUp.model}` : 'nothing else could run here',
  ]
    .filter((part) => part !== null)
    .join(', ');
}

const seconds = (ms: number): string => `${(ms / 1_000).toFixed(ms < 9_950 ? 1 : 0)} s`;
