// Several attempts in one engine call (I13): how they come, and that each goes by itself.
import { describe, expect, it } from 'vitest';
import { take, toldBy } from '../testing.ts';
import { callsIn } from './context.ts';
import { workerMachine } from './machine.ts';
import {
  after,
  claim,
  claimInBatch,
  EVENTS,
  hello,
  key,
  ordersOf,
  run,
  runOrder,
  stateOf,
  tellsOf,
  toJob,
  WAYS,
} from './testing.ts';

const BATCH = ['job_1', 'job_2', 'job_3'].map((job) => claimInBatch(job));
const TOGETHER = [...WAYS.idle, ...BATCH];
const from = (way: readonly object[], event: object) =>
  take(workerMachine, after(...way).snapshot, event);
const jobsIn = (way: readonly object[]) => Object.keys(run(...way).slots);
const refused = (way: readonly object[], event: object) =>
  toldBy(from(way, event).said).join() === 'slot.refused';

describe('a batch', () => {
  it('is one call, so that a slot is left for another', () => {
    expect(jobsIn(TOGETHER)).toEqual(['job_1', 'job_2', 'job_3']);
    expect(callsIn(run(...TOGETHER).slots)).toBe(1);
    expect(refused(TOGETHER, claim('job_4'))).toBe(false);
    expect(refused([...TOGETHER, claim('job_4')], claim('job_5'))).toBe(true);
  });

  it('takes its members in although no slot is free beside it', () => {
    const full = [...WAYS.idle, claim('job_9'), BATCH[0]!];
    expect(refused(full, claim('job_2'))).toBe(true);
    expect(jobsIn([...full, BATCH[1]!, BATCH[2]!])).toEqual(['job_9', 'job_1', 'job_2', 'job_3']);
  });

  it('tells the agent with each order what it belongs to', () => {
    const { said } = from([...WAYS.idle, BATCH[0]!], BATCH[1]!);
    const order = runOrder('job_2', 'sketch', 1, { id: 'b1', size: 3 });
    expect(said).toEqual([['worker.order', { accountId: 'acc_1', order }]]);
  });

  const small = { size: 2 };
  it.each([
    ['more come than its orders say', [claimInBatch('a', small), claimInBatch('b', small)], small],
    ['it is larger than the offer', [], { size: 4 }],
    ['the model takes only one at a time', [], { size: 2, model: 'paint' }],
    ['the others work with another model', [claimInBatch('a', small)], { model: 'paint', size: 2 }],
  ])('is refused when %s', (_, way, place) => {
    expect(refused([...WAYS.idle, ...way], claimInBatch('c', place))).toBe(true);
  });

  it('that begins anew finds no room in the old one', () => {
    const gone = [...TOGETHER, { ...EVENTS['run.finished'], job: 'job_1' }, claim('job_9')];
    expect(refused(gone, claimInBatch('job_1', { id: 'b2' }))).toBe(true);
  });

  it('is never more than can be stored', () => {
    const many = Array.from({ length: 70 }, (_, n) =>
      claimInBatch(`job_${n}`, { id: `b${Math.floor(n / 3)}` }),
    );
    const [said] = WAYS.idle as [ReturnType<typeof hello>];
    const wide = { ...said, offer: { ...said.offer, slots: 64 } };
    expect(jobsIn([wide, ...many])).toHaveLength(64);
  });
});

describe('a member', () => {
  it('ends by itself; the call is free when the last has ended', () => {
    const one = [...TOGETHER, claim('job_9'), EVENTS['run.finished']];
    expect(jobsIn(one)).toEqual(['job_2', 'job_3', 'job_9']);
    expect(refused(one, claim('job_4'))).toBe(true);
    const ends = ['job_2', 'job_3'].map((job) => ({ ...EVENTS['run.failed'], job }));
    expect(refused([...one, ...ends], claim('job_4'))).toBe(false);
  });

  it('that is called off stops alone, and keeps its place until the agent says so', () => {
    const { snapshot, said } = from(TOGETHER, EVENTS['slot.cancelRequested']);
    expect(ordersOf(said)).toEqual(['cancel job_1 1']);
    const phases = Object.values(snapshot.context.run.slots).map(({ phase }) => phase);
    expect(phases).toEqual(['cancelling', 'live', 'live']);
    const late = [...TOGETHER, EVENTS['slot.cancelRequested']];
    expect(refused(late, claimInBatch('job_4'))).toBe(true);
  });

  it('that the agent never heard of comes back alone after the next hello', () => {
    const known = ['job_1', 'job_3'].map((job) => ({ job, attempt: 1 }));
    const { snapshot, said } = from(TOGETHER, hello(known));
    expect(Object.keys(snapshot.context.run.slots)).toEqual(['job_1', 'job_3']);
    expect(tellsOf(said)).toContainEqual(toJob({ type: 'slot.returned', ...key }, 'job_2'));
    expect(callsIn(snapshot.context.run.slots)).toBe(1);
  });

  it('is free at once when the worker is lost, and offered by itself when that is back', () => {
    const { snapshot, said } = from(TOGETHER, EVENTS['lease.expired']);
    expect(toldBy(said)).toEqual(['worker.lost', 'worker.lost', 'worker.lost']);
    const back = take(workerMachine, snapshot, hello([{ job: 'job_2', attempt: 1 }]));
    expect(tellsOf(back.said)).toEqual([toJob({ type: 'run.adoptionOffered', ...key }, 'job_2')]);
    expect(stateOf(back.snapshot)).toBe('executing');
  });
});
