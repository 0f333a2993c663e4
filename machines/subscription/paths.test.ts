// Every way a paying account can go, and every order in which a life may be told. Numbers are of SPEC.md.
import fc from 'fast-check';
import { getShortestPaths, getSimplePaths } from 'xstate/graph';
import { describe, expect, it } from 'vitest';
import { quotaMachine } from '../quota/machine.ts';
import { Bookkeeper, born as quotaBorn } from '../quota/testing.ts';
import { effectsOf, leavesOf, take, takeAll, walkAll, type Said } from '../testing.ts';
import { entitlementOf } from './entitlement.ts';
import { subscriptionMachine, type SubscriptionSnapshot } from './machine.ts';
import { born, bought, day, GRACE_ENDS, opened, PAID_UNTIL, sub, timer, WAYS } from './testing.ts';

/** The subscription and its quota, as one commit has them: tells go to and fro until nobody says more. */
class Account {
  snapshot: SubscriptionSnapshot = born();
  quota = quotaBorn();
  #keeper = new Bookkeeper();

  copy(): Account {
    const copy = new Account();
    [copy.snapshot, copy.quota, copy.#keeper] = [this.snapshot, this.quota, this.#keeper.copy()];
    return copy;
  }

  step(event: { readonly type: string; readonly at: number }): this {
    const queue: { readonly to: string; readonly event: object }[] = [
      { to: 'subscription', event },
    ];
    for (let next = queue.shift(); next; next = queue.shift()) {
      const stamped = { ...next.event, at: event.at };
      const said = next.to === 'quota' ? this.#atQuota(stamped) : this.#atSubscription(stamped);
      this.#keeper.enter(effectsOf(said, 'ledger.post')).check(this.quota.context.balance);
      for (const tell of effectsOf(said, 'actor.tell'))
        queue.push({ to: tell.to.kind, event: tell.event });
    }
    this.#check();
    return this;
  }

  #atQuota(event: object): readonly Said[] {
    const { snapshot, said } = take(quotaMachine, this.quota, event);
    this.quota = snapshot;
    return said;
  }

  #atSubscription(event: object): readonly Said[] {
    const { snapshot, said } = take(subscriptionMachine, this.snapshot, event);
    this.snapshot = snapshot;
    return said;
  }

  /** State, plan and quota say the same (I2, I3). */
  #check(): void {
    const { sources, at, told } = this.snapshot.context;
    const plan = entitlementOf(sources, at)?.plan ?? 'free';
    expect([told, this.quota.context.balance.plan, this.quota.value.plan]).toEqual([
      plan,
      plan,
      plan,
    ]);
    expect(this.snapshot.hasTag('entitled')).toBe(plan !== 'free');
  }

  get end() {
    const { sources, purchases, told, checkout } = this.snapshot.context;
    const { topUpMt, plan, heldMt } = this.quota.context.balance;
    return {
      state: this.snapshot.value,
      sources,
      purchases,
      told,
      checkout,
      topUpMt,
      plan,
      heldMt,
    };
  }
}

/** Key order of the records is history, and of no account. */
const canonical = (value: unknown): string =>
  JSON.stringify(value, (_, each: unknown) =>
    typeof each === 'object' && each !== null && !Array.isArray(each)
      ? Object.fromEntries(Object.entries(each).sort(([a], [b]) => (a < b ? -1 : 1)))
      : each,
  );

function orders<T>(of: readonly T[]): T[][] {
  if (of.length === 0) return [[]];
  return of.flatMap((each, n) => orders(of.toSpliced(n, 1)).map((rest) => [each, ...rest]));
}

/** A life as its provider saw it: paid, past due, paid again, lowered, and a purchase that is refunded. */
const LIFE = [
  sub({ at: day(1), standing: 'pending', paidUntil: null }),
  sub({ at: day(2), plan: 'pro', paidUntil: day(32) }),
  sub({ at: day(33), plan: 'pro', paidUntil: day(32) }),
  sub({ at: day(34), plan: 'starter', paidUntil: day(62) }),
  bought({ at: day(35) }),
  bought({ at: day(36), keptMt: 25_000, why: 'refunded' }),
];

describe('a life of six events (I1)', () => {
  const told = (events: typeof LIFE, doubled = false): string => {
    const account = new Account();
    for (const [n, event] of events.entries())
      for (const at of doubled ? [day(40) + n, day(40) + n + 0.5] : [day(40) + n])
        account.step({ ...event, at });
    return canonical(account.end);
  };
  const all = orders(LIFE);

  it('ends the same in all 720 orders', () => {
    expect(all).toHaveLength(720);
    expect(JSON.parse(told(LIFE))).toMatchObject({
      ...{ state: 'active', plan: 'starter', topUpMt: 25_000 },
    });
    expect([...new Set(all.map((order) => told(order)))]).toEqual([told(LIFE)]);
  });

  it('ends the same when each event comes twice', () => {
    expect([...new Set(all.map((order) => told(order, true)))]).toEqual([told(LIFE)]);
  });

  it('ends the same when only the last word on each thing is heard', () => {
    expect(told([LIFE[3]!, LIFE[5]!])).toBe(told(LIFE));
  });
});

const EVENTS = [
  opened('starter', day(0), 'cs_1'),
  opened('pro', day(31), 'cs_2'),
  sub(),
  sub({ at: day(31), paidUntil: day(61), plan: 'pro' }),
  sub({ at: day(35), standing: 'ended' }),
  sub({ at: day(32), rail: 'telegram', id: 'charge', paidUntil: day(62), renews: false }),
  bought(),
  bought({ at: day(32), keptMt: 0, why: 'refunded' }),
  timer('checkoutEnd', day(1)),
  timer('periodEnd', PAID_UNTIL),
  timer('graceEnd', GRACE_ENDS),
];

const OPTIONS = {
  input: { accountId: 'acc_1' },
  events: EVENTS as never,
  serializeState: ({ value, context }: SubscriptionSnapshot) =>
    canonical([value, context.sources, context.purchases, context.checkout?.id]),
  serializeEvent: (event: object) => JSON.stringify(event),
  limit: 200_000,
};

function walk(ways: Parameters<typeof walkAll>[0]): void {
  walkAll(
    ways,
    new Account(),
    (from, event) => from.copy().step(event as never),
    (account, way) => {
      // From every place a plan can be had again.
      const paid = sub({ at: day(90), id: 'sub_9', paidUntil: day(120) });
      if (account.copy().step(paid).snapshot.value !== 'active')
        expect.fail(`No plan can be had after ${way}.`);
    },
  );
}

describe('every reachable way', () => {
  it('keeps every promise on the shortest way to each place', () => {
    const ways = getShortestPaths(subscriptionMachine, OPTIONS as never);
    expect([...new Set(ways.map(({ state }) => state.value))].sort()).toEqual(
      leavesOf(subscriptionMachine).sort(),
    );
    walk(ways);
  });

  it('keeps every promise on each way without a loop', () => {
    const ways = getSimplePaths(subscriptionMachine, {
      ...OPTIONS,
      serializeState: ({ value, context }: SubscriptionSnapshot) =>
        canonical([value, context.told]),
    });
    expect(ways.length).toBeGreaterThan(50);
    walk(ways);
  });
});

describe('messages that go astray', () => {
  it('cannot break a promise, whatever is dropped, repeated, late or out of order', () => {
    const anyEvent = fc.tuple(fc.constantFrom(...EVENTS), fc.nat(200)).map(([event, n]) => ({
      ...event,
      at: day(0) + n * 3_600_000,
    }));
    fc.assert(
      fc.property(fc.array(anyEvent, { maxLength: 40 }), (events) => {
        const account = new Account();
        for (const event of events) account.step(event);
        const { state, purchases, topUpMt } = account.end;
        const net = Object.values(purchases.known).reduce((sum, { netMt }) => sum + netMt, 0);
        expect(topUpMt).toBe(net);
        expect(leavesOf(subscriptionMachine)).toContain(state);
      }),
      { seed: 20_260_101, numRuns: 300 },
    );
  });
});

it('two accounts share nothing that can change (I8)', () => {
  const walked = () => takeAll(subscriptionMachine, born(), WAYS.active).snapshot.context;
  expect(walked()).toEqual(walked());
  expect(walked().sources).not.toBe(walked().sources);
});
