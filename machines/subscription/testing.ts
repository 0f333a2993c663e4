// A paying account as the tests know it: reports as a rail would make them, at times of a small calendar.
import type {
  Checkout,
  PaidPlan,
  PurchaseReport,
  Rail,
  SubscriptionReport,
} from '../contract/payments.ts';
import type { SubscriptionEvent } from '../contract/events.ts';
import { begin, takeAll, timerEvent, type StateOf, type TimerOf } from '../testing.ts';
import { GRACE_MS } from './entitlement.ts';
import { subscriptionMachine } from './machine.ts';

export type SubscriptionState = StateOf<typeof subscriptionMachine>;
export type Timer = TimerOf<typeof subscriptionMachine>;
export type Column = SubscriptionEvent['type'] | Timer;

export const DAY_MS = 86_400_000;
/** Midnight of a day, counted from 2026-01-01. */
export const day = (n: number): number => 1_767_225_600_000 + n * DAY_MS;
/** The end of the period that the reports below have paid. */
export const PAID_UNTIL = day(30);
export const GRACE_ENDS = PAID_UNTIL + GRACE_MS;

interface When {
  readonly at?: number;
}

export const sub = (change: Partial<SubscriptionReport> & When = {}) => {
  const { at = day(1), ...rest } = change;
  const report: SubscriptionReport = {
    ...{ rail: 'stripe', id: 'sub_1', asOf: at, plan: 'starter', standing: 'running' },
    ...{ paidUntil: PAID_UNTIL, renews: true },
    ...rest,
  };
  return { type: 'subscription.reported' as const, report, at };
};

export const bought = (change: Partial<PurchaseReport> & When = {}) => {
  const { at = day(1), ...rest } = change;
  const report: PurchaseReport = {
    ...{ rail: 'stripe', id: 'pi_1', asOf: at, paidAt: day(1), boughtMt: 100_000 },
    ...{ keptMt: 100_000, why: null },
    ...rest,
  };
  return { type: 'purchase.reported' as const, report, at };
};

export const opened = (
  plan: PaidPlan = 'starter',
  at = day(0),
  id = 'cs_1',
  rail: Rail = 'stripe',
) => {
  const checkout: Checkout = { rail, id, plan, expiresAt: at + DAY_MS };
  return { type: 'checkout.opened' as const, checkout, at };
};

export const takenBack = (amountMt: number, purchase = 'stripe:pi_1', at = day(2)) => ({
  type: 'topUp.takenBack' as const,
  purchase,
  amountMt,
  at,
});

export const timer = (name: Timer, at: number) => ({
  type: timerEvent(subscriptionMachine, name),
  at,
});

/** A way to each state. */
export const WAYS = {
  none: [bought()],
  pendingPayment: [opened()],
  active: [opened(), sub(), bought()],
  pastDue: [sub(), timer('periodEnd', PAID_UNTIL)],
  cancelled: [sub(), sub({ at: day(2), standing: 'ended' })],
} as const satisfies Record<SubscriptionState, readonly object[]>;

export const born = () => begin(subscriptionMachine, { accountId: 'acc_1' }).snapshot;
export const after = (...events: readonly object[]) => takeAll(subscriptionMachine, born(), events);
