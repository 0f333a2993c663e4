// The chart against SPEC.md: every state × every event and timer. Names in brackets (I3) are its numbers.
import { describe, expect, expectTypeOf, it } from 'vitest';
import { quotaRef } from '../contract/ids.ts';
import { effectsOf, leavesOf, take, takeAll, toldBy, type TotalTable } from '../testing.ts';
import { GRACE_MS, SOURCES_MAX } from './entitlement.ts';
import { subscriptionMachine, type SubscriptionSnapshot } from './machine.ts';
import { PURCHASES_MAX } from './purchases.ts';
import {
  after,
  born,
  bought,
  day,
  GRACE_ENDS,
  opened,
  PAID_UNTIL,
  sub,
  takenBack,
  timer,
  WAYS,
  type Column,
  type SubscriptionState,
} from './testing.ts';

type Table = TotalTable<typeof subscriptionMachine>;
const ignored = 'ignored';

const EVENTS: Record<Column, { type: string; at: number }> = {
  'checkout.opened': opened('pro', day(3), 'cs_2'),
  'subscription.reported': sub({ at: day(3), plan: 'pro' }),
  'purchase.reported': bought({ at: day(3), id: 'pi_2' }),
  'topUp.takenBack': takenBack(1000),
  checkoutEnd: timer('checkoutEnd', day(1)),
  periodEnd: timer('periodEnd', PAID_UNTIL),
  graceEnd: timer('graceEnd', GRACE_ENDS),
};

// A checkout is opened on day 3, and only `pendingPayment` and `pastDue` are past that by then. Of the ways,
// those to `none` and `active` know the purchase that something is taken back of.
// prettier-ignore
const TABLE: Table = {
  none: {
    'checkout.opened': 'pendingPayment', 'subscription.reported': 'active', 'purchase.reported': 'none',
    'topUp.takenBack': 'none', checkoutEnd: ignored, periodEnd: ignored, graceEnd: ignored,
  },
  pendingPayment: {
    'checkout.opened': 'pendingPayment', 'subscription.reported': 'active',
    'purchase.reported': 'pendingPayment', 'topUp.takenBack': ignored, checkoutEnd: 'none',
    periodEnd: ignored, graceEnd: ignored,
  },
  active: {
    'checkout.opened': 'active', 'subscription.reported': 'active', 'purchase.reported': 'active',
    'topUp.takenBack': 'active', checkoutEnd: ignored, periodEnd: 'pastDue', graceEnd: ignored,
  },
  pastDue: {
    'checkout.opened': 'active', 'subscription.reported': 'active', 'purchase.reported': 'pastDue',
    'topUp.takenBack': ignored, checkoutEnd: ignored, periodEnd: ignored, graceEnd: 'cancelled',
  },
  cancelled: {
    'checkout.opened': 'pendingPayment', 'subscription.reported': 'active',
    'purchase.reported': 'cancelled', 'topUp.takenBack': ignored, checkoutEnd: ignored,
    periodEnd: ignored, graceEnd: ignored,
  },
};

const stateOf = ({ value }: SubscriptionSnapshot): string => value;
const armed = (said: readonly (readonly [string, ...unknown[]])[]) =>
  said.flatMap(([what, name, ms]) =>
    what === 'arm' ? [[String(name).split('.')[2], ms as number] as const] : [],
  );

describe('the table', () => {
  it('is total for the compiler: no state, no event and no timer may be missing', () => {
    expectTypeOf<Omit<Table, 'pastDue'>>().not.toExtend<Table>();
    type Row = Table['active'];
    expectTypeOf<Omit<Row, 'graceEnd'>>().not.toExtend<Row>();
    expectTypeOf<keyof Row>().toEqualTypeOf<Column>();
  });

  it('knows every state of the chart', () => {
    expect(Object.keys(TABLE).sort()).toEqual(leavesOf(subscriptionMachine).sort());
  });

  describe.each(Object.keys(TABLE) as SubscriptionState[])('%s', (state) => {
    const { snapshot: before } = after(...WAYS[state]);
    it('is reached', () => expect(stateOf(before)).toBe(state));

    it.each(Object.keys(EVENTS) as Column[])('%s', (column) => {
      const step = take(subscriptionMachine, before, EVENTS[column]);
      const cell = TABLE[state][column];
      expect(step.isIgnored).toBe(cell === ignored);
      expect(stateOf(step.snapshot)).toBe(cell === ignored ? state : cell);
    });
  });

  it('knows no other event', () => {
    const step = take(subscriptionMachine, born(), { type: 'plan.changed', plan: 'pro', at: 1 });
    expect(step.isIgnored).toBe(true);
  });
});

const planTold = (...events: readonly object[]) =>
  effectsOf(after(...events).said, 'actor.tell').flatMap(({ event }) =>
    event.type === 'plan.changed' ? [event.plan] : [],
  );

describe('a plan', () => {
  it('is told to the quota once, in the same turn (I3)', () => {
    const { said } = take(subscriptionMachine, born(), sub());
    expect(effectsOf(said, 'actor.tell')).toEqual([
      { to: quotaRef('acc_1'), event: { type: 'plan.changed', plan: 'starter' } },
    ]);
    expect(planTold(sub(), sub({ at: day(2) }), sub({ at: day(3) }))).toEqual(['starter']);
  });

  it('is never what an older report said (I1)', () => {
    const { snapshot } = after(sub({ at: day(5), standing: 'ended' }));
    const late = sub({ at: day(6), asOf: day(4) });
    expect(take(subscriptionMachine, snapshot, late).isIgnored).toBe(true);
  });

  it('lowered in the middle of a period is the lower one at once', () => {
    const lowered = [sub({ plan: 'pro' }), sub({ at: day(9), plan: 'starter' })];
    expect(planTold(...lowered)).toEqual(['pro', 'starter']);
  });

  it('is the best of several, on whatever rails (I2)', () => {
    const card = sub();
    const discord = sub({ rail: 'discord', id: '77', plan: 'pro', paidUntil: null, at: day(2) });
    const gone = sub({ ...discord.report, standing: 'ended', asOf: day(4), at: day(4) });
    expect(planTold(card, discord, gone)).toEqual(['starter', 'pro', 'starter']);
    expect(planTold(discord, card)).toEqual(['pro']);
  });

  it('that was never paid for is none', () => {
    const { snapshot } = after(
      opened(),
      sub({ standing: 'pending', paidUntil: null, at: day(0.5) }),
    );
    expect(stateOf(snapshot)).toBe('pendingPayment');
    expect(planTold(sub({ standing: 'pending' }))).toEqual([]);
  });

  it('that does not renew ends without grace (I4)', () => {
    const last = [sub({ renews: false }), timer('periodEnd', PAID_UNTIL)];
    expect(stateOf(after(...last).snapshot)).toBe('cancelled');
    expect(planTold(...last)).toEqual(['starter', 'free']);
  });

  it('ends with its refund, whatever was paid', () => {
    const ended = [sub(), sub({ at: day(2), standing: 'ended' })];
    expect(planTold(...ended)).toEqual(['starter', 'free']);
  });
});

describe('time', () => {
  it('has a timer for the end of the period, and one for the end of grace (I4)', () => {
    const paid = take(subscriptionMachine, born(), sub());
    expect(armed(paid.said)).toEqual([['periodEnd', PAID_UNTIL - day(1)]]);
    const late = take(subscriptionMachine, paid.snapshot, timer('periodEnd', PAID_UNTIL));
    expect([stateOf(late.snapshot), armed(late.said)]).toEqual([
      'pastDue',
      [['graceEnd', GRACE_MS]],
    ]);
    expect(toldBy(late.said)).toEqual([]);
    const over = take(subscriptionMachine, late.snapshot, timer('graceEnd', GRACE_ENDS));
    expect([stateOf(over.snapshot), toldBy(over.said)]).toEqual(['cancelled', ['plan.changed']]);
  });

  it('is set anew by a renewal, and an early timer changes nothing', () => {
    const renewed = sub({ at: day(29), paidUntil: day(60) });
    const step = take(subscriptionMachine, after(sub()).snapshot, renewed);
    expect(armed(step.said)).toEqual([['periodEnd', 30 * 86_400_000]]);
    const early = take(subscriptionMachine, step.snapshot, timer('periodEnd', day(30)));
    expect([stateOf(early.snapshot), armed(early.said)[0]]).toEqual([
      'active',
      ['periodEnd', 30 * 86_400_000],
    ]);
  });

  it('goes back from grace when it is paid after all', () => {
    const paid = sub({ at: day(31), paidUntil: day(61) });
    const { snapshot, said } = after(...WAYS.pastDue, paid);
    expect(stateOf(snapshot)).toBe('active');
    expect(toldBy(said)).toEqual(['plan.changed']);
  });

  it('of a plan without an end is looked at again now and then', () => {
    const { said } = take(subscriptionMachine, born(), sub({ paidUntil: null }));
    expect(armed(said)).toEqual([['periodEnd', 30 * 86_400_000]]);
  });
});

describe('a purchase', () => {
  const told = (...events: readonly object[]) =>
    effectsOf(after(...events).said, 'actor.tell').map(({ event }) => event);
  const refunded = bought({ at: day(2), keptMt: 0, why: 'refunded' });

  it('is credited once, with a receipt that names the payment (I5)', () => {
    expect(told(bought(), bought(), bought({ at: day(4) }))).toEqual([
      {
        ...{ type: 'topUp.credited', amountMt: 100_000 },
        reason: 'Top-up of 100 tokens, paid by card (pi_1)',
      },
    ]);
  });

  it('that is refunded is taken back, also when the payment was never heard of (I5)', () => {
    const both = ['topUp.credited', 'topUp.withdrawn'];
    expect(told(bought(), refunded).map(({ type }) => type)).toEqual(both);
    expect(told(refunded, bought()).map(({ type }) => type)).toEqual(both);
    expect(told(refunded, bought())).toEqual(told(bought(), refunded));
  });

  it('that was used and disputed is not given twice when the dispute is won (I6)', () => {
    const disputed = bought({ at: day(2), keptMt: 0, why: 'disputed' });
    const won = bought({ at: day(9) });
    const amounts = told(bought(), disputed, takenBack(40_000), won).map((event) =>
      'amountMt' in event ? event.amountMt : null,
    );
    expect(amounts).toEqual([100_000, 100_000, 40_000]);
  });

  it('of which nothing was left is not taken from the next one (I6)', () => {
    const again = bought({ at: day(5), keptMt: 0, why: 'refunded' });
    const types = told(bought(), refunded, takenBack(0), again).map(({ type }) => type);
    expect(types).toEqual(['topUp.credited', 'topUp.withdrawn']);
  });

  it('partly refunded is partly taken back', () => {
    const half = bought({ at: day(2), keptMt: 50_000, why: 'refunded' });
    expect(told(bought(), half)[1]).toMatchObject({ amountMt: 50_000 });
    const rest = told(bought(), half, takenBack(50_000), {
      ...refunded,
      at: day(3),
      report: { ...refunded.report, asOf: day(3) },
    });
    expect(rest[2]).toMatchObject({ type: 'topUp.withdrawn', amountMt: 50_000 });
  });
});

describe('what is remembered', () => {
  const many = Array.from({ length: PURCHASES_MAX + 50 }, (_, n) =>
    bought({ id: `pi_${'0'.repeat(24)}${n}`, paidAt: day(1) + n }),
  );

  it('stays small, and what is forgotten is never credited again (I7)', () => {
    const months = Array.from({ length: SOURCES_MAX + 20 }, (_, n) =>
      sub({ rail: 'telegram', id: `${'s'.repeat(80)}${n}`, paidUntil: day(n), at: day(n + 1) }),
    );
    const { snapshot } = after(...many, ...months);
    expect(JSON.stringify(snapshot.context).length).toBeLessThan(64 * 1024);
    const { purchases, sources } = snapshot.context;
    expect(Object.keys(purchases.known)).toHaveLength(PURCHASES_MAX);
    expect(Object.keys(sources).length).toBeLessThanOrEqual(SOURCES_MAX);
    const again = { ...many[0]!, report: { ...many[0]!.report, asOf: day(99) } };
    expect(take(subscriptionMachine, snapshot, again).isIgnored).toBe(true);
    const other = bought({ id: 'pi_new', paidAt: day(50), at: day(50) });
    expect(toldBy(takeAll(subscriptionMachine, snapshot, [other]).said)).toEqual([
      'topUp.credited',
    ]);
  });
});
