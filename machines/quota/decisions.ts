// What an account decides and what comes of it, by what the plans give: pure, like balance.ts.
import type {
  HoldRefusal,
  JobEvent,
  JoinRefusal,
  QuotaEvent,
  Stamped,
} from '../contract/events.ts';
import { jobRef, subscriptionRef } from '../contract/ids.ts';
import type { Allowances } from '../contract/plans.ts';
import type { Effects } from '../effect.ts';
import { brakeOf, type Brake } from '../pricing/brake.ts';
import {
  availableMt,
  changePlan,
  closeHold,
  creditTopUp,
  nextReset,
  placeHold,
  rollDay,
  withdrawTopUp,
  type Balance,
  type Change,
} from './balance.ts';
import { notePlan, partingBy, passOn, type Joined, type JoiningContext } from './joining.ts';

export type QuotaContext = JoiningContext;

export type Event = Stamped<QuotaEvent>;
type EventOf<T extends QuotaEvent['type']> = Extract<Event, { type: T }>;

export interface Args {
  readonly context: QuotaContext;
  readonly event: Event;
}

export interface Decision extends Partial<Change> {
  readonly joined?: Joined | null;
  readonly tell?: Effects['actor.tell'];
  readonly refuse?: JoinRefusal;
}

const told = ({ context, event }: Args, said: JobEvent): Decision['tell'] => ({
  to: jobRef(context.accountId, (event as EventOf<'hold.requested'>).job),
  event: said,
});

/** Whoever takes bought tokens back is told how many were there, if they asked. */
function howMuch({ event }: Args, amountMt: number): Pick<Decision, 'tell'> {
  const { asked } = event as EventOf<'topUp.withdrawn'>;
  if (!asked) return {};
  const { by, purchase } = asked;
  return {
    tell: { to: subscriptionRef(by), event: { type: 'topUp.takenBack', purchase, amountMt } },
  };
}

const refusal =
  (why: (args: Args) => HoldRefusal) =>
  (args: Args): Decision => ({ tell: told(args, { type: 'hold.refused', refusal: why(args) })! });

export const refuseSuspended = refusal(() => ({ code: 'suspended' }));
export const refuseJoined = refusal(() => ({ code: 'joined_elsewhere' }));

export const isJoined = ({ context }: Pick<Args, 'context'>): boolean => Boolean(context.joined);

/** Of an account that is part of another one. */
const unlessJoined =
  (decide: (args: Args) => Decision, otherwise: (args: Args) => Decision) =>
  (args: Args): Decision =>
    isJoined(args) ? otherwise(args) : decide(args);

const counted = (balance: Balance, { isStopped }: { isStopped?: boolean }): Balance =>
  isStopped ? { ...balance, stopped: balance.stopped + 1 } : balance;

/** @param allowances what each plan gives: the operator's say, the same for every account */
export function decisionsBy(allowances: Allowances) {
  const today = ({ context, event }: Args): Change =>
    rollDay(context.balance, event.at, allowances);

  const brakeOn = (args: Args, isLimited: boolean): Brake => {
    const { plan, stopped } = today(args).balance;
    return brakeOf(stopped, isLimited, allowances[plan].jobsMax);
  };

  /** Every change begins by bringing the balance to the day of the event. */
  const onDay =
    <T extends QuotaEvent['type']>(_: T, then: (balance: Balance, event: EventOf<T>) => Change) =>
    (args: Args): Change => {
      const day = today(args);
      const next = then(day.balance, args.event as EventOf<T>);
      return { balance: next.balance, postings: [...day.postings, ...next.postings] };
    };

  const held = onDay('hold.requested', (balance, { job, amountMt, reason }) =>
    placeHold(balance, job, amountMt, reason),
  );

  const withdrawn = onDay('topUp.withdrawn', (balance, { amountMt, reason }) =>
    withdrawTopUp(balance, amountMt, reason),
  );

  return {
    canAfford: (args: Args): boolean =>
      args.event.type === 'hold.requested' &&
      availableMt(today(args).balance) >= args.event.amountMt,
    refuseTooFewTokens: refusal((args) => ({
      code: 'insufficient_tokens',
      neededMt: (args.event as EventOf<'hold.requested'>).amountMt,
      availableMt: availableMt(today(args).balance),
      dailyMt: allowances[args.context.balance.plan].dailyMt,
      resetsAt: nextReset(args.event.at),
    })),
    /** What depends on the standing. */
    standing: (isLimited: boolean) => ({
      hasTooManyJobs: (args: Args): boolean =>
        Object.keys(args.context.balance.holds).length >= brakeOn(args, isLimited).jobsMax,
      refuseTooManyJobs: refusal((args) => ({
        code: 'too_many_jobs',
        jobsMax: brakeOn(args, isLimited).jobsMax,
      })),
      grantHold: (args: Args): Decision => {
        const { plan } = args.context.balance;
        const { graceMs } = brakeOn(args, isLimited);
        const { filesKeptDays } = allowances[plan];
        return {
          ...held(args),
          tell: told(args, { type: 'hold.granted', plan, graceMs, filesKeptDays })!,
        };
      },
    }),
    capture: onDay('hold.captureRequested', (balance, event) =>
      closeHold(counted(balance, event), event.job, event.amountMt, event.reason),
    ),
    release: onDay('hold.releaseRequested', (balance, event) =>
      closeHold(counted(balance, event), event.job, 0, event.reason),
    ),
    applyPlan: unlessJoined(
      onDay('plan.changed', (balance, { plan }) => changePlan(balance, plan, allowances)),
      notePlan,
    ),
    credit: unlessJoined(
      onDay('topUp.credited', (balance, { amountMt, reason }) =>
        creditTopUp(balance, amountMt, reason),
      ),
      passOn,
    ),
    withdraw: unlessJoined((args) => {
      const change = withdrawn(args);
      return { ...change, ...howMuch(args, args.context.balance.topUpMt - change.balance.topUpMt) };
    }, passOn),
    ...partingBy(allowances),
  };
}
