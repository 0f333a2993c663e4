// The arithmetic of one account: grant, hold, capture, release (reserve / post / void). Pure; every
// change comes with its double-entry posting. Amounts are integer millitokens.
import type { Plan } from '../contract/events.ts';
import type { Book, Posting } from '../effect.ts';

/** Tokens granted for a UTC day, per plan. 1 token = 1000 millitokens = one 1024x1024 image. */
export const DAILY_GRANT_MT = {
  free: 20_000,
  starter: 120_000,
  pro: 300_000,
} as const satisfies Record<Plan, number>;

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
  posting: 0,
});

const DAY_MS = 86_400_000;

/** The UTC date of a time, without a calendar object: days since 1970 -> civil date (Hinnant). */
export function utcDay(at: number): string {
  const z = Math.floor(at / DAY_MS) + 719_468;
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
  const day = dayOfYear - Math.floor((153 * monthFromMarch + 2) / 5) + 1;
  const month = monthFromMarch < 10 ? monthFromMarch + 3 : monthFromMarch - 9;
  const year = yearOfEra + era * 400 + (month <= 2 ? 1 : 0);
  const pad = (value: number, width: number) => String(value).padStart(width, '0');
  return `${pad(year, 4)}-${pad(month, 2)}-${pad(day, 2)}`;
}

/** The next UTC midnight: when the allowance is granted anew. */
export const nextReset = (at: number): number => (Math.floor(at / DAY_MS) + 1) * DAY_MS;

export const availableMt = (balance: Balance): number => balance.allowanceMt + balance.topUpMt;

interface Leg {
  readonly book: Book;
  readonly amountMt: number;
}

/** Applies the legs to the person's own books and writes the posting. Legs of zero are left out. */
function post(
  balance: Balance,
  legs: readonly Leg[],
  reason: string,
  jobId: string | null,
): { balance: Balance; posting: Posting } {
  const books = { allowance: balance.allowanceMt, topUp: balance.topUpMt, held: balance.heldMt };
  const number = balance.posting + 1;
  const written = legs
    .filter((leg) => leg.amountMt !== 0)
    .map((leg) => {
      if (!(leg.book in books)) return { ...leg, balanceMt: null };
      const book = leg.book as keyof typeof books;
      books[book] += leg.amountMt;
      if (books[book] < 0) throw new Error(`Posting ${number} would overdraw ${book}.`);
      return { ...leg, balanceMt: books[book] };
    });
  if (written.reduce((sum, leg) => sum + leg.amountMt, 0) !== 0)
    throw new Error(`Posting ${number} does not sum to zero.`);
  return {
    balance: {
      ...balance,
      allowanceMt: books.allowance,
      topUpMt: books.topUp,
      heldMt: books.held,
      posting: number,
    },
    posting: { posting: number, legs: written, reason, jobId },
  };
}

/**
 * Brings the balance to the UTC day of `at`: what is left of the old day expires, the new day is
 * granted. The only function that grants; its key is (account, date). A clock that steps back changes nothing.
 */
export function rollDay(balance: Balance, at: number): Change {
  const day = utcDay(at);
  if (day <= balance.day) return { balance, postings: [] };
  const postings: Posting[] = [];
  let next = balance;
  if (balance.allowanceMt > 0) {
    const expired = post(
      next,
      [
        { book: 'allowance', amountMt: -balance.allowanceMt },
        { book: 'system:expired', amountMt: balance.allowanceMt },
      ],
      `Unused tokens of ${balance.day} expired`,
      null,
    );
    next = expired.balance;
    postings.push(expired.posting);
  }
  const amountMt = DAILY_GRANT_MT[balance.plan];
  const granted = post(
    next,
    [
      { book: 'system:granted', amountMt: -amountMt },
      { book: 'allowance', amountMt },
    ],
    `Tokens for ${day}`,
    null,
  );
  return {
    balance: { ...granted.balance, day, grantedMt: amountMt },
    postings: [...postings, granted.posting],
  };
}

/** Sets an amount aside, the day's allowance first. The caller has checked that it fits. */
export function placeHold(balance: Balance, job: string, amountMt: number, reason: string): Change {
  if (job in balance.holds) throw new Error(`Job ${job} already has a hold.`);
  // A negative hold would turn held tokens into spendable ones.
  if (!Number.isSafeInteger(amountMt) || amountMt <= 0)
    throw new Error(`Job ${job} cannot hold ${amountMt} millitokens.`);
  const allowanceMt = Math.min(balance.allowanceMt, amountMt);
  const topUpMt = amountMt - allowanceMt;
  const held = post(
    balance,
    [
      { book: 'allowance', amountMt: -allowanceMt },
      { book: 'topUp', amountMt: -topUpMt },
      { book: 'held', amountMt },
    ],
    reason,
    job,
  );
  const hold: Hold = { day: balance.day, allowanceMt, topUpMt };
  return {
    balance: { ...held.balance, holds: { ...balance.holds, [job]: hold } },
    postings: [held.posting],
  };
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
  );
  const { [job]: _, ...holds } = balance.holds;
  return { balance: { ...closed.balance, holds }, postings: [closed.posting] };
}

/** A plan change counts at once: a raise adds the difference today, a drop counts from tomorrow. */
export function changePlan(balance: Balance, plan: Plan): Change {
  const differenceMt = DAILY_GRANT_MT[plan] - balance.grantedMt;
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
  );
  const grantedMt = balance.grantedMt + differenceMt;
  return { balance: { ...granted.balance, plan, grantedMt }, postings: [granted.posting] };
}
