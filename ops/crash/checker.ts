// The history checker: evidence in, violations out. Pure, so that made-up bad histories can show that each
// rule is able to fail (`checker.test.ts`). Numbers after I are the invariants' own.
import * as jobs from './check-jobs.ts';
import * as money from './check-money.ts';
import * as order from './check-order.ts';
import type { Evidence } from './evidence.ts';

type Rule = (evidence: Evidence) => readonly string[];

/** The ledger's and the journal's own rules; they hold without any history from outside. */
export const BOOK_RULES: Readonly<Record<string, Rule>> = {
  'postings sum to zero (I2)': money.postingsAreSound,
  'balances are exact (I1, I3)': money.balancesAreExact,
  'nothing stays held (I4)': money.nothingStaysHeld,
  'settled once, charged on success only (I4)': money.everyJobIsSettledOnce,
  'one turn per revision (I10)': order.oneTurnPerRevision,
  'every job ended once (I4, I17)': jobs.everyJobEndedOnce,
};

export const RULES: Readonly<Record<string, Rule>> = {
  'nothing acknowledged is lost (I6)': jobs.nothingAcknowledgedIsLost,
  'one job per key (I5)': jobs.oneJobPerKey,
  'no job that nobody asked for (I5)': jobs.nothingUnaskedFor,
  'no ending is taken back (I4)': jobs.noEndingIsTakenBack,
  'at most three attempts (I16)': jobs.attemptsAreBounded,
  'every result is there (I23)': jobs.everyResultIsThere,
  'engines within their slots (I8)': jobs.slotsAreKept,
  'the stream has no gaps': order.theStreamHasNoGaps,
  'the stream ends each job once': order.theStreamEndsEachJob,
  'subscribers saw everything (I15)': order.subscribersSawEverything,
  'nothing is left over (I11, I12, I17)': order.nothingIsLeftOver,
  ...BOOK_RULES,
};

export interface Violation {
  readonly rule: string;
  readonly what: string;
}

export const judge = (evidence: Evidence, rules = RULES): Violation[] =>
  Object.entries(rules).flatMap(([rule, check]) => check(evidence).map((what) => ({ rule, what })));
