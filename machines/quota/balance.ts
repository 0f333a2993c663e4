// The arithmetic of one account: grant, hold, capture, release (reserve / post / void). Pure; every
// change comes with its double-entry posting. Amounts are integer millitokens.
import type { Plan } from '../contract/events.ts';
import type { Allowances } from '../contract/plans.ts';
import type { Book, Posting } from '../effect.ts';
import { without, withEntry } from '../records.ts';

/** What a hold took from which bucket. The day's part belongs to the day it was taken on. */
export interface Hold {
  readonly day: string;
  readonly allowanceMt: number;
  readonly topUpMt: number;
}

export interface Balance {
  /** The UTC date whose allowance is granted; '' before the first grant. */
  readonly day: string;
  readonly plan: Plan;
  /** Granted for `day` so far: a plan that goes down and up again on one day is granted once. */
  readonly grantedMt: number;
  readonly allowanceMt: number;
  readonly topUpMt: number;
  readonly heldMt: number;
  readonly holds: Readonly<Record<string, Hold>>;
  /** Runs that the person stopped on `day`: the brake goes by them. */
  readonly stopped: number;
  /** Number of the last posting. */
  readonly posting: number;
}

export interface Change {
  readonly balance: Balance;
  readonly postings: readonly Posting[];
}

export const emptyBalance = (plan: Plan): Balance => ({
  day: '',
  plan,
  grantedMt: 0,
  allowanceMt: 0,
  topUpMt: 0,
  heldMt: 0,
  holds: {},
  stopped: 0,
  posting: 0,
});

const DAY_MS = 86_400_000;

/** Without a calendar object: days since 1970 -> civil date (Hinnant). */
function civilDate(day: number): string {
  const z = day + 719_468;
  const era = Math.floor(z / 146_097);
  const dayOfEra = z - era * 146_097;
  const yearOfEra = Math.floor(
    (dayOfEra -
      Math.floor(dayOfEra / 1460) +
      Math.floor(dayOfEra / 36_524) -
      Math.floor(dayOfEra / 146_096)) /
      365,
  );
  const dayOfYear =
    dayOfEra - (365 * yearOfEra + Math.floor(yearOfEra / 4) - Math.floor(yearOfEra / 100));
  const monthFromMarch = Math.floor((5 * dayOfYear + 2) / 153);
  const dayOfMonth = dayOfYear - Math.floor((153 * monthFromMarch + 2) / 5) + 1;
  const month = monthFromMarch < 10 ? monthFromMarch + 3 : monthFromMarch - 9;
  const year = yearOfEra + era * 400 + (month <= 2 ? 1 : 0);
  const pad = (value: number, width: number) => String(value).padStart(width, '0');
  return `${pad(year, 4)}-${pad(month, 2)}-${pad(dayOfMonth, 2)}`;
}

/** The last day asked for: all events of a day ask for the same one. */
let known = { day: NaN, date: '' };

/** The UTC date of a time. */
export function utcDay(at: number): string {
  const day = Math.floor(at / DAY_MS);
  if (day !== known.day) known = { day, date: civilDate(day) };
  return known.date;
}

/** The next UTC midnight: when the allowance is granted anew. */
export const nextReset = (at: number): number => (Math.floor(at / DAY_MS) + 1) * DAY_MS;

export const availableMt = (balance: Balance): number => balance.allowanceMt + balance.topUpMt;

interface Leg {
  readonly book: Book;
  readonly amountMt: number;
}

/**
 * Applies the legs to the person's own books and writes the posting. Legs of zero are left out.
 * @param change what else changes in the balance with it
 */
function post(
  balance: Balance,
  legs: readonly Leg[],
  reason: string,
  jobId: string | null,
  change: Partial<Balance> = {},
): { balance: Balance; posting: Posting } {
  const books = { allowance: balance.allowanceMt, topUp: balance.topUpMt, held: balance.heldMt };
  const posting = balance.posting + 1;
  const written: Posting['legs'][number][] = [];
  let sum = 0;
  for (const { book, amountMt } of legs) {
    if (amountMt === 0) continue;
    sum += amountMt;
    if (!isOwn(book)) {
      written.push({ book, amountMt, balanceMt: null });
      continue;
    }
    const balanceMt = (books[book] += amountMt);
    if (balanceMt < 0) throw new Error(`Posting ${posting} would overdraw ${book}.`);
    written.push({ book, amountMt, balanceMt });
  }
  if (sum !== 0) throw new Error(`Posting ${posting} does not sum to zero.`);
  const { allowance: allowanceMt, topUp: topUpMt, held: heldMt } = books;
  return {
    balance: { ...balance, ...change, allowanceMt, topUpMt, heldMt, posting },
    posting: { posting, legs: written, reason, jobId },
  };
}

const isOwn = (book: Book): book is 'allowance' | 'topUp' | 'held' =>
  book === 'allowance' || book === 'topUp' || book === 'held';

function expireDay(balance: Balance): Change {
  if (balance.allowanceMt === 0) return { balance, postings: [] };
  const expired = post(
    balance,
    [
      { book: 'allowance', amountMt: -balance.allowanceMt },
      { book: 'system:expired', amountMt: balance.allowanceMt },
    ],
    `Unused tokens of ${balance.day} expired`,
    null,
  );
  return { balance: expired.balance, postings: [expired.posting] };
}

/**
 * Brings the balance to the UTC day of `at`: what is left of the old day expires, the new day is
 * granted. The only function that grants; its key is (account, date). A clock that steps back changes nothing.
 */
export function rollDay(balance: Balance, at: number, allowances: Allowances): Change {
  const day = utcDay(at);
  if (day <= balance.day) return { balance, postings: [] };
  const { balance: next, postings } = expireDay(balance);
  const amountMt = allowances[balance.plan].dailyMt;
  const granted = post(
    next,
    [
      { book: 'system:granted', amountMt: -amountMt },
      { book: 'allowance', amountMt },
    ],
    `Tokens for ${day}`,
    null,
    { day, grantedMt: amountMt, stopped: 0 },
  );
  return { balance: granted.balance, postings: [...postings, granted.posting] };
}

/** Sets an amount aside, the day's allowance first. The caller has checked that it fits. */
export function placeHold(balance: Balance, job: string, amountMt: number, reason: string): Change {
  if (job in balance.holds) throw new Error(`Job ${job} already has a hold.`);
  // A negative hold would turn held tokens into spendable ones.
  if (!Number.isSafeInteger(amountMt) || amountMt <= 0)
    throw new Error(`Job ${job} cannot hold ${amountMt} millitokens.`);
  const allowanceMt = Math.min(balance.allowanceMt, amountMt);
  const topUpMt = amountMt - allowanceMt;
  const hold: Hold = { day: balance.day, allowanceMt, topUpMt };
  const held = post(
    balance,
    [
      { book: 'allowance', amountMt: -allowanceMt },
      { book: 'topUp', amountMt: -topUpMt },
      { book: 'held', amountMt },
    ],
    reason,
    job,
    { holds: withEntry(balance.holds, job, hold) },
  );
  return { balance: held.balance, postings: [held.posting] };
}

/**
 * Closes a hold: `spentMt` of it is charged, the rest goes back where it came from. What comes back to
 * the allowance of an earlier day is spendable until the next reset (it joins the day's allowance); a
 * charge never touches a day other than the hold's.
 */
export function closeHold(balance: Balance, job: string, spentMt: number, reason: string): Change {
  const hold = balance.holds[job];
  if (!hold) throw new Error(`Job ${job} has no hold.`);
  const amountMt = hold.allowanceMt + hold.topUpMt;
  if (!Number.isSafeInteger(spentMt) || spentMt < 0 || spentMt > amountMt)
    throw new Error(`Job ${job} cannot spend ${spentMt} millitokens.`);
  const returnedMt = amountMt - spentMt;
  const toTopUpMt = Math.min(hold.topUpMt, returnedMt);
  const carried = returnedMt > toTopUpMt && hold.day !== balance.day;
  const closed = post(
    balance,
    [
      { book: 'held', amountMt: -amountMt },
      { book: 'system:spent', amountMt: spentMt },
      { book: 'topUp', amountMt: toTopUpMt },
      { book: 'allowance', amountMt: returnedMt - toTopUpMt },
    ],
    carried ? `${reason} (carried over from ${hold.day}, valid until the next reset)` : reason,
    job,
    { holds: without(balance.holds, job) },
  );
  return { balance: closed.balance, postings: [closed.posting] };
}

/** A plan change counts at once: a raise adds the difference today, a drop counts from tomorrow. */
export function changePlan(balance: Balance, plan: Plan, allowances: Allowances): Change {
  const differenceMt = allowances[plan].dailyMt - balance.grantedMt;
  if (differenceMt <= 0 || balance.day === '')
    return { balance: { ...balance, plan }, postings: [] };
  const granted = post(
    balance,
    [
      { book: 'system:granted', amountMt: -differenceMt },
      { book: 'allowance', amountMt: differenceMt },
    ],
    `Plan changed to ${plan}`,
    null,
    { plan, grantedMt: balance.grantedMt + differenceMt },
  );
  return { balance: granted.balance, postings: [granted.posting] };
}

const checkAmount = (amountMt: number): void => {
  if (!Number.isSafeInteger(amountMt) || amountMt <= 0)
    throw new Error(`${amountMt} millitokens cannot be bought or taken back.`);
};

/** Bought tokens: they do not expire, and are used after the day's. */
export function creditTopUp(balance: Balance, amountMt: number, reason: string): Change {
  checkAmount(amountMt);
  const legs: Leg[] = [
    { book: 'system:sold', amountMt: -amountMt },
    { book: 'topUp', amountMt },
  ];
  const credited = post(balance, legs, reason, null);
  return { balance: credited.balance, postings: [credited.posting] };
}

/** The payment went back, and with it what is left of what it bought: what was spent or is held stays so. */
export function withdrawTopUp(balance: Balance, amountMt: number, reason: string): Change {
  checkAmount(amountMt);
  const takenMt = Math.min(balance.topUpMt, amountMt);
  if (takenMt === 0) return { balance, postings: [] };
  const legs: Leg[] = [
    { book: 'topUp', amountMt: -takenMt },
    { book: 'system:sold', amountMt: takenMt },
  ];
  const taken = post(balance, legs, reason, null);
  return { balance: taken.balance, postings: [taken.posting] };
}

/** The day counts as granted, and gives nothing: whose it is was granted it on another account. */
export function withholdDay(balance: Balance, at: number, allowances: Allowances): Change {
  const day = utcDay(at);
  if (day <= balance.day) return { balance, postings: [] };
  const { balance: next, postings } = expireDay(balance);
  const grantedMt = allowances[balance.plan].dailyMt;
  return { balance: { ...next, day, grantedMt, stopped: 0 }, postings };
}

/** Bought tokens that come from another account of the same person. */
export function bringTopUp(balance: Balance, amountMt: number, reason: string): Change {
  if (amountMt === 0) return { balance, postings: [] };
  const legs: Leg[] = [
    { book: 'system:moved', amountMt: -amountMt },
    { book: 'topUp', amountMt },
  ];
  const brought = post(balance, legs, reason, null);
  return { balance: brought.balance, postings: [brought.posting] };
}

/** Bought tokens that go to another account of the same person, as far as they are left. */
export function moveTopUp(
  balance: Balance,
  amountMt: number,
  reason: string,
): Change & { readonly movedMt: number } {
  const movedMt = Math.min(balance.topUpMt, amountMt);
  if (movedMt === 0) return { balance, postings: [], movedMt };
  const legs: Leg[] = [
    { book: 'topUp', amountMt: -movedMt },
    { book: 'system:moved', amountMt: movedMt },
  ];
  const moved = post(balance, legs, reason, null);
  return { balance: moved.balance, postings: [moved.posting], movedMt };
}
