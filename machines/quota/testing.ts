// An account as the tests know it, and the bookkeeper who checks every posting it makes.
import { expect } from 'vitest';
import type { Plan, QuotaEvent, Standing } from '../contract/events.ts';
import { allowancesOf, DEFAULT_PLANS } from '../contract/plans.ts';
import type { Book, Posting } from '../effect.ts';
import { begin, takeAll, type StateOf } from '../testing.ts';
import { type Balance } from './balance.ts';
import { quotaMachine } from './machine.ts';

export type QuotaState = StateOf<typeof quotaMachine>;
export type Column = QuotaEvent['type'];

export const DAY_MS = 86_400_000;
/** Noon of a UTC day, counted from 2026-01-01. */
export const noon = (day: number): number => 1_767_225_600_000 + day * DAY_MS + DAY_MS / 2;

export const hold = (job: string, amountMt: number, at = noon(0)) => ({
  type: 'hold.requested' as const,
  job,
  amountMt,
  reason: 'Held for image',
  at,
});
export const capture = (job: string, amountMt: number, at = noon(0)) => ({
  type: 'hold.captureRequested' as const,
  job,
  amountMt,
  reason: 'Charged for image',
  at,
});
export const release = (job: string, at = noon(0)) => ({
  type: 'hold.releaseRequested' as const,
  job,
  reason: 'Returned: you cancelled the job',
  at,
});
export const planTo = (plan: Plan, at = noon(0)) => ({ type: 'plan.changed' as const, plan, at });
export const standingTo = (standing: Standing, at = noon(0)) => ({
  type: 'standing.changed' as const,
  standing,
  at,
});

export const credited = (amountMt: number, at = noon(0)) => ({
  type: 'topUp.credited' as const,
  amountMt,
  reason: 'Topped up',
  at,
});
export const withdrawn = (amountMt: number, at = noon(0)) => ({
  type: 'topUp.withdrawn' as const,
  amountMt,
  reason: 'The payment was returned',
  at,
});

export const joinInto = (into: string, at = noon(0)) => ({
  type: 'account.joinRequested' as const,
  into,
  at,
});
export const joined = (amountMt: number, at = noon(0)) => ({
  type: 'account.joined' as const,
  account: 'acc_2',
  amountMt,
  at,
});
export const part = (holder: string | null, at = noon(0)) => ({
  type: 'account.partRequested' as const,
  holder,
  at,
});
export const askBack = (amountMt: number, at = noon(0)) => ({
  type: 'topUp.returnRequested' as const,
  to: 'acc_2',
  amountMt,
  at,
});
export const returned = (amountMt: number, at = noon(0)) => ({
  type: 'topUp.returned' as const,
  amountMt,
  at,
});

/** As the plans are where nobody says otherwise. */
export const ALLOWANCES = allowancesOf(DEFAULT_PLANS);

export const born = () => begin(quotaMachine, { accountId: 'acc_1' }).snapshot;
export const after = (...events: readonly object[]) => takeAll(quotaMachine, born(), events);

const OWN = {
  allowance: (balance: Balance) => balance.allowanceMt,
  topUp: (balance: Balance) => balance.topUpMt,
  held: (balance: Balance) => balance.heldMt,
} as const;

/** Adds up what is posted, book by book, as an auditor with nothing but the ledger would. */
export class Bookkeeper {
  readonly sums = new Map<Book, number>();
  #posting = 0;

  constructor(opening?: Balance) {
    if (!opening) return;
    this.#posting = opening.posting;
    for (const [book, of] of Object.entries(OWN)) this.sums.set(book as Book, of(opening));
  }

  copy(): Bookkeeper {
    const copy = new Bookkeeper();
    copy.#posting = this.#posting;
    for (const [book, sum] of this.sums) copy.sums.set(book, sum);
    return copy;
  }

  sum(book: Book): number {
    return this.sums.get(book) ?? 0;
  }

  enter(postings: readonly Posting[]): this {
    for (const { posting, legs } of postings) {
      if (posting !== ++this.#posting) expect(posting, 'postings are numbered').toBe(this.#posting);
      const total = legs.reduce((sum, leg) => sum + leg.amountMt, 0);
      if (total !== 0 || legs.length < 2) expect([total, legs], 'I1 legs sum to zero').toBeNull();
      for (const { book, amountMt, balanceMt } of legs) {
        if (!Number.isSafeInteger(amountMt) || amountMt === 0)
          expect(amountMt, 'I1 a leg moves whole millitokens').toBeNull();
        this.sums.set(book, this.sum(book) + amountMt);
        const running = book in OWN ? this.sum(book) : null;
        if (balanceMt !== running) expect(balanceMt, `I1 balance of ${book}`).toBe(running);
      }
    }
    return this;
  }

  /** Ledger and balance say the same, nothing is overdrawn, every held token has its hold. */
  check(balance: Balance): void {
    for (const [book, of] of Object.entries(OWN)) {
      if (this.sum(book as Book) !== of(balance))
        expect(of(balance), `I1 ${book}`).toBe(this.sum(book as Book));
      if (of(balance) < 0) expect(of(balance), `I2 ${book}`).toBeGreaterThanOrEqual(0);
    }
    const held = Object.values(balance.holds).reduce(
      (sum, each) => sum + each.allowanceMt + each.topUpMt,
      0,
    );
    if (held !== balance.heldMt)
      expect(held, 'I3 held is the sum of the holds').toBe(balance.heldMt);
  }
}
