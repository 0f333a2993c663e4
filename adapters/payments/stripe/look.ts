// Looking at Stripe's objects: what was paid, what went back, until when a subscription is paid.
import type Stripe from 'stripe';
import type {
  Finding,
  PaidPlan,
  Payer,
  Payment,
  Thing,
} from '../../../machines/contract/payments.ts';
import { META } from './checkout.ts';
import type { StripeOptions } from './rail.ts';

type Options = Pick<StripeOptions, 'planOfPrice'>;

export async function lookAt(
  stripe: Stripe,
  { kind, id }: Thing,
  options: Options,
): Promise<readonly Finding[]> {
  switch (kind) {
    case 'subscription':
      return lookAtSubscription(stripe, id, options);
    case 'payment_intent':
      return lookAtPayment(stripe, id, options);
    case 'invoice': {
      const subscription = subscriptionOf(await stripe.invoices.retrieve(id));
      return subscription === null ? [] : lookAtSubscription(stripe, subscription, options);
    }
    case 'checkout.session': {
      const session = await stripe.checkout.sessions.retrieve(id);
      const [subscription, payment] = [idOf(session.subscription), idOf(session.payment_intent)];
      if (subscription !== null) return lookAtSubscription(stripe, subscription, options);
      return payment === null ? [] : lookAtPayment(stripe, payment, options);
    }
    default:
      throw new Error(`Stripe has no ${kind} that is looked at.`);
  }
}

const idOf = (named: string | { readonly id: string } | null | undefined): string | null =>
  typeof named === 'string' ? named : (named?.id ?? null);

const subscriptionOf = ({ parent }: Stripe.Invoice): string | null =>
  idOf(parent?.subscription_details?.subscription);

// --- subscriptions --------------------------------------------------------------------------------

/** With what was paid for the latest period: money that went back carries no plan. */
async function lookAtSubscription(
  stripe: Stripe,
  id: string,
  { planOfPrice }: Options,
): Promise<readonly Finding[]> {
  const subscription = await stripe.subscriptions.retrieve(id, {
    expand: ['latest_invoice.payments'],
  });
  const plan = planOf(subscription, planOfPrice);
  if (plan === null) return []; // not one of ours
  const payer = payerOf(subscription);
  const latest = paidIntentOf(subscription.latest_invoice);
  const payment =
    latest === null ? null : ((await intentOf(stripe, latest, `plan:${plan}`))?.payment ?? null);
  const wentBack = payment !== null && (payment.disputed || payment.refunded >= payment.amount);
  const report = { id, plan, ...standingOf(subscription) };
  return [
    {
      payer,
      subscription: wentBack ? { ...report, standing: 'ended' } : report,
      payment,
    },
  ];
}

const payerOf = (of: Pick<Stripe.Subscription, 'metadata'> & { customer: unknown }): Payer => ({
  account: of.metadata[META.account] ?? null,
  customer: idOf(of.customer as string | { id: string } | null),
  person: null,
});

/** By its price, which a customer may have changed in the portal; else by what was ordered. */
function planOf(
  { items, metadata }: Stripe.Subscription,
  planOfPrice: Options['planOfPrice'],
): PaidPlan | null {
  const byPrice = planOfPrice[items.data[0]?.price.id ?? ''];
  if (byPrice) return byPrice;
  const ordered = /^plan:(starter|pro)$/.exec(metadata[META.article] ?? '')?.[1];
  return (ordered as PaidPlan | undefined) ?? null;
}

type Standing = Pick<NonNullable<Finding['subscription']>, 'standing' | 'paidUntil' | 'renews'>;

function standingOf(subscription: Stripe.Subscription): Standing {
  const { status, items, cancel_at_period_end: ends, cancel_at: cancelAtS } = subscription;
  const [item] = items.data;
  const startS = item?.current_period_start ?? 0;
  const endS = item?.current_period_end ?? 0;
  switch (status) {
    case 'active':
    case 'trialing': {
      const untilS = cancelAtS === null ? endS : Math.min(endS, cancelAtS);
      return {
        standing: 'running',
        paidUntil: untilS * 1000,
        renews: !ends && !(cancelAtS !== null && cancelAtS <= endS),
      };
    }
    case 'past_due':
      // The period has moved on already, and is not paid for.
      return { standing: 'running', paidUntil: startS * 1000, renews: true };
    case 'incomplete':
    case 'incomplete_expired':
      return { standing: 'pending', paidUntil: null, renews: false };
    default:
      return { standing: 'ended', paidUntil: endS * 1000, renews: false };
  }
}

function paidIntentOf(invoice: Stripe.Subscription['latest_invoice']): string | null {
  if (invoice === null || typeof invoice === 'string') return null;
  const paid = invoice.payments?.data.find(({ status }) => status === 'paid');
  return idOf(paid?.payment.payment_intent);
}

// --- payments -------------------------------------------------------------------------------------

async function lookAtPayment(
  stripe: Stripe,
  id: string,
  options: Options,
): Promise<readonly Finding[]> {
  const found = await intentOf(stripe, id, null);
  if (found === null) return [];
  if (found.payment)
    return [{ payer: payerOf(found.intent), subscription: null, payment: found.payment }];
  const invoiced = await stripe.invoicePayments.list({
    payment: { type: 'payment_intent', payment_intent: id },
    limit: 1,
  });
  const invoice = idOf(invoiced.data[0]?.invoice);
  if (invoice === null) return []; // not one of ours
  const subscription = subscriptionOf(await stripe.invoices.retrieve(invoice));
  if (subscription === null) return [];
  const findings = await lookAtSubscription(stripe, subscription, options);
  // An earlier period's payment: the subscription goes by its latest one, the receipt is this one's.
  const [of] = findings;
  if (!of?.subscription || of.payment?.id === id) return findings;
  const earlier = await intentOf(stripe, id, `plan:${of.subscription.plan}`);
  return [of, { payer: of.payer, subscription: null, payment: earlier?.payment ?? null }];
}

interface Intent {
  readonly intent: Stripe.PaymentIntent;
  /** Null: it is not said what was bought. */
  readonly payment: Payment | null;
}

/** @param article what it paid for; null: the intent says so itself, or nobody does */
async function intentOf(
  stripe: Stripe,
  id: string,
  article: string | null,
): Promise<Intent | null> {
  const intent = await stripe.paymentIntents.retrieve(id, { expand: ['latest_charge'] });
  const charge = intent.latest_charge;
  if (intent.status !== 'succeeded' || charge === null || typeof charge === 'string') return null;
  const what = article ?? intent.metadata[META.article] ?? null;
  if (what === null) return { intent, payment: null };
  const disputed = charge.disputed && (await isTakenAway(stripe, id));
  const amount = intent.amount_received;
  const refunded = Math.min(amount, charge.amount_refunded);
  const boughtMt = boughtBy(intent);
  return {
    intent,
    payment: {
      ...{ id, article: what, currency: intent.currency, amount, refunded, disputed },
      paidAt: charge.created * 1000,
      boughtMt,
      keptMt: disputed ? 0 : Math.floor((boughtMt * (amount - refunded)) / Math.max(1, amount)),
    },
  };
}

/** Less was paid than was asked for: then that much less was bought. */
function boughtBy({ metadata, amount_received: amount }: Stripe.PaymentIntent): number {
  const ordered = Number(metadata[META.boughtMt] ?? 0);
  const asked = Number(metadata[META.amount] ?? 0);
  if (!Number.isSafeInteger(ordered) || ordered <= 0 || !(asked > 0)) return 0;
  return amount >= asked ? ordered : Math.floor((ordered * amount) / asked);
}

/** Inquiries take no money yet; a dispute that was won gives it back. */
const KEEPS_THE_MONEY = /^(won|prevented|warning_.*)$/;

async function isTakenAway(stripe: Stripe, paymentIntent: string): Promise<boolean> {
  const disputes = await stripe.disputes.list({ payment_intent: paymentIntent, limit: 100 });
  return disputes.data.some(({ status }) => !KEEPS_THE_MONEY.test(status));
}
