// Two accounts of one person become one, and can be parted again. The one that joins brings its bought tokens; its
// day stays behind, so that a day is never granted to one person twice. Pure, like balance.ts.
import type { JoinRefusal, QuotaEvent, Stamped } from '../contract/events.ts';
import { quotaRef } from '../contract/ids.ts';
import type { Allowances } from '../contract/plans.ts';
import type { Effects } from '../effect.ts';
import { bringTopUp, moveTopUp, withholdDay, type Balance, type Change } from './balance.ts';

/** Where an account has gone that is part of another one. */
export interface Joined {
  readonly into: string;
  /** The bought tokens that it brought: so many may come back. */
  readonly movedMt: number;
}

export interface JoiningContext {
  readonly accountId: string;
  readonly balance: Balance;
  /** Absent in accounts that were stored before there was such a thing. */
  readonly joined?: Joined | null;
}

interface Decision extends Partial<Change> {
  readonly joined?: Joined | null;
  readonly tell?: Effects['actor.tell'];
  readonly refuse?: JoinRefusal;
}

interface Args {
  readonly context: JoiningContext;
  readonly event: Stamped<QuotaEvent>;
}

type EventOf<T extends QuotaEvent['type']> = Stamped<Extract<QuotaEvent, { type: T }>>;

const no = (why: JoinRefusal['why']): Decision => ({ refuse: { code: 'join_refused', why } });

export const refuseBadStanding = (): Decision => no('not_in_good_standing');

const OUT = 'Moved to the account that this one was joined with';
const IN = 'Came from an account that was joined with this one';
const BACK = 'Went back to an account that is its own again';
const BACK_HERE = 'Came back: the account is its own again';

/** Told again it changes nothing, so whoever died half way may say it anew. */
export function join({ context, event }: Args): Decision {
  const { into } = event as EventOf<'account.joinRequested'>;
  const { accountId, balance, joined } = context;
  if (joined) return joined.into === into ? {} : no('is_joined');
  if (balance.plan !== 'free') return no('has_a_plan');
  if (Object.keys(balance.holds).length > 0) return no('jobs_under_way');
  const { movedMt, ...change } = moveTopUp(balance, balance.topUpMt, OUT);
  return {
    ...change,
    joined: { into, movedMt },
    tell: {
      to: quotaRef(into),
      event: { type: 'account.joined', account: accountId, amountMt: movedMt },
    },
  };
}

export function takeIn({ context, event }: Args): Decision {
  if (context.joined) return no('is_joined');
  return bringTopUp(context.balance, (event as EventOf<'account.joined'>).amountMt, IN);
}

/** What is told about bought tokens of an account that is part of another one is meant for that one. */
export function passOn({ context, event }: Args): Decision {
  const { joined } = context;
  const { type, amountMt, reason } = event as EventOf<'topUp.credited' | 'topUp.withdrawn'>;
  if (!joined) throw new Error(`${context.accountId} is part of no other account.`);
  const change = type === 'topUp.credited' ? amountMt : -amountMt;
  return {
    joined: { ...joined, movedMt: Math.max(0, joined.movedMt + change) },
    tell: { to: quotaRef(joined.into), event: { type, amountMt, reason } },
  };
}

/** A plan that somebody bought for it counts once it is its own again: meanwhile no day is granted here. */
export const notePlan = ({ context, event }: Args): Decision => ({
  balance: { ...context.balance, plan: (event as EventOf<'plan.changed'>).plan },
});

export function giveBack({ context, event }: Args): Decision {
  if (context.joined) return no('is_joined');
  const { to, amountMt } = event as EventOf<'topUp.returnRequested'>;
  const { movedMt, ...change } = moveTopUp(context.balance, amountMt, BACK);
  if (movedMt === 0) return {};
  const returned = { type: 'topUp.returned' as const, amountMt: movedMt };
  return { ...change, tell: { to: quotaRef(to), event: returned } };
}

export const receiveBack = ({ context, event }: Args): Decision =>
  bringTopUp(context.balance, (event as EventOf<'topUp.returned'>).amountMt, BACK_HERE);

/** @param allowances what each plan gives: the day that is withheld counts as granted */
export function partingBy(allowances: Allowances) {
  const withheld = ({ context, event }: Args): Change =>
    withholdDay(context.balance, event.at, allowances);
  return {
    openApart: withheld,
    part: (args: Args): Decision => {
      const { accountId, joined } = args.context;
      if (!joined) return {};
      const { holder } = args.event as EventOf<'account.partRequested'>;
      const parted = { ...withheld(args), joined: null };
      if (holder === null || joined.movedMt === 0) return parted;
      const event = {
        type: 'topUp.returnRequested' as const,
        to: accountId,
        amountMt: joined.movedMt,
      };
      return { ...parted, tell: { to: quotaRef(holder), event } };
    },
  };
}
