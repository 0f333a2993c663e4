// What Stripe is asked for when somebody wants to pay. Everything that we need to know later travels in the
// metadata of the objects that are looked at then, so that nothing has to be remembered here.
import type Stripe from 'stripe';
import { articleName, type Order } from '../../../machines/contract/payments.ts';

/** Set by nobody but us: Stripe shows and keeps it, and takes it from the secret key's owner only. */
export const META = {
  account: 'tessera_account',
  article: 'tessera_article',
  boughtMt: 'tessera_bought_mt',
  amount: 'tessera_amount',
} as const;

export const customerParams = (account: string): Stripe.CustomerCreateParams => ({
  metadata: { [META.account]: account },
});

export function checkoutParams(order: Order): Stripe.Checkout.SessionCreateParams {
  const { account, article, customer, returnUrl } = order;
  const metadata = {
    [META.account]: account,
    [META.article]: articleName(article),
    [META.boughtMt]: String(order.boughtMt),
    [META.amount]: String(order.amount),
  };
  const common: Stripe.Checkout.SessionCreateParams = {
    client_reference_id: account,
    metadata,
    line_items: [{ quantity: 1, ...whatIsSold(order) }],
    success_url: `${returnUrl}?payment=done`,
    cancel_url: `${returnUrl}?payment=left`,
    ...(customer === null ? {} : { customer }),
  };
  return article.kind === 'plan'
    ? { ...common, mode: 'subscription', subscription_data: { metadata } }
    : { ...common, mode: 'payment', payment_intent_data: { metadata } };
}

function whatIsSold(order: Order): Stripe.Checkout.SessionCreateParams.LineItem {
  const { article, title, currency, amount, stripePrice } = order;
  if (stripePrice !== null) return { price: stripePrice };
  return {
    price_data: {
      currency,
      unit_amount: amount,
      product_data: { name: title },
      ...(article.kind === 'plan' ? { recurring: { interval: 'month' as const } } : {}),
    },
  };
}
