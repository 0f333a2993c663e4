// One account's tokens: grant the day, hold, capture, release. SPEC.md numbers its promises; the
// arithmetic is in balance.ts. Three independent questions, three regions: is there anything to spend,
// is the account in good standing, which plan is it on.
import { enqueueActions, setup, type SnapshotFrom } from 'xstate';
import type { QuotaEvent, Stamped, Standing } from '../contract/events.ts';
import { jobRef } from '../contract/ids.ts';
import { effects, type Effects } from '../effect.ts';
import {
  availableMt,
  changePlan,
  closeHold,
  emptyBalance,
  nextReset,
  placeHold,
  rollDay,
  type Balance,
  type Change,
} from './balance.ts';

export interface QuotaContext {
  readonly accountId: string;
  readonly balance: Balance;
}

type Event = Stamped<QuotaEvent>;
type EventOf<T extends QuotaEvent['type']> = Extract<Event, { type: T }>;

/** Every change begins by bringing the balance to the day of the event. */
function onDayOf(
  balance: Balance,
  event: Event,
  then: (balance: Balance) => Change = (today) => ({ balance: today, postings: [] }),
): Change {
  const today = rollDay(balance, event.at);
  const next = then(today.balance);
  return { balance: next.balance, postings: [...today.postings, ...next.postings] };
}

const reply = (context: QuotaContext, job: string) => jobRef(context.accountId, job);

function refusal(context: QuotaContext, event: Event, standing: Standing): Effects['actor.tell'] {
  const { job, amountMt, at } = event as EventOf<'hold.requested'>;
  return {
    to: reply(context, job),
    event: {
      type: 'hold.refused',
      neededMt: amountMt,
      availableMt: availableMt(rollDay(context.balance, at).balance),
      resetsAt: nextReset(at),
      standing,
    },
  };
}

export const quotaMachine = setup({
  // eslint-disable-next-line @typescript-eslint/no-unnecessary-type-assertion -- XState's way to say it
  types: {} as {
    context: QuotaContext;
    events: Event;
    input: { accountId: string };
    tags: 'spendable';
  },
  guards: {
    canAfford: ({ context, event }) =>
      event.type === 'hold.requested' &&
      availableMt(rollDay(context.balance, event.at).balance) >= event.amountMt,
    hasNothingLeft: ({ context }) =>
      context.balance.day !== '' && availableMt(context.balance) <= 0,
    hasTokens: ({ context }) => availableMt(context.balance) > 0,
    isFree: ({ event }) => (event as EventOf<'plan.changed'>).plan === 'free',
    isStarter: ({ event }) => (event as EventOf<'plan.changed'>).plan === 'starter',
    isGood: ({ event }) => (event as EventOf<'standing.changed'>).standing === 'good',
    isLimited: ({ event }) => (event as EventOf<'standing.changed'>).standing === 'limited',
  },
  actions: {
    ...effects,
    grantHold: enqueueActions(({ context, event, enqueue }) => {
      const { job, amountMt, reason } = event as EventOf<'hold.requested'>;
      const change = onDayOf(context.balance, event, (today) =>
        placeHold(today, job, amountMt, reason),
      );
      enqueue.assign({ balance: change.balance });
      for (const params of change.postings) enqueue({ type: 'ledger.post', params });
      enqueue({
        type: 'actor.tell',
        params: {
          to: reply(context, job),
          event: { type: 'hold.granted', plan: change.balance.plan },
        },
      });
    }),
    refuseHold: enqueueActions(({ context, event, enqueue }) => {
      enqueue({ type: 'actor.tell', params: refusal(context, event, 'good') });
    }),
    refuseLimited: enqueueActions(({ context, event, enqueue }) => {
      enqueue({ type: 'actor.tell', params: refusal(context, event, 'limited') });
    }),
    refuseSuspended: enqueueActions(({ context, event, enqueue }) => {
      enqueue({ type: 'actor.tell', params: refusal(context, event, 'suspended') });
    }),
    capture: enqueueActions(({ context, event, enqueue }) => {
      const { job, amountMt, reason } = event as EventOf<'hold.captureRequested'>;
      const change = onDayOf(context.balance, event, (today) =>
        closeHold(today, job, amountMt, reason),
      );
      enqueue.assign({ balance: change.balance });
      for (const params of change.postings) enqueue({ type: 'ledger.post', params });
    }),
    release: enqueueActions(({ context, event, enqueue }) => {
      const { job, reason } = event as EventOf<'hold.releaseRequested'>;
      const change = onDayOf(context.balance, event, (today) => closeHold(today, job, 0, reason));
      enqueue.assign({ balance: change.balance });
      for (const params of change.postings) enqueue({ type: 'ledger.post', params });
    }),
    applyPlan: enqueueActions(({ context, event, enqueue }) => {
      const { plan } = event as EventOf<'plan.changed'>;
      const change = onDayOf(context.balance, event, (today) => changePlan(today, plan));
      enqueue.assign({ balance: change.balance });
      for (const params of change.postings) enqueue({ type: 'ledger.post', params });
    }),
  },
}).createMachine({
  id: 'quota',
  type: 'parallel',
  context: ({ input }) => ({
    accountId: input?.accountId,
    // As the plan's region: everybody begins with the free one.
    balance: emptyBalance('free'),
  }),
  on: {
    'hold.captureRequested': { actions: 'capture' },
    'hold.releaseRequested': { actions: 'release' },
  },
  states: {
    allowance: {
      initial: 'open',
      states: {
        open: {
          description: 'Something is left to spend.',
          tags: 'spendable',
          always: { guard: 'hasNothingLeft', target: 'exhausted' },
        },
        exhausted: {
          description: 'Nothing is left until the next reset, a release or a top-up.',
          always: { guard: 'hasTokens', target: 'open' },
        },
      },
    },
    standing: {
      initial: 'good',
      on: {
        'standing.changed': [
          { guard: 'isGood', target: '.good' },
          { guard: 'isLimited', target: '.limited' },
          { target: '.suspended' },
        ],
      },
      states: {
        good: {
          on: {
            'hold.requested': [
              { guard: 'canAfford', actions: 'grantHold' },
              { actions: 'refuseHold' },
            ],
          },
        },
        limited: {
          description: 'Under watch: it may spend, and others decide how much at once.',
          on: {
            'hold.requested': [
              { guard: 'canAfford', actions: 'grantHold' },
              { actions: 'refuseLimited' },
            ],
          },
        },
        suspended: {
          description: 'New work is refused. Work that was accepted is finished or returned.',
          on: {
            'hold.requested': { actions: 'refuseSuspended' },
          },
        },
      },
    },
    plan: {
      initial: 'free',
      on: {
        'plan.changed': [
          { guard: 'isFree', target: '.free', actions: 'applyPlan' },
          { guard: 'isStarter', target: '.starter', actions: 'applyPlan' },
          { target: '.pro', actions: 'applyPlan' },
        ],
      },
      states: { free: {}, starter: {}, pro: {} },
    },
  },
});

export type QuotaSnapshot = SnapshotFrom<typeof quotaMachine>;
