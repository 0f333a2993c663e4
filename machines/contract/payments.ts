// What is known of somebody's payments, whoever the provider is. A rail (card, Telegram Stars, Discord store)
// looks at its provider and reports; the `subscription` actor decides.
import type { Plan } from './events.ts';

export const RAILS = ['stripe', 'telegram', 'discord'] as const;
export type Rail = (typeof RAILS)[number];

export const PAID_PLANS = ['starter', 'pro'] as const satisfies readonly Plan[];
export type PaidPlan = (typeof PAID_PLANS)[number];

/**
 * A subscription as its provider had it. Reports of one subscription are ordered by `asOf` alone, so it does
 * not matter in which order they arrive.
 */
export interface SubscriptionReport {
  readonly rail: Rail;
  /** The provider's. */
  readonly id: string;
  /** Our time when the provider was asked, before it answered. */
  readonly asOf: number;
  readonly plan: PaidPlan;
  /** pending: never paid for. ended: over at once, whatever was paid (refunded, disputed, cancelled now). */
  readonly standing: 'pending' | 'running' | 'ended';
  /** Null: until the provider says otherwise. */
  readonly paidUntil: number | null;
  /** The provider goes on trying to be paid after that. */
  readonly renews: boolean;
}

/** A payment for tokens that do not expire, as its provider had it. */
export interface PurchaseReport {
  readonly rail: Rail;
  readonly id: string;
  readonly asOf: number;
  readonly paidAt: number;
  readonly boughtMt: number;
  /** What is left of it after refunds and disputes. */
  readonly keptMt: number;
  /** Why less is kept than was bought. */
  readonly why: 'refunded' | 'disputed' | null;
}

/** Somebody was sent to a provider to pay for a plan. */
export interface Checkout {
  readonly rail: Rail;
  readonly id: string;
  readonly plan: PaidPlan;
  readonly expiresAt: number;
}
