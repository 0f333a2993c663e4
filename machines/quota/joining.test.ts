// Two accounts of one person, as their books see it: what moves, what stays, and that no day is granted twice.
// Messages between the two are carried by hand, as the turn carries them.
import { initialTransition } from 'xstate';
import { describe, expect, it } from 'vitest';
import type { QuotaEvent } from '../contract/events.ts';
import { effectsOf, take } from '../testing.ts';
import { quotaMachine, type QuotaSnapshot } from './machine.ts';
import {
  Bookkeeper,
  born,
  credited,
  hold,
  joined,
  joinInto,
  noon,
  part,
  planTo,
  release,
  standingTo,
  withdrawn,
} from './testing.ts';

type Event = QuotaEvent & { readonly at?: number };

/** Accounts that hear each other: whoever is told something takes it in the same turn. */
class House {
  readonly accounts = new Map<string, { snapshot: QuotaSnapshot; keeper: Bookkeeper }>();
  refused: unknown[] = [];
  granted: string[] = [];

  of(id: string) {
    const known = this.accounts.get(id);
    if (known) return known;
    const [snapshot] = initialTransition(quotaMachine, { accountId: id });
    const made = { snapshot, keeper: new Bookkeeper() };
    this.accounts.set(id, made);
    return made;
  }

  say(id: string, event: Event): this {
    const account = this.of(id);
    const at = event.at ?? noon(0);
    const { snapshot, said } = take(quotaMachine, account.snapshot, { ...event, at });
    account.snapshot = snapshot;
    const postings = effectsOf(said, 'ledger.post');
    account.keeper.enter(postings).check(snapshot.context.balance);
    this.refused.push(...effectsOf(said, 'caller.refuse'));
    this.granted.push(
      ...postings
        .filter(({ legs }) => legs.some(({ book }) => book === 'system:granted'))
        .map(({ reason }) => `${id}: ${reason}`),
    );
    for (const { to, event: told } of effectsOf(said, 'actor.tell'))
      if (to.kind === 'quota') this.say(to.id, { ...told, at } as Event);
    return this;
  }

  balance(id: string) {
    return this.of(id).snapshot.context.balance;
  }

  /** What moved out somewhere came in elsewhere. */
  movedMt(): number {
    return [...this.accounts.values()].reduce(
      (sum, { keeper }) => sum + keeper.sum('system:moved'),
      0,
    );
  }
}

const spendAll = (job: string, day: number): Event => ({
  ...hold(job, 20_000, noon(day)),
});

describe('an account that joins another', () => {
  it('brings its bought tokens, and leaves its day behind', () => {
    const house = new House()
      .say('acc_a', hold('job_1', 1000))
      .say('acc_b', credited(5000))
      .say('acc_b', joinInto('acc_a'));
    expect(house.balance('acc_b')).toMatchObject({ topUpMt: 0, allowanceMt: 20_000 });
    expect(house.balance('acc_a')).toMatchObject({ topUpMt: 5000, allowanceMt: 19_000 });
    expect(house.movedMt()).toBe(0);
    // Told again, as after a crash: nothing moves twice.
    house.say('acc_b', joinInto('acc_a'));
    expect(house.balance('acc_a').topUpMt).toBe(5000);
    expect(house.refused).toEqual([]);
  });

  it('sets nothing aside any more', () => {
    const joinedAccount = take(quotaMachine, born(), joinInto('acc_2')).snapshot;
    const { said } = take(quotaMachine, joinedAccount, hold('job_1', 1));
    expect(effectsOf(said, 'actor.tell')).toMatchObject([
      { event: { type: 'hold.refused', refusal: { code: 'joined_elsewhere' } } },
    ]);
  });

  it('passes on what is told about bought tokens, and takes it back when it parts', () => {
    const house = new House().say('acc_b', joinInto('acc_a'));
    house.say('acc_b', credited(3000)).say('acc_b', withdrawn(1000));
    expect(house.balance('acc_a').topUpMt).toBe(2000);
    house.say('acc_b', part('acc_a'));
    expect([house.balance('acc_a').topUpMt, house.balance('acc_b').topUpMt]).toEqual([0, 2000]);
    expect(house.movedMt()).toBe(0);
  });

  it.each<[string, readonly Event[], string]>([
    ['jobs of it are under way', [hold('job_1', 10)], 'jobs_under_way'],
    ['it has a plan', [planTo('pro')], 'has_a_plan'],
    ['it is watched', [standingTo('limited')], 'not_in_good_standing'],
    ['it is suspended', [standingTo('suspended')], 'not_in_good_standing'],
    ['it is part of a third one', [joinInto('acc_c')], 'is_joined'],
  ])('is turned down while %s', (_, before, why) => {
    const house = new House();
    for (const event of before) house.say('acc_b', event);
    const was = house.balance('acc_b');
    house.say('acc_b', joinInto('acc_a'));
    expect(house.refused).toEqual([{ code: 'join_refused', why }]);
    expect(house.balance('acc_b')).toEqual(was);
  });

  it('is not taken in by one that is suspended, or part of another itself', () => {
    for (const event of [standingTo('suspended'), standingTo('limited'), joinInto('acc_c')]) {
      const house = new House().say('acc_a', event).say('acc_a', joined(5));
      expect(house.refused).toHaveLength(1);
      expect(house.balance('acc_a').topUpMt).toBe(0);
    }
  });
});

describe('an account that parts', () => {
  it('gets back what is left of what it brought, and no more', () => {
    const house = new House().say('acc_b', credited(5000)).say('acc_b', joinInto('acc_a'));
    house.say('acc_a', hold('job_1', 22_000)).say('acc_b', part('acc_a'));
    expect(house.balance('acc_b').topUpMt).toBe(3000);
    expect(house.balance('acc_a')).toMatchObject({ topUpMt: 0, heldMt: 22_000 });
    // What comes free later stays where it was held.
    house.say('acc_a', release('job_1'));
    expect(house.balance('acc_a').topUpMt).toBe(2000);
    expect(house.movedMt()).toBe(0);
  });

  it('gets nothing back after the time for it: what it brought has become the other one’s', () => {
    const house = new House().say('acc_b', credited(5000)).say('acc_b', joinInto('acc_a'));
    house.say('acc_b', part(null));
    expect([house.balance('acc_a').topUpMt, house.balance('acc_b').topUpMt]).toEqual([5000, 0]);
  });

  it('is granted no day on which the person had one, however often they part and join', () => {
    const house = new House();
    house.say('acc_a', spendAll('job_0', 0)).say('acc_b', joinInto('acc_a'));
    // The next day begins as one person, with one day's tokens.
    house.say('acc_a', spendAll('job_1', 1));
    for (let n = 0; n < 5; n++) {
      house.say('acc_b', part('acc_a', noon(1)));
      house.say('acc_b', { ...hold(`job_b${n}`, 1, noon(1)) });
      house.say('acc_b', joinInto('acc_a', noon(1)));
    }
    expect(house.granted).toEqual(['acc_a: Tokens for 2026-01-01', 'acc_a: Tokens for 2026-01-02']);
    // The day after it is an account like any other.
    house.say('acc_b', part('acc_a', noon(1))).say('acc_b', spendAll('job_2', 2));
    expect(house.granted.at(-1)).toBe('acc_b: Tokens for 2026-01-03');
  });

  it('keeps the rest of a day that was granted before it joined, if it parts on that day', () => {
    const house = new House().say('acc_b', hold('job_1', 500)).say('acc_b', release('job_1'));
    house.say('acc_b', joinInto('acc_a')).say('acc_b', part('acc_a'));
    expect(house.balance('acc_b').allowanceMt).toBe(20_000);
    expect(house.granted).toHaveLength(1);
  });

  it('on a plan that was bought for it meanwhile is granted nothing before it is its own', () => {
    const house = new House().say('acc_b', joinInto('acc_a')).say('acc_b', planTo('pro', noon(1)));
    expect(house.granted).toEqual([]);
    house.say('acc_b', part('acc_a', noon(1))).say('acc_b', hold('job_1', 1, noon(2)));
    expect(house.granted).toEqual(['acc_b: Tokens for 2026-01-03']);
    expect(house.balance('acc_b').grantedMt).toBe(300_000);
  });
});

it('a new account of somebody who leaves another begins with the next day', () => {
  const house = new House().say('acc_n', { type: 'account.openedApart' });
  house.say('acc_n', hold('job_1', 1)).say('acc_n', hold('job_2', 1, noon(1)));
  expect(house.granted).toEqual(['acc_n: Tokens for 2026-01-02']);
});
