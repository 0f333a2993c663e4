// Who would start when: small shops whose next minutes can be told by hand.
import { expect, test } from 'vitest';
import { foretell, type Keeps } from './forecast.ts';
import { decide, type FleetWorker, type WaitingJob } from './policy.ts';
import { fleetWorker, NOW, queueOf, waitingJob as job } from './testing.ts';

/** Who starts how many seconds from now, in that order. */
const told = (jobs: WaitingJob[], fleet: FleetWorker[], keeps?: Keeps) =>
  foretell(queueOf(jobs), fleet, NOW, keeps).turns.map(
    ({ job: { id }, startAt }) => `${id} ${(startAt - NOW) / 1000}`,
  );

test('one after the other, and a load before the other model', () => {
  const jobs = [job('a'), job('b', { queuedAt: NOW }), job('f', { model: 'flux' })];
  expect(told(jobs, [fleetWorker('w')])).toEqual(['a 0', 'b 7', 'f 22']);
});

test('as the policy would, tier by tier', () => {
  const jobs = [job('free'), job('pro', { plan: 'pro', queuedAt: NOW })];
  expect(told(jobs, [fleetWorker('w')])).toEqual(['pro 0', 'free 7']);
});

test('after what a busy worker has', () => {
  const running = [{ job: 'x', accountId: 'acc_x', model: 'sdxl', runMs: 9_000 }];
  const busy = fleetWorker('w', undefined, {
    ...{ freeSlots: 0, slots: 1, busy: true, freeAt: NOW + 5_000, running },
  });
  expect(told([job('a')], [busy])).toEqual(['a 5']);
});

test('after the load under way', () => {
  const loading = fleetWorker('w', undefined, {
    ...{ freeSlots: 0, slots: 1, loading: 'flux', loaded: [], busy: true, freeAt: NOW + 12_000 },
    running: [{ job: 'x', accountId: 'acc_x', model: 'flux', runMs: 4_000 }],
  });
  expect(told([job('f', { model: 'flux' })], [loading])).toEqual(['f 12']);
});

test('several at once where there are several workers or slots', () => {
  const jobs = [job('a'), job('b', { queuedAt: NOW })];
  expect(told(jobs, [fleetWorker('v'), fleetWorker('w')])).toEqual(['a 0', 'b 0']);
  expect(told(jobs, [fleetWorker('w', undefined, { freeSlots: 2, slots: 2 })])).toEqual([
    'a 0',
    'b 0',
  ]);
});

test('jobs of one engine call start together', () => {
  const jobs = ['a', 'b', 'c'].map((id) => job(id, { batchKey: 'k' }));
  const worker = fleetWorker('w', { sdxl: { batchMax: 2, batchCost: 0.5 } });
  expect(told(jobs, [worker])).toEqual(['a 0', 'b 0', 'c 10.5']);
});

test('a model that stays in memory is not loaded again', () => {
  const small = ['sdxl', 'flux'].map((model) => job(model, { model }));
  const again = job('again', { queuedAt: NOW, runMs: 300_000 });
  const both: Keeps = ({ loaded }) => loaded;
  expect(told([...small, again], [fleetWorker('w')], both)).toEqual([
    'sdxl 0',
    'flux 15',
    'again 22',
  ]);
});

test('what no worker can run has no turn', () => {
  expect(told([job('a'), job('wan', { model: 'wan' })], [fleetWorker('w')])).toEqual(['a 0']);
  expect(told([job('a')], [])).toEqual([]);
});

test('what is too far away is put behind, at the pace so far, and costs no more', () => {
  const many = Array.from({ length: 3_000 }, (_, n) =>
    job(`j${n}`, { queuedAt: NOW - n, accountId: `acc_${n % 60}` }),
  );
  const { turns, effort } = foretell(queueOf(many), [fleetWorker('w')], NOW);
  expect(turns.map((turn) => turn.job.id).toSorted()).toEqual(many.map(({ id }) => id).toSorted());
  expect(effort).toBeLessThan(101_000);
  const last = turns.at(-1)!;
  expect(last.worker).toBeNull();
  expect((last.startAt - NOW) / 1000).toBeCloseTo(2_999 * 7, -3);
});

test('a line that is too long to look at in whole comes in the end, too', () => {
  const people = Array.from({ length: 500 }, (_, n) => job(`p${n}`, { queuedAt: NOW - n }));
  const { turns } = foretell(queueOf(people), [fleetWorker('w')], NOW);
  expect(turns.length).toBe(500);
  expect(turns[0]!.job.id).toBe('p499');
});

test('what a person has waiting counts against them once, also when it runs', () => {
  const long = job('long', { accountId: 'acc_me', runMs: 600_000, isFirst: true });
  const jobs = [long, job('mine', { accountId: 'acc_me', queuedAt: NOW - 500 }), job('other')];
  const served = { acc_other: 2_400_000 };
  const { turns } = foretell(queueOf(jobs, served), [fleetWorker('w')], NOW);
  expect(turns.map((turn) => turn.job.id)).toEqual(['long', 'mine', 'other']);
});

test('the queue it is asked about stays as it is', () => {
  const queue = queueOf([job('a'), job('b')]);
  const before = decide(queue, [fleetWorker('w')], NOW);
  foretell(queue, [fleetWorker('w')], NOW);
  expect(decide(queue, [fleetWorker('w')], NOW)).toEqual(before);
});
