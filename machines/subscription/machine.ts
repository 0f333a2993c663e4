// What one account has paid for, whoever took the money. SPEC.md numbers its promises. Nothing here goes by
// the order of messages: each report is a provider's whole state at a time, and the latest one counts.
import { assign, setup, type SnapshotFrom } from 'xstate';
import type { Plan, Stamped, SubscriptionEvent } from '../contract/events.ts';
import { quotaRef } from '../contract/ids.ts';
import type { Checkout } from '../contract/payments.ts';
import { effects, type Effects } from '../effect.ts';
import { entitlementOf, hasPaid, nextChangeAt, withReport, type Sources } from './entitlement.ts';
import {
  creditReason,
  NO_PURCHASES,
  settle,
  takeBackReason,
  takenBack,
  type Purchases,
} from './purchases.ts';

export interface SubscriptionContext {
  readonly accountId: string;
  /** Where somebody was sent to pay for a plan, until the provider has said something since. */
  readonly checkout: (Checkout & { readonly openedAt: number }) | null;
  readonly sources: Sources;
  readonly purchases: Purchases;
  /** The plan that the account's quota was told last. */
  readonly told: Plan;
  /** Time of the last event that counted: delays begin here. */
  readonly at: number;
}

type Event = Stamped<SubscriptionEvent>;

interface Args {
  readonly context: SubscriptionContext;
  readonly event: Event;
}

type Tell = Effects['actor.tell'];

interface Change {
  readonly context: SubscriptionContext;
  readonly tells: readonly Tell[];
}

type State = 'none' | 'pendingPayment' | 'active' | 'pastDue' | 'cancelled';

/** The state is read off the facts, whichever way they came. */
function stateOf({ sources, checkout, at }: SubscriptionContext): State {
  const entitlement = entitlementOf(sources, at);
  if (entitlement) return entitlement.by === 'paid' ? 'active' : 'pastDue';
  if (checkout && at < checkout.expiresAt) return 'pendingPayment';
  return hasPaid(sources) ? 'cancelled' : 'none';
}

/** The facts after an event; null when it is no news. Timers change nothing but the time. */
function factsAfter({ context, event }: Args): SubscriptionContext | null {
  const { at } = event;
  switch (event.type) {
    case 'checkout.opened':
      if (event.checkout.id === context.checkout?.id) return null;
      return { ...context, at, checkout: { ...event.checkout, openedAt: at } };
    case 'subscription.reported': {
      const { report } = event;
      const sources = withReport(context.sources, report, at);
      if (sources === null) return null;
      const isAnswered =
        report.standing !== 'pending' && report.asOf >= (context.checkout?.openedAt ?? 0);
      return { ...context, at, sources, checkout: isAnswered ? null : context.checkout };
    }
    default:
      return { ...context, at };
  }
}

/** The facts, and the quota is told of the plan when it is another one. */
function entitled(args: Args): Change | null {
  const facts = factsAfter(args);
  if (facts === null) return null;
  const plan = entitlementOf(facts.sources, facts.at)?.plan ?? 'free';
  if (plan === facts.told) return { context: facts, tells: [] };
  const tell: Tell = { to: quotaRef(facts.accountId), event: { type: 'plan.changed', plan } };
  return { context: { ...facts, told: plan }, tells: [tell] };
}

/** What of a purchase is to be credited or taken back now. */
function settled({ context, event }: Args): Change | null {
  if (event.type !== 'purchase.reported') return null;
  const { report } = event;
  const settlement = settle(context.purchases, report);
  if (settlement === null) return null;
  const { purchase, creditMt, takeBackMt } = settlement.due;
  const to = quotaRef(context.accountId);
  const tells: Tell[] = [];
  if (creditMt > 0) {
    const reason = creditReason(report);
    tells.push({ to, event: { type: 'topUp.credited', amountMt: creditMt, reason } });
  }
  if (takeBackMt > 0) {
    const reason = takeBackReason(report);
    const asked = { by: context.accountId, purchase };
    tells.push({ to, event: { type: 'topUp.withdrawn', amountMt: takeBackMt, reason, asked } });
  }
  return { context: { ...context, purchases: settlement.purchases }, tells };
}

function answered({ context, event }: Args): Change | null {
  if (event.type !== 'topUp.takenBack') return null;
  const purchases = takenBack(context.purchases, event.purchase, event.amountMt);
  return purchases === null ? null : { context: { ...context, purchases }, tells: [] };
}

const base = setup({
  // eslint-disable-next-line @typescript-eslint/no-unnecessary-type-assertion -- XState's way to say it
  types: {} as {
    context: SubscriptionContext;
    events: Event;
    input: { accountId: string };
    tags: 'entitled';
  },
  actions: { ...effects, keep: assign((_, context: SubscriptionContext) => context) },
  delays: {
    checkoutEnd: ({ context }) => Math.max(0, (context.checkout?.expiresAt ?? 0) - context.at),
    periodEnd: ({ context }) => nextChangeAt(context.sources, context.at) - context.at,
    graceEnd: ({ context }) => nextChangeAt(context.sources, context.at) - context.at,
  },
});

const change = (by: (args: Args) => Change | null) =>
  base.enqueueActions(({ context, event, enqueue }) => {
    const { context: next, tells } = by({ context, event })!;
    enqueue({ type: 'keep', params: next });
    for (const params of tells) enqueue({ type: 'actor.tell', params });
  });

const leadsTo =
  (state: State) =>
  (args: Args): boolean => {
    const facts = factsAfter(args);
    return facts !== null && stateOf(facts) === state;
  };

/** Entered anew each time, so that the timer is set by the new facts. */
const to = <G extends string>(state: State, guard: G) =>
  ({ guard, target: `#subscription.${state}`, reenter: true, actions: 'follow' }) as const;

/** One of these holds, or the event is no news. */
const BY_THE_FACTS = [
  to('active', 'isPaid'),
  to('pastDue', 'isInGrace'),
  to('pendingPayment', 'isAwaited'),
  to('cancelled', 'isOver'),
  to('none', 'isNothing'),
] as const;

export const subscriptionMachine = base
  .extend({
    guards: {
      isPaid: leadsTo('active'),
      isInGrace: leadsTo('pastDue'),
      isAwaited: leadsTo('pendingPayment'),
      isOver: leadsTo('cancelled'),
      isNothing: leadsTo('none'),
      isNews: (args) => settled(args) !== null,
      isTaken: (args) => answered(args) !== null,
    },
    actions: {
      follow: change(entitled),
      settle: change(settled),
      note: change(answered),
    },
  })
  .createMachine({
    id: 'subscription',
    initial: 'none',
    context: ({ input }) => ({
      accountId: input?.accountId,
      checkout: null,
      sources: {},
      purchases: NO_PURCHASES,
      told: 'free',
      at: 0,
    }),
    on: {
      'checkout.opened': BY_THE_FACTS,
      'subscription.reported': BY_THE_FACTS,
      'purchase.reported': { guard: 'isNews', actions: 'settle' },
      'topUp.takenBack': { guard: 'isTaken', actions: 'note' },
    },
    states: {
      none: { description: 'Nothing was ever paid for a plan.' },
      pendingPayment: {
        description: 'Somebody was sent to a provider to pay for a plan.',
        after: { checkoutEnd: BY_THE_FACTS },
      },
      active: {
        description: 'A plan is paid for.',
        tags: 'entitled',
        after: { periodEnd: BY_THE_FACTS },
      },
      pastDue: {
        description: 'The paid period is over and the provider still tries: a time of grace.',
        tags: 'entitled',
        after: { graceEnd: BY_THE_FACTS },
      },
      cancelled: { description: 'There was a plan; nothing is paid for now.' },
    },
  });

export type SubscriptionSnapshot = SnapshotFrom<typeof subscriptionMachine>;
