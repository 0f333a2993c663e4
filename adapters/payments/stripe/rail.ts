// Cards, by Stripe: a checkout page, a portal, signed events. What an event says of an object is not believed:
// only which object it is about. The object is fetched.
import Stripe from 'stripe';
import {
  articleName,
  PaymentRefused,
  type News,
  type Opened,
  type Order,
  type PaidPlan,
  type PaymentName,
  type PaymentRail,
  type Thing,
} from '../../../machines/contract/payments.ts';
import { checkoutParams, customerParams } from './checkout.ts';
import { lookAt } from './look.ts';
import { HEARD, newsOf } from './news.ts';

const TIMEOUT_MS = 15_000;
const RETRIES = 2;
/** As Stripe's own libraries: an older signature is a replay. */
const TOLERANCE_S = 300;
/** Events may be listed a little late. */
const OVERLAP_S = 3_600;
/** Stripe lists no older ones. */
const EVENTS_KEPT_S = 30 * 86_400;
const PAGE = 100;

export interface StripeOptions {
  readonly secretKey: string;
  /** Two while one is replaced by the other. */
  readonly webhookSecrets: readonly string[];
  /** Plans by Stripe's own prices, where there are any. */
  readonly planOfPrice: Readonly<Record<string, PaidPlan>>;
  /** Our time, in milliseconds. */
  readonly now: () => number;
  /** Where Stripe is, if it is not where it always is. */
  readonly at?: {
    readonly host: string;
    readonly port: number;
    readonly protocol: 'http' | 'https';
  };
}

/** Stripe says the mode in the key itself. */
export const isLiveKey = (secretKey: string): boolean => /^(sk|rk)_live_/.test(secretKey);

export function stripeRail(options: StripeOptions): PaymentRail {
  const { secretKey, webhookSecrets, now } = options;
  const isLive = isLiveKey(secretKey);
  const stripe = new Stripe(secretKey, {
    ...options.at,
    timeout: TIMEOUT_MS,
    maxNetworkRetries: RETRIES,
    telemetry: false,
  });

  const readNews = (body: Buffer, signature: string): News => {
    for (const secret of webhookSecrets)
      try {
        const { webhooks } = stripe;
        const event = webhooks.constructEvent(
          body,
          signature,
          secret,
          TOLERANCE_S,
          undefined,
          now(),
        );
        return newsOf(event, isLive);
      } catch (error) {
        if (!(error instanceof Stripe.errors.StripeSignatureVerificationError)) throw error;
      }
    throw new PaymentRefused('forged', 'The signature is not that of this body.');
  };

  const since: PaymentRail['since'] = async (cursor) => {
    const nowS = Math.floor(now() / 1000);
    const from = Math.max(Number(cursor ?? nowS) - OVERLAP_S, nowS - EVENTS_KEPT_S);
    const events: Stripe.Event[] = [];
    const query = { created: { gte: from }, types: [...HEARD], limit: PAGE };
    for await (const event of stripe.events.list(query)) events.push(event);
    events.reverse(); // the newest come first
    const newest = events.at(-1)?.created ?? 0;
    return {
      news: events.map((event) => newsOf(event, isLive)),
      cursor: String(Math.max(newest, Number(cursor ?? from))),
    };
  };

  return {
    rail: 'stripe',
    isLive,
    readNews,
    since,
    open: async (order: Order): Promise<Opened> => {
      const session = await stripe.checkout.sessions.create(checkoutParams(order), {
        idempotencyKey: `checkout:${order.account}:${articleName(order.article)}:${order.key}`,
      });
      const { id, url, expires_at: expiresS } = session;
      if (url === null) throw new PaymentRefused('impossible', 'Stripe opened no page to pay on.');
      return { id, url, expiresAt: expiresS * 1000 };
    },
    look: (thing: Thing) => lookAt(stripe, thing, options),
    refund: async ({ id }: PaymentName, amount, key): Promise<Thing> => {
      await stripe.refunds.create(
        { payment_intent: id, ...(amount === null ? {} : { amount }) },
        { idempotencyKey: `refund:${id}:${key}` },
      );
      return { kind: 'payment_intent', id };
    },
    newCustomer: async (account) => {
      const idempotencyKey = `customer:${account}`;
      const { id } = await stripe.customers.create(customerParams(account), { idempotencyKey });
      return id;
    },
    portal: async (customer, returnUrl) => {
      const session = { customer, return_url: returnUrl };
      return (await stripe.billingPortal.sessions.create(session)).url;
    },
  };
}
