// One account's tokens: grant the day, hold, capture, release. SPEC.md numbers its promises; the
// arithmetic is in balance.ts. Three independent questions, three regions: is there anything to spend,
// is the account in good standing, which plan is it on.
import { assign, setup, type SnapshotFrom } from 'xstate';
import type { HoldRefusal, JobEvent, QuotaEvent, Stamped } from '../contract/events.ts';
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

/** Jobs under way at once. It bounds what is written with each of them. */
export const HOLDS_MAX = 500;

export interface QuotaContext {
  readonly accountId: string;
  readonly balance: Balance;
}

type Event = Stamped<QuotaEvent>;
type EventOf<T extends QuotaEvent['type']> = Extract<Event, { type: T }>;

interface Args {
  readonly context: QuotaContext;
  readonly event: Event;
}

/** Every change begins by bringing the balance to the day of the event. */
function onDayOf({ context, event }: Args, then: (balance: Balance) => Change): Change {
  const today = rollDay(context.balance, event.at);
  const next = then(today.balance);
  if (today.postings.length === 0) return next;
  return { balance: next.balance, postings: [...today.postings, ...next.postings] };
}

const answer = ({ context, event }: Args, said: JobEvent): Effects['actor.tell'] => ({
  to: jobRef(context.accountId, (event as EventOf<'hold.requested'>).job),
  event: said,
});

/** Declares what the job is told when nothing is set aside for it. */
const refuse = (why: (args: Args) => HoldRefusal) => ({
  type: 'actor.tell' as const,
  params: (args: Args) => answer(args, { type: 'hold.refused', refusal: why(args) }),
});

const SUSPENDED = refuse(() => ({ code: 'suspended' }));
const TOO_MANY_JOBS = refuse(() => ({ code: 'too_many_jobs', jobsMax: HOLDS_MAX }));
const TOO_FEW_TOKENS = refuse(({ context, event }) => ({
  code: 'insufficient_tokens',
  neededMt: (event as EventOf<'hold.requested'>).amountMt,
  availableMt: availableMt(rollDay(context.balance, event.at).balance),
  resetsAt: nextReset(event.at),
}));
const GRANTED = {
  type: 'actor.tell' as const,
  params: (args: Args) => answer(args, { type: 'hold.granted', plan: args.context.balance.plan }),
};

const base = setup({
  // eslint-disable-next-line @typescript-eslint/no-unnecessary-type-assertion -- XState's way to say it
  types: {} as {
    context: QuotaContext;
    events: Event;
    input: { accountId: string };
    tags: 'spendable';
  },
  actions: { ...effects, keep: assign((_, balance: Balance) => ({ balance })) },
});

const ON_HOLD_REQUESTED = [
  { guard: 'hasTooManyJobs', actions: TOO_MANY_JOBS },
  { guard: 'canAfford', actions: ['placeHold', GRANTED] },
  { actions: TOO_FEW_TOKENS },
] as const;

/** Keeps the new balance and writes its postings: one assign, for each one copies the snapshot. */
const change = (by: (args: Args) => Change) =>
  base.enqueueActions(({ context, event, enqueue }) => {
    const { balance, postings } = by({ context, event });
    enqueue({ type: 'keep', params: balance });
    for (const params of postings) enqueue({ type: 'ledger.post', params });
  });

export const quotaMachine = base
  .extend({
    guards: {
      hasTooManyJobs: ({ context }) => Object.keys(context.balance.holds).length >= HOLDS_MAX,
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
      placeHold: change((args) => {
        const { job, amountMt, reason } = args.event as EventOf<'hold.requested'>;
        return onDayOf(args, (today) => placeHold(today, job, amountMt, reason));
      }),
      capture: change((args) => {
        const { job, amountMt, reason } = args.event as EventOf<'hold.captureRequested'>;
        return onDayOf(args, (today) => closeHold(today, job, amountMt, reason));
      }),
      release: change((args) => {
        const { job, reason } = args.event as EventOf<'hold.releaseRequested'>;
        return onDayOf(args, (today) => closeHold(today, job, 0, reason));
      }),
      applyPlan: change((args) => {
        const { plan } = args.event as EventOf<'plan.changed'>;
        return onDayOf(args, (today) => changePlan(today, plan));
      }),
    },
  })
  .createMachine({
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
          good: { on: { 'hold.requested': ON_HOLD_REQUESTED } },
          limited: {
            description: 'Under watch: it may spend, and others decide how much at once.',
            on: { 'hold.requested': ON_HOLD_REQUESTED },
          },
          suspended: {
            description: 'New work is refused. Work that was accepted is finished or returned.',
            on: { 'hold.requested': { actions: SUSPENDED } },
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
