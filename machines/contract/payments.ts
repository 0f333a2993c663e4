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

// --- the port -------------------------------------------------------------------------------------

/** What is sold: a plan for a month, or tokens once. */
export type Article =
  | { readonly kind: 'plan'; readonly plan: PaidPlan }
  | { readonly kind: 'topUp'; readonly id: string };

/** `plan:pro`, `topUp:small`: how an article travels through a provider and back. */
export const articleName = (article: Article): string =>
  article.kind === 'plan' ? `plan:${article.plan}` : `topUp:${article.id}`;

export interface Order {
  readonly account: string;
  readonly article: Article;
  readonly title: string;
  /** Millitokens that the account gets; 0 for a plan, whose days are granted one by one. */
  readonly boughtMt: number;
  readonly currency: string;
  /** In the smallest unit of the currency. */
  readonly amount: number;
  /** Telegram's own currency; null: not sold for it. */
  readonly stars: number | null;
  /** Of the provider's own catalogue, where the operator keeps one. */
  readonly stripePrice: string | null;
  readonly discordSku: string | null;
  /** The provider's name for the person, if it has one already. */
  readonly customer: string | null;
  /** Where the person comes back to. */
  readonly returnUrl: string;
  /** The same order under the same key is made once. */
  readonly key: string;
}

/** Where the person pays. */
export interface Opened {
  readonly id: string;
  readonly url: string;
  readonly expiresAt: number;
}

/** Something at the provider, in its own words: `subscription sub_1`. */
export interface Thing {
  readonly kind: string;
  readonly id: string;
}

/** Something happened to it. What exactly is looked up, never believed. */
export interface News {
  /** Unique on its rail: each acts once. */
  readonly id: string;
  readonly type: string;
  /** Null: nothing that concerns us. */
  readonly about: Thing | null;
}

/** Who paid, as far as the provider can say. */
export interface Payer {
  readonly account: string | null;
  readonly customer: string | null;
  /** On the provider's own platform. */
  readonly person: string | null;
}

/** Money that moved: a line of somebody's receipts. */
export interface Payment {
  readonly id: string;
  /** See `articleName`. */
  readonly article: string;
  readonly currency: string;
  readonly amount: number;
  readonly refunded: number;
  readonly disputed: boolean;
  readonly paidAt: number;
  readonly boughtMt: number;
  readonly keptMt: number;
}

/** What a rail saw when it looked. */
export interface Finding {
  readonly payer: Payer;
  readonly subscription: Omit<SubscriptionReport, 'rail' | 'asOf'> | null;
  readonly payment: Payment | null;
}

/** One way of being paid. It looks and asks at its provider; it decides nothing and keeps nothing. */
export interface PaymentRail {
  readonly rail: Rail;
  /** Real money; what is known of the other mode is never mixed in. */
  readonly isLive: boolean;
  open(order: Order): Promise<Opened>;
  look(thing: Thing): Promise<readonly Finding[]>;
  /** @param amount null: all that is left of it. @param key the same refund under the same key is made once */
  refund(payment: PaymentName, amount: number | null, key: string): Promise<Thing>;
  /** What happened since, whether or not anybody told us. Null: from the beginning. */
  since(
    cursor: string | null,
  ): Promise<{ readonly news: readonly News[]; readonly cursor: string }>;
  /** Told once a finding is credited; may be told again. */
  settled?(finding: Finding): Promise<void>;
  /** The provider's name for an account that it did not know before. */
  newCustomer?(account: string): Promise<string>;
  /** Where a customer sees and ends their own subscriptions. */
  portal?(customer: string, returnUrl: string): Promise<string>;
  /** What a signed message says. @throws PaymentRefused */
  readNews?(body: Buffer, signature: string): News;
  /** Before somebody is charged, within ten seconds: nothing is waited for. */
  answerPreCheckout?(
    query: PreCheckout,
  ): Promise<{ readonly ok: boolean; readonly why: string | null }>;
}

export interface PaymentName {
  readonly id: string;
  /** On the provider's platform, where it wants to know. */
  readonly person: string | null;
}

export interface PreCheckout {
  readonly id: string;
  readonly person: string;
  readonly currency: string;
  readonly amount: number;
  readonly payload: string;
}

export type PaymentRefusal =
  | 'forged'
  /** Live where we are testing, or the other way round. */
  | 'wrong_mode'
  | 'not_sold'
  /** There is no such thing at the provider, or it cannot be done to it. */
  | 'impossible';

export class PaymentRefused extends Error {
  override readonly name = 'PaymentRefused';
  readonly why: PaymentRefusal;

  constructor(why: PaymentRefusal, message: string) {
    super(message);
    this.why = why;
  }
}
