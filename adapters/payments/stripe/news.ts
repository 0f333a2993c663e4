// Stripe's events, as far as they matter: which object is to be looked at.
import type Stripe from 'stripe';
import { PaymentRefused, type News, type Thing } from '../../../machines/contract/payments.ts';

type Type = Stripe.Event['type'];

/** What has to be switched on for the endpoint at Stripe. */
export const HEARD = [
  'checkout.session.completed',
  'checkout.session.async_payment_succeeded',
  'customer.subscription.created',
  'customer.subscription.updated',
  'customer.subscription.deleted',
  'customer.subscription.paused',
  'customer.subscription.resumed',
  'invoice.paid',
  'invoice.payment_failed',
  'charge.refunded',
  'charge.dispute.created',
  'charge.dispute.updated',
  'charge.dispute.closed',
  'charge.dispute.funds_withdrawn',
  'charge.dispute.funds_reinstated',
] as const satisfies readonly Type[];

const isHeard = (type: string): boolean => (HEARD as readonly string[]).includes(type);

/** Of the event only its name, its mode and the name of its object are taken. */
export function newsOf(event: Stripe.Event, isLive: boolean): News {
  if (event.livemode !== isLive)
    throw new PaymentRefused(
      'wrong_mode',
      `This event is ${event.livemode ? 'live' : 'of the test mode'}, and the key here is not.`,
    );
  const { id, type } = event;
  return { id, type, about: isHeard(type) ? thingOf(event.data.object) : null };
}

function thingOf(said: object): Thing | null {
  const object = said as { object?: string; id?: string; payment_intent?: unknown };
  switch (object.object) {
    case 'checkout.session':
    case 'subscription':
    case 'invoice':
      return { kind: object.object, id: String(object.id) };
    case 'charge':
    case 'dispute':
      return typeof object.payment_intent === 'string'
        ? { kind: 'payment_intent', id: object.payment_intent }
        : null;
    default:
      return null;
  }
}
