// What becomes of a hold: the one place with the rules of refunds.
//
//   ending      asked by            charged                                     counts for the brake
//   succeeded   -                   what was delivered (delivered.ts)           no
//   failed      -                   nothing                                     no
//   refused     -                   nothing: nobody may see it                  no
//   expired     the deadline        nothing                                     when it had started
//   cancelled   Tessera             nothing                                     no
//   cancelled   the person, before the engine began          nothing            no
//   cancelled   the person, within the grace                 nothing            yes
//   cancelled   the person, later   each further second of the engine's time,   yes
//                                   never more than the hold
//
// What is not charged goes back in the same posting. The terms are fixed with the hold, and shown from then on.
import type { Modality } from '../contract/models.ts';
import { delivered, type Asked, type Came } from './delivered.ts';

/** The first seconds of a run that may be stopped for nothing; brake.ts takes them away from who stops often. */
export const GRACE_MS = 5_000;

export interface CancelTerms {
  readonly graceMs: number;
  /** For each second beyond it, in millitokens. */
  readonly secondMt: number;
  /** At most: what was held. */
  readonly costMt: number;
}

export interface Ended {
  readonly ending: 'succeeded' | 'failed' | 'refused' | 'cancelled' | 'expired';
  /** Of a cancel: the person, or Tessera. */
  readonly by: 'person' | 'system';
  readonly asked: Asked;
  readonly came: readonly Came[];
  readonly terms: CancelTerms;
  /** How long the engine had worked on it in this attempt; null: it had not begun. */
  readonly ranMs: number | null;
}

export interface Settlement {
  readonly chargedMt: number;
  readonly returnedMt: number;
  /** As the receipt says it. */
  readonly reason: string;
  /** A run that was given up halfway, by a person's doing. */
  readonly isStopped: boolean;
}

/** A second costs what it would in a run that takes as long as is expected, which is a second at least. */
export const secondMtOf = (costMt: number, expectedMs: number): number =>
  Math.max(1, Math.ceil((costMt * 1000) / Math.max(1000, expectedMs)));

/** What a cancel costs after so long a run. */
export const cancelMt = ({ graceMs, secondMt, costMt }: CancelTerms, ranMs: number): number =>
  Math.min(costMt, Math.ceil((Math.max(0, ranMs - graceMs) * secondMt) / 1000));

export const tokensIn = (millitokens: number): string =>
  `${millitokens / 1000} ${millitokens === 1000 ? 'token' : 'tokens'}`;
const seconds = (ms: number): string => `${Math.round(ms / 100) / 10} s`;

/** The rule before it applies. */
export const cancelWords = ({ graceMs, secondMt, costMt }: CancelTerms): string =>
  `Cancelling returns everything ${
    graceMs > 0
      ? `until the job has run for ${seconds(graceMs)}; after that each further second of the run`
      : 'until the job runs; each second of the run'
  } costs ${tokensIn(secondMt)}, ${tokensIn(costMt)} at most.`;

const THING: Readonly<Record<Modality, string>> = {
  image: 'an image',
  video: 'a video',
  text: 'a text',
  audio: 'a sound',
  transcript: 'a transcript',
};
export const heldWords = (modality: Modality): string => `Held for ${THING[modality]}`;

const back = (mt: number): string => `; ${tokensIn(mt)} returned`;

export function settle(ended: Ended): Settlement {
  const { costMt, modality } = ended.asked;
  const returned = (why: string, isStopped = false): Settlement => ({
    ...{ chargedMt: 0, returnedMt: costMt, reason: `Returned: ${why}`, isStopped },
  });
  switch (ended.ending) {
    case 'succeeded': {
      const { chargedMt, words } = delivered(ended.asked, ended.came);
      const returnedMt = costMt - chargedMt;
      const reason = `Charged for ${THING[modality]}`;
      if (words === null) return { chargedMt, returnedMt, reason, isStopped: false };
      return {
        chargedMt,
        returnedMt,
        reason: `${reason}: ${words}${back(returnedMt)}`,
        isStopped: false,
      };
    }
    case 'refused':
      return returned('the result may not be shown here');
    case 'failed':
      return returned('the job failed');
    case 'expired':
      return returned('the job did not finish in time', ended.ranMs !== null);
    case 'cancelled':
      return cancelled(ended, returned);
  }
}

function cancelled(
  { by, terms, ranMs, asked: { costMt } }: Ended,
  returned: (why: string, isStopped?: boolean) => Settlement,
): Settlement {
  if (by === 'system') return returned('the job was stopped, and not by you');
  if (ranMs === null) return returned('you cancelled the job before it ran');
  const chargedMt = cancelMt(terms, ranMs);
  if (chargedMt === 0) return returned(`you cancelled the job after ${seconds(ranMs)}`, true);
  const returnedMt = costMt - chargedMt;
  const free = terms.graceMs > 0 ? `, the first ${seconds(terms.graceMs)} free` : '';
  const reason = `Charged for ${seconds(ranMs)} of a job that you cancelled${free}`;
  return {
    ...{ chargedMt, returnedMt, isStopped: true },
    reason: returnedMt === 0 ? reason : `${reason}${back(returnedMt)}`,
  };
}
