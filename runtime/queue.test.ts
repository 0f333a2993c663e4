// The index of waiting jobs: whatever comes, is taken, called off and comes back, it counts as if it had
// counted everything anew.
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { NOW, queueOf, waitingJob } from '../machines/scheduling/testing.ts';
import { growthOf } from '../machines/scheduling/policy.ts';
import type { WaitingJob, WaitingQueue } from '../machines/scheduling/waiting.ts';
import { Queue } from './queue.ts';

const PLANS = ['free', 'starter', 'pro'] as const;

const job = (n: number, queuedAt: number): WaitingJob =>
  waitingJob(`job_${n}`, {
    ...{ accountId: `acc_${n % 3}`, model: n % 2 ? 'sdxl' : 'flux', plan: PLANS[n % 3]! },
    ...{ queuedAt, runMs: 1_000 * (1 + (n % 5)), failedOn: n % 7 === 0 ? ['wrk_1'] : [] },
  });

/** Everything the policy can see, but for turns, which remember what was taken. */
const seen = (queue: WaitingQueue) =>
  [...queue.stocks]
    .flatMap(({ model, failedOn, lines }) =>
      [...lines].map((line) => ({
        ...{ model, failedOn, accountId: line.accountId, plan: line.plan },
        tickets: line.tickets.map((ticket) => ({
          ...{ id: ticket.job.id, worth: ticket.worth, aheadMs: line.aheadMs(ticket) },
        })),
      })),
    )
    .sort((a, b) => (a.tickets[0]!.id < b.tickets[0]!.id ? -1 : 1));

const turnsOf = (queue: WaitingQueue) =>
  Object.fromEntries(
    [...queue.stocks].flatMap(({ lines }) =>
      [...lines].flatMap(({ tickets }) => tickets.map((each) => [each.job.id, each.ownTurnAt])),
    ),
  );

/** What is kept side by side says the same as the lines themselves. */
function expectFiguresOfFirsts(queue: Queue): void {
  for (const { firsts } of queue.stocks)
    firsts.lines.forEach(({ plan, tickets: [first] }, at) => {
      const { worth, growth, turnAt } = firsts;
      const said = { worth: worth[at], growth: growth[at], ownTurnAt: turnAt[at] };
      const { job, ...figures } = first!;
      expect(said).toEqual({
        ...{ worth: figures.worth, growth: growthOf(figures.worth, plan) },
        ownTurnAt: figures.ownTurnAt,
      });
      expect(job.plan).toBe(plan);
    });
}

const step = fc.record({
  ...{ n: fc.nat(30), at: fc.nat(20), does: fc.constantFrom('set', 'set', 'take', 'remove') },
});

test('is what a plain list would be, by any way of coming and going', () => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 120 }), (steps) => {
      const queue = new Queue();
      const model = new Map<string, WaitingJob>();
      for (const { n, at, does } of steps) {
        const each = job(n, at * 1_000);
        if (does === 'set') model.set(each.id, each);
        else model.delete(each.id);
        if (does === 'set') queue.set(each);
        else if (does === 'take') queue.take(each.id);
        else queue.remove(each.id);
        expect(seen(queue)).toEqual(seen(queueOf([...model.values()])));
        expect([...queue.jobs].map(({ id }) => id).sort()).toEqual([...model.keys()].sort());
        expect(queue.size).toBe(model.size);
        expectFiguresOfFirsts(queue);
      }
    }),
  );
});

test('in each line, the place of a job is found by halving', () => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
      const queue = new Queue();
      for (const { n, at } of steps) queue.set(job(n, at));
      for (const line of queue.lines)
        expect(line.tickets.map((ticket) => line.before(ticket.job))).toEqual(
          line.tickets.map((_, index) => index),
        );
    }),
  );
});

const own = (id: string, queuedAt = NOW) => waitingJob(id, { accountId: 'acc_me', queuedAt });

test('a job has its own turn when the jobs in front of it would be done', () => {
  const jobs = ['a', 'b', 'c'].map((id) => own(id));
  const queue = new Queue();
  for (const each of jobs) queue.set(each);
  expect(turnsOf(queue)).toEqual({ a: NOW, b: NOW + 7_000, c: NOW + 14_000 });
  expect(turnsOf(queue)).toEqual(turnsOf(queueOf(jobs)));
});

test('what a worker took still counts for what the person asks for later', () => {
  const queue = new Queue();
  for (const id of ['a', 'b']) queue.set(own(id));
  queue.take('a');
  queue.take('b');
  queue.set(own('c', NOW + 1_000));
  expect(turnsOf(queue)).toEqual({ c: NOW + 14_000 });
});

test('what is called off does not', () => {
  const queue = new Queue();
  for (const id of ['a', 'b', 'c']) queue.set(own(id));
  queue.remove('b');
  expect(turnsOf(queue)).toEqual({ a: NOW, c: NOW + 7_000 });
  queue.remove('a');
  queue.set(own('d'));
  expect(turnsOf(queue)).toEqual({ c: NOW, d: NOW + 7_000 });
});

test('what is called off moves up jobs for other models too', () => {
  const queue = new Queue();
  queue.set(own('a'));
  queue.set({ ...own('b'), model: 'flux' });
  queue.remove('a');
  expect(turnsOf(queue)).toEqual({ b: NOW });
  expectFiguresOfFirsts(queue);
});

test('one that comes back has its old turn', () => {
  const queue = new Queue();
  for (const id of ['a', 'b']) queue.set(own(id));
  queue.take('a');
  queue.set(own('a'));
  expect(turnsOf(queue)).toEqual({ a: NOW, b: NOW + 7_000 });
});

test('people who are gone are forgotten, those who wait are not', () => {
  const queue = new Queue();
  queue.set(own('me'));
  for (let n = 0; n < 3_000; n += 1) {
    queue.set(waitingJob(`j${n}`, { queuedAt: NOW + n * 10_000 }));
    queue.take(`j${n}`);
  }
  expect(queue.peopleKnown).toBeLessThan(1_100);
  expect(queue.get('me')?.id).toBe('me');
});
