// The account's chart against SPEC.md. Three regions, so the table has a row for each state of each;
// all eighteen combinations are tried. Names in brackets (I3) are the numbers of SPEC.md.
import { describe, expect, expectTypeOf, it } from 'vitest';
import { jobRef, subscriptionRef } from '../contract/ids.ts';
import {
  effectsOf,
  leavesIn,
  leavesOf,
  take,
  takeAll,
  toldBy,
  type TotalTable,
} from '../testing.ts';
import { JOBS_MAX } from '../contract/plans.ts';
import { quotaMachine, quotaMachineFor, type QuotaSnapshot } from './machine.ts';
import {
  after,
  askBack,
  born,
  capture,
  credited,
  hold,
  joined,
  joinInto,
  noon,
  part,
  planTo,
  release,
  returned,
  standingTo,
  withdrawn,
  type Column,
  type QuotaState,
} from './testing.ts';

type Table = TotalTable<typeof quotaMachine>;

/** The region takes no part. */
const ignored = 'ignored';

// The holds below leave 500 or nothing; `job_1` and `job_2` are open.
const EVENTS: Record<Column, { type: Column; at: number }> = {
  'hold.requested': hold('job_9', 400),
  'hold.captureRequested': capture('job_1', 1000),
  'hold.releaseRequested': release('job_1'),
  'plan.changed': planTo('free'),
  'topUp.credited': credited(1000),
  'topUp.withdrawn': withdrawn(1000),
  'standing.changed': standingTo('limited'),
  'account.joinRequested': joinInto('acc_2'),
  'account.joined': joined(0),
  'account.partRequested': part('acc_2'),
  'account.openedApart': { type: 'account.openedApart', at: noon(0) },
  'topUp.returnRequested': askBack(1000),
  'topUp.returned': returned(1000),
};

// prettier-ignore
const TABLE: Table = {
  'allowance.open': {
    'account.joinRequested': ignored, 'account.joined': ignored, 'account.partRequested': ignored,
    'account.openedApart': ignored, 'topUp.returnRequested': 'allowance.open', 'topUp.returned': 'allowance.open',
    'topUp.credited': 'allowance.open', 'topUp.withdrawn': 'allowance.open',
    'hold.requested': 'allowance.open', 'hold.captureRequested': 'allowance.open',
    'hold.releaseRequested': 'allowance.open', 'plan.changed': ignored, 'standing.changed': ignored,
  },
  'allowance.exhausted': {
    'account.joinRequested': ignored, 'account.joined': ignored, 'account.partRequested': ignored,
    'account.openedApart': ignored, 'topUp.returnRequested': 'allowance.exhausted', 'topUp.returned': 'allowance.open',
    'topUp.credited': 'allowance.open', 'topUp.withdrawn': 'allowance.exhausted',
    'hold.requested': 'allowance.exhausted', 'hold.captureRequested': 'allowance.exhausted',
    'hold.releaseRequested': 'allowance.open', 'plan.changed': ignored, 'standing.changed': ignored,
  },
  'standing.good': {
    'account.joinRequested': 'standing.good', 'account.joined': 'standing.good', 'account.partRequested': ignored,
    'account.openedApart': ignored, 'topUp.returnRequested': ignored, 'topUp.returned': ignored,
    'topUp.credited': ignored, 'topUp.withdrawn': ignored,
    'hold.requested': 'standing.good', 'hold.captureRequested': ignored,
    'hold.releaseRequested': ignored, 'plan.changed': ignored, 'standing.changed': 'standing.limited',
  },
  'standing.limited': {
    'account.joinRequested': 'standing.limited', 'account.joined': 'standing.limited', 'account.partRequested': ignored,
    'account.openedApart': ignored, 'topUp.returnRequested': ignored, 'topUp.returned': ignored,
    'topUp.credited': ignored, 'topUp.withdrawn': ignored,
    'hold.requested': 'standing.limited', 'hold.captureRequested': ignored,
    'hold.releaseRequested': ignored, 'plan.changed': ignored, 'standing.changed': 'standing.limited',
  },
  'standing.suspended': {
    'account.joinRequested': 'standing.suspended', 'account.joined': 'standing.suspended', 'account.partRequested': ignored,
    'account.openedApart': ignored, 'topUp.returnRequested': ignored, 'topUp.returned': ignored,
    'topUp.credited': ignored, 'topUp.withdrawn': ignored,
    'hold.requested': 'standing.suspended', 'hold.captureRequested': ignored,
    'hold.releaseRequested': ignored, 'plan.changed': ignored, 'standing.changed': 'standing.limited',
  },
  'plan.free': {
    'account.joinRequested': ignored, 'account.joined': ignored, 'account.partRequested': ignored,
    'account.openedApart': ignored, 'topUp.returnRequested': ignored, 'topUp.returned': ignored,
    'topUp.credited': ignored, 'topUp.withdrawn': ignored,
    'hold.requested': ignored, 'hold.captureRequested': ignored, 'hold.releaseRequested': ignored,
    'plan.changed': 'plan.free', 'standing.changed': ignored,
  },
  'plan.starter': {
    'account.joinRequested': ignored, 'account.joined': ignored, 'account.partRequested': ignored,
    'account.openedApart': ignored, 'topUp.returnRequested': ignored, 'topUp.returned': ignored,
    'topUp.credited': ignored, 'topUp.withdrawn': ignored,
    'hold.requested': ignored, 'hold.captureRequested': ignored, 'hold.releaseRequested': ignored,
    'plan.changed': 'plan.free', 'standing.changed': ignored,
  },
  'plan.pro': {
    'account.joinRequested': ignored, 'account.joined': ignored, 'account.partRequested': ignored,
    'account.openedApart': ignored, 'topUp.returnRequested': ignored, 'topUp.returned': ignored,
    'topUp.credited': ignored, 'topUp.withdrawn': ignored,
    'hold.requested': ignored, 'hold.captureRequested': ignored, 'hold.releaseRequested': ignored,
    'plan.changed': 'plan.free', 'standing.changed': ignored,
  },
};

const PLANS = ['free', 'starter', 'pro'] as const;
const GRANT_MT = { free: 20_000, starter: 120_000, pro: 300_000 };
const STANDINGS = ['good', 'limited', 'suspended'] as const;

const COMBINATIONS = PLANS.flatMap((plan) =>
  STANDINGS.flatMap((standing) =>
    (['open', 'exhausted'] as const).map((allowance) => ({ plan, standing, allowance })),
  ),
);
type Combination = (typeof COMBINATIONS)[number];

function reach({ plan, standing, allowance }: Combination): QuotaSnapshot {
  const leftMt = allowance === 'open' ? 500 : 0;
  return after(
    hold('job_1', 1000),
    planTo(plan),
    hold('job_2', GRANT_MT[plan] - 1000 - leftMt),
    standingTo(standing),
  ).snapshot;
}

const statesOf = (snapshot: QuotaSnapshot) => leavesIn(snapshot.value) as QuotaState[];
const postings = (...events: readonly object[]) => effectsOf(after(...events).said, 'ledger.post');

describe('the table', () => {
  it('is total for the compiler: no state and no event may be missing', () => {
    expectTypeOf<Omit<Table, 'standing.limited'>>().not.toExtend<Table>();
    type Row = Table['plan.pro'];
    expectTypeOf<Omit<Row, 'plan.changed'>>().not.toExtend<Row>();
    expectTypeOf<keyof Row>().toEqualTypeOf<Column>();
  });

  it('knows every state of the chart', () => {
    expect(Object.keys(TABLE).sort()).toEqual(leavesOf(quotaMachine).sort());
    const reached = new Set(COMBINATIONS.flatMap((each) => statesOf(reach(each))));
    expect([...reached].sort()).toEqual(Object.keys(TABLE).sort());
  });

  describe.each(COMBINATIONS)('$allowance, $standing, $plan', (combination) => {
    it.each(Object.keys(EVENTS) as Column[])('%s', (column) => {
      const before = reach(combination);
      const expected = statesOf(before).map((state) => {
        const cell = TABLE[state][column];
        return cell === ignored ? state : cell;
      });
      expect(statesOf(take(quotaMachine, before, EVENTS[column]).snapshot)).toEqual(expected);
    });
  });

  it('knows no other event', () => {
    expect(take(quotaMachine, born(), { type: 'job.cancelRequested', at: 1 }).isIgnored).toBe(true);
  });
});

it('begins open, in good standing, on the free plan, with nothing granted yet', () => {
  expect(statesOf(born())).toEqual(['allowance.open', 'standing.good', 'plan.free']);
  expect(born().context).toEqual({
    accountId: 'acc_1',
    balance: {
      day: '',
      plan: 'free',
      grantedMt: 0,
      allowanceMt: 0,
      topUpMt: 0,
      heldMt: 0,
      holds: {},
      stopped: 0,
      posting: 0,
    },
  });
});

/** As many jobs as that, with ids as long as real ones, each held from both buckets. */
const crowded = (jobs: number): QuotaSnapshot => {
  const { value, context } = after(planTo('pro'), hold('job_0', 1)).snapshot;
  const ids = Array.from({ length: jobs }, (_, n) => `job_${String(n).padStart(26, '0')}`);
  const held = { day: '2026-01-01', allowanceMt: 123_456, topUpMt: 123_456_789 };
  const holds = Object.fromEntries(ids.map((id) => [id, held]));
  const heldMt = jobs * (held.allowanceMt + held.topUpMt);
  return quotaMachine.resolveState({
    value,
    context: { ...context, balance: { ...context.balance, holds, heldMt } },
  });
};

describe('a hold', () => {
  it('grants the day first, then holds, posts both and answers with the plan (I5, I7)', () => {
    const { snapshot, said } = take(quotaMachine, born(), hold('job_1', 1500));
    expect(said).toEqual([
      [
        'ledger.post',
        {
          posting: 1,
          legs: [
            { book: 'system:granted', amountMt: -20_000, balanceMt: null },
            { book: 'allowance', amountMt: 20_000, balanceMt: 20_000 },
          ],
          reason: 'Tokens for 2026-01-01',
          jobId: null,
        },
      ],
      [
        'ledger.post',
        {
          posting: 2,
          legs: [
            { book: 'allowance', amountMt: -1500, balanceMt: 18_500 },
            { book: 'held', amountMt: 1500, balanceMt: 1500 },
          ],
          reason: 'Held for image',
          jobId: 'job_1',
        },
      ],
      [
        'actor.tell',
        {
          to: jobRef('acc_1', 'job_1'),
          event: { type: 'hold.granted', plan: 'free', graceMs: 5000, filesKeptDays: 30 },
        },
      ],
    ]);
    expect(snapshot.context.balance).toMatchObject({ allowanceMt: 18_500, heldMt: 1500 });
  });

  it('of all there is exhausts the account, and its release opens it again', () => {
    const all = take(quotaMachine, born(), hold('job_1', 20_000)).snapshot;
    expect(all.matches({ allowance: 'exhausted' })).toBe(true);
    expect(all.hasTag('spendable')).toBe(false);
    const { snapshot } = take(quotaMachine, all, release('job_1'));
    expect(snapshot.matches({ allowance: 'open' })).toBe(true);
    expect(snapshot.hasTag('spendable')).toBe(true);
  });

  const tooDear = {
    code: 'insufficient_tokens',
    neededMt: 20_001,
    availableMt: 20_000,
    dailyMt: 20_000,
    resetsAt: noon(0) + 43_200_000,
  };
  it.each([
    ['good', 20_001, tooDear],
    ['limited', 20_001, tooDear],
    ['suspended', 1, { code: 'suspended' }],
  ] as const)('in standing %s is refused for want of tokens or trust', (standing, mt, refusal) => {
    const before = after(standingTo(standing)).snapshot;
    const { snapshot, said } = take(quotaMachine, before, hold('job_1', mt));
    expect(snapshot.context).toEqual(before.context);
    expect(said).toEqual([
      ['actor.tell', { to: jobRef('acc_1', 'job_1'), event: { type: 'hold.refused', refusal } }],
    ]);
  });

  it('is refused while too many jobs are under way, and granted again when one has ended', () => {
    const full = crowded(JOBS_MAX);
    const { snapshot, said } = take(quotaMachine, full, hold('job_new', 1));
    expect(snapshot.context).toEqual(full.context);
    expect(effectsOf(said, 'actor.tell')).toMatchObject([
      { event: { type: 'hold.refused', refusal: { code: 'too_many_jobs', jobsMax: 500 } } },
    ]);
    const [ended] = Object.keys(full.context.balance.holds);
    const next = takeAll(quotaMachine, full, [release(ended!), hold('job_new', 1)]);
    expect(toldBy(next.said)).toEqual(['hold.granted']);
  });

  it('of many jobs keeps the stored account small', () => {
    const { context } = crowded(JOBS_MAX);
    expect(Object.keys(context.balance.holds)).toHaveLength(500);
    expect(JSON.stringify(context).length).toBeLessThan(64 * 1024);
  });

  it('is judged by the tokens of the new day', () => {
    const spent = after(hold('job_1', 20_000)).snapshot;
    const { snapshot, said } = take(quotaMachine, spent, hold('job_2', 20_000, noon(1)));
    expect(toldBy(said)).toEqual(['hold.granted']);
    expect(snapshot.context.balance).toMatchObject({ day: '2026-01-02', heldMt: 40_000 });
  });
});

describe('a settlement', () => {
  it('charges what was held, and answers nothing: the job has ended by then', () => {
    const { snapshot, said } = take(
      quotaMachine,
      after(hold('job_1', 1500)).snapshot,
      capture('job_1', 1500),
    );
    expect(effectsOf(said, 'ledger.post')).toEqual([
      {
        posting: 3,
        legs: [
          { book: 'held', amountMt: -1500, balanceMt: 0 },
          { book: 'system:spent', amountMt: 1500, balanceMt: null },
        ],
        reason: 'Charged for image',
        jobId: 'job_1',
      },
    ]);
    expect(toldBy(said)).toEqual([]);
    expect(snapshot.context.balance).toMatchObject({ allowanceMt: 18_500, heldMt: 0, holds: {} });
  });

  it('returns the whole hold as a line that a person can read', () => {
    const { said } = take(quotaMachine, after(hold('job_1', 1500)).snapshot, release('job_1'));
    expect(effectsOf(said, 'ledger.post')).toMatchObject([
      { reason: 'Returned: you cancelled the job', jobId: 'job_1' },
    ]);
    expect(toldBy(said)).toEqual([]);
  });

  it.each(STANDINGS)(
    'is made in standing %s: what was accepted is finished or returned',
    (standing) => {
      const held = after(hold('job_1', 1500), hold('job_2', 1500), standingTo(standing)).snapshot;
      const { snapshot } = takeAll(quotaMachine, held, [capture('job_1', 1500), release('job_2')]);
      expect(snapshot.context.balance).toMatchObject({ allowanceMt: 18_500, holds: {} });
    },
  );

  it('asked for twice is a programmer error, not a second payment (I3)', () => {
    const closed = after(hold('job_1', 1500), capture('job_1', 1500)).snapshot;
    expect(() => take(quotaMachine, closed, release('job_1'))).toThrow('Job job_1 has no hold.');
    expect(() => take(quotaMachine, closed, capture('job_1', 1500))).toThrow('has no hold');
  });

  it('after midnight grants the new day first and carries what comes back (I4)', () => {
    const reasons = postings(hold('job_1', 1500), release('job_1', noon(1))).map(
      ({ reason }) => reason,
    );
    expect(reasons).toEqual([
      'Tokens for 2026-01-01',
      'Held for image',
      'Unused tokens of 2026-01-01 expired',
      'Tokens for 2026-01-02',
      'Returned: you cancelled the job (carried over from 2026-01-01, valid until the next reset)',
    ]);
  });
});

describe('a change of plan (I6)', () => {
  it('moves the region and the balance together', () => {
    for (const plan of PLANS) {
      const { context, value } = after(planTo(plan)).snapshot;
      expect([value.plan, context.balance.plan]).toEqual([plan, plan]);
    }
  });

  it('upwards opens an exhausted account at once', () => {
    const before = reach({ plan: 'free', standing: 'good', allowance: 'exhausted' });
    const { snapshot } = take(quotaMachine, before, planTo('starter'));
    expect(snapshot.matches({ allowance: 'open', plan: 'starter' })).toBe(true);
    expect(snapshot.context.balance.allowanceMt).toBe(100_000);
  });

  it('told twice changes nothing more', () => {
    const once = after(planTo('pro')).snapshot;
    const { snapshot, said } = take(quotaMachine, once, planTo('pro'));
    expect([snapshot.context, said]).toEqual([once.context, []]);
  });
});

describe('stopped runs (I14)', () => {
  const stopped = (n: number, time = noon(0)) =>
    Array.from({ length: n }, (_, i) => [
      hold(`job_${i}`, 100, time),
      { ...release(`job_${i}`, time), isStopped: true },
    ]).flat();
  const grantsAfter = (...events: readonly object[]) =>
    effectsOf(
      take(quotaMachine, after(...events).snapshot, hold('job_x', 100, noon(0))).said,
      'actor.tell',
    ).map(({ event }) => event);

  it.each([
    [9, 5000],
    [10, 0],
  ])('%i of them leave %i ms of grace', (n, graceMs) => {
    expect(grantsAfter(...stopped(n))).toMatchObject([{ type: 'hold.granted', graceMs }]);
  });

  it('of twenty leave four jobs at once, as does being under watch', () => {
    const open = [1, 2, 3, 4].map((n) => hold(`job_open_${n}`, 100));
    const refusal = { code: 'too_many_jobs', jobsMax: 4 };
    expect(grantsAfter(...stopped(20), ...open)).toMatchObject([{ refusal }]);
    expect(grantsAfter(...open, standingTo('limited'))).toMatchObject([{ refusal }]);
    expect(grantsAfter(standingTo('limited'))).toMatchObject([{ graceMs: 0 }]);
    expect(grantsAfter(...stopped(19), ...open)).toMatchObject([{ type: 'hold.granted' }]);
  });

  it('are forgotten with the day, and others do not count', () => {
    const { snapshot } = after(...stopped(20), hold('job_x', 100, noon(1)));
    expect(snapshot.context.balance.stopped).toBe(0);
    expect(after(hold('job_1', 100), release('job_1')).snapshot.context.balance.stopped).toBe(0);
    const captured = after(hold('job_1', 100), { ...capture('job_1', 40), isStopped: true });
    expect(captured.snapshot.context.balance).toMatchObject({ stopped: 1, allowanceMt: 19_960 });
  });
});

describe('bought tokens (I11)', () => {
  it('are there at once, outlive the day and are used after its tokens', () => {
    const { snapshot, said } = after(credited(5000), hold('job_1', 22_000));
    expect(effectsOf(said, 'ledger.post').map(({ reason }) => reason)).toEqual([
      'Tokens for 2026-01-01',
      'Topped up',
      'Held for image',
    ]);
    expect(snapshot.context.balance).toMatchObject({ allowanceMt: 0, topUpMt: 3000 });
    const next = take(quotaMachine, snapshot, planTo('free', noon(1))).snapshot;
    expect(next.context.balance).toMatchObject({ allowanceMt: 20_000, topUpMt: 3000 });
  });

  it('go back with their payment as far as they are left, and never further', () => {
    const { snapshot } = after(credited(5000), hold('job_1', 22_000), withdrawn(5000));
    expect(snapshot.context.balance).toMatchObject({ topUpMt: 0, heldMt: 22_000 });
    expect(take(quotaMachine, snapshot, withdrawn(5000)).said).toEqual([]);
    const { balance } = take(quotaMachine, snapshot, release('job_1')).snapshot.context;
    expect(balance).toMatchObject({ allowanceMt: 20_000, topUpMt: 2000 });
  });

  it('are told to whoever asked how many were left', () => {
    const asked = { by: 'acc_2', purchase: 'stripe:pi_1' };
    const used = after(credited(5000), hold('job_1', 23_000)).snapshot;
    const { said } = take(quotaMachine, used, { ...withdrawn(5000), asked });
    const event = { type: 'topUp.takenBack', purchase: 'stripe:pi_1', amountMt: 2000 };
    expect(effectsOf(said, 'actor.tell')).toEqual([{ to: subscriptionRef('acc_2'), event }]);
  });

  it.each([0, -1, 0.5, NaN])('of %s millitokens are a programmer error', (amountMt) => {
    expect(() => take(quotaMachine, born(), credited(amountMt))).toThrow('cannot be bought');
    expect(() => take(quotaMachine, born(), withdrawn(amountMt))).toThrow('cannot be bought');
  });
});

it('gives what the operator says, and on a changed plan the difference to it (I5, I6)', () => {
  const allowances = {
    free: { dailyMt: 5000, jobsMax: 1, filesKeptDays: 1 },
    starter: { dailyMt: 7000, jobsMax: 2, filesKeptDays: 1 },
    pro: { dailyMt: 7000, jobsMax: 2, filesKeptDays: 1 },
  };
  const machine = quotaMachineFor(allowances);
  const { snapshot, said } = takeAll(machine, born(), [
    hold('job_1', 5001),
    hold('job_2', 1000),
    hold('job_3', 1000),
    planTo('starter'),
  ]);
  expect(toldBy(said)).toEqual(['hold.refused', 'hold.granted', 'hold.refused']);
  expect(effectsOf(said, 'actor.tell')[2]).toMatchObject({
    event: { refusal: { code: 'too_many_jobs', jobsMax: 1 } },
  });
  expect(snapshot.context.balance).toMatchObject({ grantedMt: 7000, allowanceMt: 6000 });
});
