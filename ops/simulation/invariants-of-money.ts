// The invariants of money: what is held, spent and granted, by account and by day.
import { allowancesOf, DEFAULT_PLANS } from '../../machines/contract/plans.ts';
import { utcDay } from '../../machines/quota/balance.ts';
import type { Commit } from './books.ts';
import type { Check } from './check.ts';
import { quotasOf, type Rule } from './checked.ts';

const ALLOWANCES = allowancesOf(DEFAULT_PLANS);
/** Clocks of runtimes follow the store's; this much they may be wrong. */
const CLOCK_ERROR_MS = 3_000;

const balance: Rule = ({ commit, books, check }) => {
  for (const { accountId, posting, book, amountMt, balanceMt } of commit.ledger) {
    const sums = books.sums.get(accountId) ?? { allowance: 0, topUp: 0, held: 0, posting: 0 };
    books.sums.set(accountId, sums);
    const follows = posting === sums.posting || posting === sums.posting + 1;
    check('I1 balance', follows, () => `${accountId}: posting ${posting} after ${sums.posting}.`);
    sums.posting = posting;
    if (book.startsWith('system:')) continue;
    const own = book as 'allowance' | 'topUp' | 'held';
    sums[own] += amountMt;
    check(
      'I1 balance',
      balanceMt === sums[own],
      () =>
        `${accountId}: ${book} is ${balanceMt} in posting ${posting}; its legs say ${sums[own]}.`,
    );
  }
};

const quotaEqualsLedger: Rule = (checked) => {
  const { books, check } = checked;
  for (const { after } of quotasOf(checked)) {
    const { allowanceMt, topUpMt, heldMt, posting } = after.context.balance;
    const sums = books.sums.get(after.ref.id);
    check(
      'I1 balance',
      (sums?.allowance ?? 0) === allowanceMt &&
        (sums?.topUp ?? 0) === topUpMt &&
        (sums?.held ?? 0) === heldMt &&
        (sums?.posting ?? 0) === posting,
      () => `${after.ref.id} says ${allowanceMt}/${topUpMt}/${heldMt}; its ledger says otherwise.`,
    );
  }
};

const dayIn = (reason: string): string | undefined => /\d{4}-\d\d-\d\d/.exec(reason)?.[0];

const zeroSum: Rule = ({ commit, check }) => checkZeroSum(commit.ledger, check);

export function checkZeroSum(ledger: Commit['ledger'], check: Check): void {
  const postings = Map.groupBy(ledger, (row) => `${row.accountId} ${row.posting}`);
  for (const [name, legs] of postings) {
    const sum = legs.reduce((total, { amountMt }) => total + amountMt, 0);
    const isWhole = legs.every(({ amountMt }) => Number.isInteger(amountMt));
    check(
      'I2 zero-sum',
      legs.length >= 2 && sum === 0 && isWhole,
      () => `Posting ${name}: ${sum}.`,
    );
  }
}

const noOverdraft: Rule = (checked) => {
  for (const { after } of quotasOf(checked)) {
    const { allowanceMt, topUpMt, heldMt, holds } = after.context.balance;
    const open = Object.values(holds).reduce(
      (sum, hold) => sum + hold.allowanceMt + hold.topUpMt,
      0,
    );
    checked.check(
      'I3 no overdraft',
      allowanceMt >= 0 && topUpMt >= 0 && heldMt >= 0 && heldMt === open,
      () => `${after.ref.id}: ${allowanceMt}/${topUpMt}, held ${heldMt}, open holds ${open}.`,
    );
  }
};
const dailyGrant: Rule = ({ commit, books, check }) => {
  const isLeg = (book: string) => book === 'system:granted' || book === 'system:expired';
  for (const { accountId, book, reason } of commit.ledger) {
    if (!isLeg(book)) continue;
    const day = dayIn(reason);
    if (day === undefined) continue; // the difference of a plan change
    const name = `${accountId} ${book} ${day}`;
    check('I18 daily grant', !books.grants.has(name), () => `${name}: twice.`);
    books.grants.add(name);
    const isPast = day <= utcDay(commit.at + CLOCK_ERROR_MS);
    check('I18 daily grant', isPast, () => `${name}: on ${utcDay(commit.at)}.`);
  }
};

/** A plan that goes up adds the difference, however often it goes up and down on one day. */
const grantWithinPlan: Rule = (checked) => {
  const { commit, books, check } = checked;
  const mtOf = new Map<string, number>();
  const changed = [...quotasOf(checked)];
  // Of several days in one commit, each has its own; the difference of a plan belongs to the day it came on.
  const dayOf = new Map(
    changed.map(({ before, after }) => {
      const { day } = (before ?? after).context.balance;
      return [after.ref.accountId, day] as const;
    }),
  );
  for (const { accountId, book, amountMt, reason } of commit.ledger) {
    if (book !== 'system:granted') continue;
    const day = dayIn(reason) ?? dayOf.get(accountId);
    if (day !== undefined) dayOf.set(accountId, day);
    const name = `${accountId} ${day}`;
    mtOf.set(name, (mtOf.get(name) ?? 0) - amountMt);
  }
  for (const { before, after } of changed) {
    const { day, plan } = after.context.balance;
    const name = `${after.ref.id} ${day}`;
    const so = books.grantedMt.get(name) ?? { granted: 0, allowed: 0 };
    books.grantedMt.set(name, so);
    // Several turns of one commit: the plan in between is only in their events.
    for (const { row, event } of commit.turns)
      if (row.ref.id === after.ref.id && event.type === 'plan.changed')
        so.allowed = Math.max(so.allowed, ALLOWANCES[event.plan].dailyMt);
    // A new day is granted by the plan there was, even in the turn that changes it.
    const plans = [plan, before?.context.balance.plan ?? 'free'] as const;
    so.allowed = Math.max(so.allowed, ...plans.map((each) => ALLOWANCES[each].dailyMt));
    so.granted += mtOf.get(name) ?? 0;
    check(
      'I18 daily grant',
      so.granted <= so.allowed,
      () => `${name}: ${so.granted} were granted; its plans allow ${so.allowed}.`,
    );
  }
};

export const OF_MONEY: readonly Rule[] = [
  zeroSum,
  balance,
  quotaEqualsLedger,
  noOverdraft,
  dailyGrant,
  grantWithinPlan,
];
