// The arithmetic of an account, by property. Numbers in brackets are those of SPEC.md.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Plan } from '../contract/events.ts';
import {
  availableMt,
  changePlan,
  closeHold,
  emptyBalance,
  nextReset,
  placeHold,
  rollDay,
  utcDay,
  type Balance,
  type Change,
} from './balance.ts';
import { ALLOWANCES, Bookkeeper, DAY_MS, noon } from './testing.ts';

// fast-check prints the seed and the path of what failed; both go here to see it again.
const AGAIN = { seed: 20_260_101, numRuns: 1000 };

const PLANS = ['free', 'starter', 'pro'] as const satisfies readonly Plan[];
const TOP_UP_MT = 50_000;

/** An account on its first day, with a top-up besides the day's tokens. */
const opened = (plan: Plan = 'free', topUpMt = 0): Balance =>
  rollDay({ ...emptyBalance(plan), topUpMt }, noon(0), ALLOWANCES).balance;

describe('the day (I5)', () => {
  const LAST = Date.UTC(2401, 0, 1) - 1;
  const time = fc.oneof(
    fc.integer({ min: 0, max: LAST }),
    // The edges of days, where a mistake would hide.
    fc
      .tuple(
        fc.integer({ min: 1, max: Math.floor(LAST / DAY_MS) }),
        fc.integer({ min: -2, max: 1 }),
      )
      .map(([day, ms]) => day * DAY_MS + ms),
  );

  it('is the UTC date, from 1970 to 2400', () => {
    fc.assert(
      fc.property(time, (at) => {
        expect(utcDay(at)).toBe(new Date(at).toISOString().slice(0, 10));
      }),
      { ...AGAIN, numRuns: 3000 },
    );
  });

  it('is right on every day there is', () => {
    for (let day = 0; day * DAY_MS <= LAST; day++) {
      const found = utcDay(day * DAY_MS);
      const promised = new Date(day * DAY_MS).toISOString().slice(0, 10);
      if (found !== promised) expect(found).toBe(promised);
    }
  });

  it('ends at the next midnight', () => {
    fc.assert(
      fc.property(time, (at) => {
        const reset = nextReset(at);
        expect(reset).toBeGreaterThan(at);
        expect(utcDay(reset - 1)).toBe(utcDay(at));
        expect(utcDay(reset)).not.toBe(utcDay(at));
      }),
      AGAIN,
    );
  });
});

type Command =
  | { readonly do: 'hold'; readonly share: number }
  | { readonly do: 'close'; readonly which: number; readonly share: number }
  | { readonly do: 'plan'; readonly plan: Plan }
  | { readonly do: 'roll'; readonly days: number };

const command: fc.Arbitrary<Command> = fc.oneof(
  fc.record({ do: fc.constant('hold' as const), share: fc.integer({ min: 1, max: 100 }) }),
  fc.record({
    do: fc.constant('close' as const),
    which: fc.nat({ max: 9 }),
    share: fc.constantFrom(0, 0, 33, 100, 100),
  }),
  fc.record({ do: fc.constant('plan' as const), plan: fc.constantFrom(...PLANS) }),
  // Now and then the clock steps back, or three nights pass unseen.
  fc.record({ do: fc.constant('roll' as const), days: fc.constantFrom(-2, 0, 1, 1, 3) }),
);

/** Obeys one command where it makes sense; what would be a programmer error is left out. */
function obey(
  balance: Balance,
  { at, number }: { at: number; number: number },
  told: Command,
): Change {
  const nothing: Change = { balance, postings: [] };
  switch (told.do) {
    case 'hold': {
      const amountMt = Math.floor((availableMt(balance) * told.share) / 100);
      return amountMt > 0 ? placeHold(balance, `job_${number}`, amountMt, 'Held') : nothing;
    }
    case 'close': {
      const jobs = Object.keys(balance.holds);
      const job = jobs[told.which % Math.max(jobs.length, 1)];
      if (job === undefined) return nothing;
      const { allowanceMt, topUpMt } = balance.holds[job]!;
      const spentMt = Math.floor(((allowanceMt + topUpMt) * told.share) / 100);
      return closeHold(balance, job, spentMt, 'Closed');
    }
    case 'plan':
      return changePlan(balance, told.plan, ALLOWANCES);
    case 'roll':
      return rollDay(balance, at, ALLOWANCES);
  }
}

describe('whatever happens', () => {
  it('ledger and balance agree, nothing is overdrawn, holds are whole (I1, I2, I3)', () => {
    fc.assert(
      fc.property(fc.array(command, { maxLength: 60 }), (commands) => {
        let balance = opened('free', TOP_UP_MT);
        const keeper = new Bookkeeper(balance);
        let at = noon(0);
        commands.forEach((told, number) => {
          if (told.do === 'roll') at += told.days * DAY_MS;
          const change = obey(balance, { at, number }, told);
          balance = change.balance;
          keeper.enter(change.postings).check(balance);
        });
        for (const job of Object.keys(balance.holds)) {
          const change = closeHold(balance, job, 0, 'Returned');
          balance = change.balance;
          keeper.enter(change.postings);
        }
        keeper.check(balance);
        expect(balance.heldMt).toBe(0);
      }),
      AGAIN,
    );
  });

  it('a date is granted once, never more than the best plan of that day (I5, I6)', () => {
    fc.assert(
      fc.property(fc.array(command, { maxLength: 60 }), (commands) => {
        let balance = opened();
        let at = noon(0);
        const granted = new Map<string, number>([[balance.day, ALLOWANCES.free.dailyMt]]);
        const best = new Map(granted);
        commands.forEach((told, number) => {
          if (told.do === 'roll') at += told.days * DAY_MS;
          const { postings, balance: next } = obey(balance, { at, number }, told);
          if (next.day !== balance.day) expect(granted.has(next.day)).toBe(false);
          balance = next;
          const sum = postings
            .flatMap(({ legs }) => legs)
            .filter(({ book }) => book === 'system:granted')
            .reduce((total, leg) => total - leg.amountMt, 0);
          granted.set(balance.day, (granted.get(balance.day) ?? 0) + sum);
          best.set(
            balance.day,
            Math.max(best.get(balance.day) ?? 0, ALLOWANCES[balance.plan].dailyMt),
          );
          expect(granted.get(balance.day)).toBe(best.get(balance.day));
        });
      }),
      AGAIN,
    );
  });
});

describe('a new day (I5)', () => {
  it('expires what is left and grants the plan’s tokens', () => {
    const { balance, postings } = rollDay(opened('starter'), noon(1), ALLOWANCES);
    expect(balance).toMatchObject({ day: '2026-01-02', allowanceMt: 120_000, grantedMt: 120_000 });
    expect(postings.map(({ reason, legs }) => [reason, legs[0]?.amountMt])).toEqual([
      ['Unused tokens of 2026-01-01 expired', -120_000],
      ['Tokens for 2026-01-02', -120_000],
    ]);
  });

  it('comes once after several nights', () => {
    const { balance, postings } = rollDay(opened(), noon(4), ALLOWANCES);
    expect(balance.day).toBe('2026-01-05');
    expect(postings.map(({ reason }) => reason)).toEqual([
      'Unused tokens of 2026-01-01 expired',
      'Tokens for 2026-01-05',
    ]);
  });

  it('does not come for a clock that steps back', () => {
    const today = rollDay(opened(), noon(3), ALLOWANCES).balance;
    for (const at of [noon(3), noon(2), noon(0), 0])
      expect(rollDay(today, at, ALLOWANCES)).toEqual({ balance: today, postings: [] });
  });

  it('leaves top-ups and holds alone', () => {
    const held = placeHold(opened('free', TOP_UP_MT), 'job_1', 25_000, 'Held').balance;
    expect(rollDay(held, noon(1), ALLOWANCES).balance).toMatchObject({
      topUpMt: 45_000,
      heldMt: 25_000,
      holds: held.holds,
    });
  });
});

describe('a hold', () => {
  const held = placeHold(opened('free', TOP_UP_MT), 'job_1', 25_000, 'Held').balance;

  it('takes the day’s tokens first, and names what it took (I4)', () => {
    expect(held.holds.job_1).toEqual({ day: '2026-01-01', allowanceMt: 20_000, topUpMt: 5_000 });
    expect(availableMt(held)).toBe(45_000);
  });

  it('that is released goes back where it came from', () => {
    const { balance } = closeHold(held, 'job_1', 0, 'Returned');
    expect(balance).toMatchObject({ allowanceMt: 20_000, topUpMt: 50_000, heldMt: 0, holds: {} });
  });

  it('that is charged in part spends the day’s tokens first', () => {
    const { balance, postings } = closeHold(held, 'job_1', 21_000, 'Charged');
    expect(balance).toMatchObject({ allowanceMt: 0, topUpMt: 49_000, heldMt: 0 });
    expect(postings[0]?.legs).toEqual([
      { book: 'held', amountMt: -25_000, balanceMt: 0 },
      { book: 'system:spent', amountMt: 21_000, balanceMt: null },
      { book: 'topUp', amountMt: 4_000, balanceMt: 49_000 },
    ]);
  });

  it('released after midnight is carried until the next reset (I4)', () => {
    const tomorrow = rollDay(held, noon(1), ALLOWANCES).balance;
    const { balance, postings } = closeHold(tomorrow, 'job_1', 0, 'Returned');
    expect(balance).toMatchObject({ allowanceMt: 40_000, topUpMt: 50_000 });
    expect(postings[0]?.reason).toBe(
      'Returned (carried over from 2026-01-01, valid until the next reset)',
    );
    const third = rollDay(balance, noon(2), ALLOWANCES);
    expect(third.balance.allowanceMt).toBe(20_000);
    expect(third.postings[0]?.legs[0]?.amountMt).toBe(-40_000);
  });

  it('charged after midnight never touches the new day (I4)', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 70_000 }), (amountMt) => {
        const yesterday = placeHold(opened('free', TOP_UP_MT), 'job_1', amountMt, 'Held').balance;
        const before = rollDay(yesterday, noon(1), ALLOWANCES).balance;
        const { balance } = closeHold(before, 'job_1', amountMt, 'Charged');
        expect(balance).toMatchObject({
          allowanceMt: before.allowanceMt,
          topUpMt: before.topUpMt,
          heldMt: 0,
        });
      }),
      AGAIN,
    );
  });

  it.each([0, -1, 0.5, NaN, Infinity, 2 ** 53])(
    'of %d millitokens is a programmer error',
    (amountMt) => {
      expect(() => placeHold(opened(), 'job_1', amountMt, 'Held')).toThrow(/cannot hold/);
    },
  );

  it('is placed and closed once (I3)', () => {
    expect(() => placeHold(held, 'job_1', 1, 'Held')).toThrow('Job job_1 already has a hold.');
    const closed = closeHold(held, 'job_1', 25_000, 'Charged').balance;
    expect(() => closeHold(closed, 'job_1', 0, 'Returned')).toThrow('Job job_1 has no hold.');
  });

  it('is never charged more than it is, or less than nothing', () => {
    for (const spentMt of [25_001, -1, 0.5])
      expect(() => closeHold(held, 'job_1', spentMt, 'Charged')).toThrow(/cannot spend/);
  });

  it('cannot be larger than what there is (I2)', () => {
    expect(() => placeHold(opened(), 'job_1', 20_001, 'Held')).toThrow(/overdraw/);
  });
});

describe('a change of plan (I6)', () => {
  it('upwards adds the difference at once', () => {
    const { balance, postings } = changePlan(opened(), 'pro', ALLOWANCES);
    expect(balance).toMatchObject({ plan: 'pro', allowanceMt: 300_000, grantedMt: 300_000 });
    expect(postings.map(({ reason }) => reason)).toEqual(['Plan changed to pro']);
  });

  it('downwards counts from the next day', () => {
    const { balance, postings } = changePlan(opened('pro'), 'free', ALLOWANCES);
    expect(balance).toMatchObject({ plan: 'free', allowanceMt: 300_000 });
    expect(postings).toEqual([]);
    expect(rollDay(balance, noon(1), ALLOWANCES).balance.allowanceMt).toBe(20_000);
  });

  it('down and up again on one day grants nothing twice', () => {
    const down = changePlan(opened('pro'), 'free', ALLOWANCES).balance;
    expect(changePlan(down, 'pro', ALLOWANCES)).toMatchObject({
      balance: { allowanceMt: 300_000 },
      postings: [],
    });
  });

  it('before the first day grants nothing yet', () => {
    expect(changePlan(emptyBalance('free'), 'pro', ALLOWANCES)).toMatchObject({
      balance: { plan: 'pro', allowanceMt: 0 },
      postings: [],
    });
  });
});
