// One account's tokens: grant the day, hold, capture, release. SPEC.md numbers its promises; what is decided is
// in decisions.ts, the arithmetic in balance.ts. Three independent questions, three regions: is there anything to
// spend, is the account in good standing, which plan is it on.
import { assign, setup, type SnapshotFrom } from 'xstate';
import { allowancesOf, DEFAULT_PLANS, type Allowances } from '../contract/plans.ts';
import { effects } from '../effect.ts';
import { availableMt, emptyBalance } from './balance.ts';
import {
  decisionsBy,
  isJoined,
  refuseJoined,
  refuseSuspended,
  type Args,
  type Decision,
  type Event,
  type QuotaContext,
} from './decisions.ts';
import { giveBack, join, receiveBack, refuseBadStanding, takeIn } from './joining.ts';

const base = setup({
  // eslint-disable-next-line @typescript-eslint/no-unnecessary-type-assertion -- XState's way to say it
  types: {} as {
    context: QuotaContext;
    events: Event;
    input: { accountId: string };
    tags: 'spendable';
  },
  actions: {
    ...effects,
    keep: assign((_, kept: Partial<Pick<QuotaContext, 'balance' | 'joined'>>) => kept),
  },
});

/** Keeps the new balance, writes its postings, answers: one assign, for each one copies the snapshot. */
const decide = (by: (args: Args) => Decision) =>
  base.enqueueActions(({ context, event, enqueue }) => {
    const { balance, joined, postings = [], tell, refuse } = by({ context, event });
    if (joined !== undefined)
      enqueue({ type: 'keep', params: { balance: balance ?? context.balance, joined } });
    else if (balance) enqueue({ type: 'keep', params: { balance } });
    for (const params of postings) enqueue({ type: 'ledger.post', params });
    if (tell) enqueue({ type: 'actor.tell', params: tell });
    if (refuse) enqueue({ type: 'caller.refuse', params: refuse });
  });

function doneBy(allowances: Allowances) {
  const by = decisionsBy(allowances);
  const [free, limited] = [by.standing(false), by.standing(true)];
  return {
    guards: {
      hasTooManyJobs: free.hasTooManyJobs,
      hasTooManyForLimited: limited.hasTooManyJobs,
      canAfford: by.canAfford,
    },
    actions: {
      grantHold: decide(free.grantHold),
      grantLimitedHold: decide(limited.grantHold),
      refuseTooManyJobs: decide(free.refuseTooManyJobs),
      refuseTooManyForLimited: decide(limited.refuseTooManyJobs),
      refuseTooFewTokens: decide(by.refuseTooFewTokens),
      capture: decide(by.capture),
      release: decide(by.release),
      applyPlan: decide(by.applyPlan),
      credit: decide(by.credit),
      withdraw: decide(by.withdraw),
      part: decide(by.part),
      openApart: decide(by.openApart),
    },
  };
}

const ON_HOLD_REQUESTED = [
  { guard: 'isJoined', actions: 'refuseJoined' },
  { guard: 'hasTooManyJobs', actions: 'refuseTooManyJobs' },
  { guard: 'canAfford', actions: 'grantHold' },
  { actions: 'refuseTooFewTokens' },
] as const;

const ON_HOLD_REQUESTED_LIMITED = [
  { guard: 'isJoined', actions: 'refuseJoined' },
  { guard: 'hasTooManyForLimited', actions: 'refuseTooManyForLimited' },
  { guard: 'canAfford', actions: 'grantLimitedHold' },
  { actions: 'refuseTooFewTokens' },
] as const;

const usual = doneBy(allowancesOf(DEFAULT_PLANS));

/** As the plans are where nobody has said otherwise. */
export const quotaMachine = base
  .extend({
    guards: {
      ...usual.guards,
      isJoined,
      hasNothingLeft: ({ context }) =>
        context.balance.day !== '' && availableMt(context.balance) <= 0,
      hasTokens: ({ context }) => availableMt(context.balance) > 0,
      isFree: ({ event }) => event.type === 'plan.changed' && event.plan === 'free',
      isStarter: ({ event }) => event.type === 'plan.changed' && event.plan === 'starter',
      isGood: ({ event }) => event.type === 'standing.changed' && event.standing === 'good',
      isLimited: ({ event }) => event.type === 'standing.changed' && event.standing === 'limited',
    },
    actions: {
      ...usual.actions,
      refuseSuspended: decide(refuseSuspended),
      refuseJoined: decide(refuseJoined),
      refuseBadStanding: decide(refuseBadStanding),
      join: decide(join),
      takeIn: decide(takeIn),
      giveBack: decide(giveBack),
      receiveBack: decide(receiveBack),
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
      'topUp.credited': { actions: 'credit' },
      'topUp.withdrawn': { actions: 'withdraw' },
      'account.partRequested': { actions: 'part' },
      'account.openedApart': { actions: 'openApart' },
      'topUp.returnRequested': { actions: 'giveBack' },
      'topUp.returned': { actions: 'receiveBack' },
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
              'hold.requested': ON_HOLD_REQUESTED,
              'account.joinRequested': { actions: 'join' },
              'account.joined': { actions: 'takeIn' },
            },
          },
          limited: {
            description: 'Under watch: few jobs at once, and no grace for stopped runs.',
            on: {
              'hold.requested': ON_HOLD_REQUESTED_LIMITED,
              'account.joinRequested': { actions: 'refuseBadStanding' },
              'account.joined': { actions: 'refuseBadStanding' },
            },
          },
          suspended: {
            description: 'New work is refused. Work that was accepted is finished or returned.',
            on: {
              'hold.requested': { actions: 'refuseSuspended' },
              'account.joinRequested': { actions: 'refuseBadStanding' },
              'account.joined': { actions: 'refuseBadStanding' },
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

/** The same chart where the operator's plans give something else. */
export const quotaMachineFor = (allowances: Allowances): typeof quotaMachine =>
  quotaMachine.provide(doneBy(allowances));

export type QuotaSnapshot = SnapshotFrom<typeof quotaMachine>;
