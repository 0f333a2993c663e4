// The worker's chart against SPEC.md: the connection, whose reports count, and what a hello settles. Names in
// brackets (I3) are its numbers.
import { describe, expect, it } from 'vitest';
import { take, toldBy } from '../testing.ts';
import { workerMachine } from './machine.ts';
import {
  after,
  claim,
  EVENTS,
  hello,
  key,
  LEASE,
  name,
  ordersOf,
  reach,
  run,
  STATES,
  stateOf,
  step,
  tellsOf,
  timers,
  toJob,
  WAYS,
} from './testing.ts';

describe('the fence (I4)', () => {
  const REPORTS = Object.values(EVENTS).filter(
    (event) => 'epoch' in event && !['worker.connected', 'slot.claimed'].includes(event.type),
  );

  it.each(STATES)('in %s, a report of an older boot changes nothing', (state) => {
    if (state === 'connecting') return; // it leads on, whatever comes
    for (const report of REPORTS)
      expect([report.type, step(state, { ...report, epoch: 'e0' }).isIgnored]).toEqual([
        report.type,
        true,
      ]);
  });

  it('lets a socket at another runtime neither keep nor shorten the lease', () => {
    for (const type of ['worker.heartbeat', 'worker.disconnected'] as const)
      expect(step('executing', { ...EVENTS[type], runtime: 'r0' }).isIgnored).toBe(true);
  });

  it('hears nothing after the lease ran out: the agent repeats it after its next hello', () => {
    for (const way of [WAYS.offline, [...WAYS.draining, EVENTS['lease.expired']]])
      for (const report of REPORTS)
        expect(take(workerMachine, after(...way).snapshot, report).isIgnored).toBe(true);
  });

  it.each(['run.finished', 'run.failed', 'run.cancelled'] as const)(
    '%s of an attempt without a slot is told to be forgotten, and that is all',
    (type) => {
      for (const strange of [{ job: 'job_9' }, { attempt: 2 }]) {
        const event = { ...EVENTS[type], ...strange };
        const { snapshot, said } = step('executing', event);
        expect(snapshot.context).toEqual(reach('executing').context);
        expect(said).toEqual([['worker.settle', { job: event.job, attempt: event.attempt }]]);
      }
    },
  );
});

describe('the lease (I6)', () => {
  it('lasts 35 s from each sign of life', () => {
    expect(timers(after(...WAYS.idle).said)).toEqual(LEASE(35_000));
    expect(step('executing', EVENTS['worker.heartbeat']).said).toEqual(LEASE(35_000));
  });

  it('lasts 5 s more once the socket is closed; meanwhile nothing new begins', () => {
    const { snapshot, said } = step('executing', EVENTS['worker.disconnected']);
    expect(said).toEqual(LEASE(5_000));
    expect(Object.keys(snapshot.context.run.slots)).toEqual(['job_1']);
    expect(toldBy(take(workerMachine, snapshot, claim('job_2')).said)).toEqual(['slot.refused']);
    for (const type of ['worker.heartbeat', 'worker.disconnected', 'run.finished'] as const)
      expect(take(workerMachine, snapshot, EVENTS[type]).isIgnored).toBe(true);
  });

  it('frees every job when it ends, and remembers what it cut off (I7)', () => {
    const { snapshot, said } = step('executing', EVENTS['lease.expired']);
    expect(tellsOf(said)).toEqual([toJob({ type: 'worker.lost', ...key })]);
    expect(snapshot.context.run).toMatchObject({
      runtime: '',
      slots: {},
      loaded: [],
      loading: null,
      lost: { job_1: { attempt: 1 } },
    });
  });

  it('forgets nothing when it ends once more', () => {
    const gone = [
      ...WAYS.draining,
      EVENTS['worker.disconnected'],
      EVENTS['worker.resumeRequested'],
    ];
    const again = [...gone, EVENTS['worker.drainRequested'], EVENTS['lease.expired']];
    expect(Object.keys(run(...again).lost)).toEqual(['job_1']);
  });
});

describe('the hello of the same boot (I7)', () => {
  const two = [...WAYS.executing, claim('job_2')];
  const second = { job: 'job_2', attempt: 1 };
  const from = (way: readonly object[], event: object) =>
    take(workerMachine, after(...way).snapshot, event);

  it('keeps what both sides know, and takes the orders as acknowledged', () => {
    const { snapshot, said } = from(two, hello([name, second], { runtime: 'r2' }));
    expect(Object.keys(snapshot.context.run.slots)).toEqual(['job_1', 'job_2']);
    expect(snapshot.context.run.runtime).toBe('r2');
    const acknowledged = { type: 'run.acknowledged', ...key };
    expect(tellsOf(said)).toEqual([toJob(acknowledged), toJob(acknowledged, 'job_2')]);
    expect(ordersOf(said)).toEqual([]);
  });

  it('gives back what the agent never heard of', () => {
    const { snapshot, said } = from(two, hello([name]));
    expect(Object.keys(snapshot.context.run.slots)).toEqual(['job_1']);
    expect(tellsOf(said)).toEqual([
      toJob({ type: 'slot.returned', ...key }, 'job_2'),
      toJob({ type: 'run.acknowledged', ...key }),
    ]);
  });

  it('stops what only the agent knows', () => {
    const { said } = from(WAYS.idle, hello([{ job: 'job_7', attempt: 3 }]));
    expect(ordersOf(said)).toEqual(['cancel job_7 3']);
    expect(toldBy(said)).toEqual([]);
  });

  it('tells two attempts of one job apart', () => {
    const retried = [...WAYS.idle, claim('job_1', 'sketch', 2)];
    const third = { job: 'job_1', attempt: 2 };
    for (const named of [
      [name, third],
      [third, name],
    ]) {
      const { snapshot, said } = from(retried, hello(named));
      expect(snapshot.context.run.slots.job_1?.attempt).toBe(2);
      expect(toldBy(said)).toEqual(['run.acknowledged']);
      expect(ordersOf(said)).toEqual(['cancel job_1 1']);
    }
  });

  it('says cancel again for what is being stopped', () => {
    const { said } = from([...WAYS.executing, EVENTS['slot.cancelRequested']], hello([name]));
    expect(ordersOf(said)).toEqual(['cancel job_1 1']);
    expect(toldBy(said)).toEqual([]);
  });

  it('orders a load again that may have been lost on the way', () => {
    const again = from(WAYS.swapping, hello([name], { loaded: [] }));
    expect(stateOf(again.snapshot)).toBe('swapping');
    expect(ordersOf(again.said)).toEqual(['load film']);
    const arrived = from(WAYS.swapping, hello([name], { loaded: ['film'] }));
    expect(stateOf(arrived.snapshot)).toBe('executing');
    expect(ordersOf(arrived.said)).toEqual([]);
  });

  it('offers what was cut off, and keeps its slot until the job answers', () => {
    const { snapshot, said } = from(WAYS.offline, hello([name]));
    expect(stateOf(snapshot)).toBe('executing');
    expect(snapshot.context.run).toMatchObject({ lost: {}, slots: { job_1: { attempt: 1 } } });
    expect(tellsOf(said)).toEqual([toJob({ type: 'run.adoptionOffered', ...key })]);
    const declined = take(workerMachine, snapshot, EVENTS['slot.cancelRequested']);
    expect(ordersOf(declined.said)).toEqual(['cancel job_1 1']);
    expect(take(workerMachine, snapshot, EVENTS['slot.adopted']).isIgnored).toBe(true);
  });

  it('forgets what was cut off and is not named any more', () => {
    const { snapshot, said } = from(WAYS.offline, hello([]));
    expect(snapshot.context.run).toMatchObject({ lost: {}, slots: {} });
    expect(toldBy(said)).toEqual([]);
  });
});

describe('a hello that was held up until its agent had said another one', () => {
  const nth = (connection: number, more: Parameters<typeof hello>[1] = {}) => ({
    ...hello([name], more),
    connection,
  });

  it.each(STATES)('changes nothing in %s', (state) => {
    if (state === 'connecting') return; // it leads on, whatever comes
    const snapshot = reach(state);
    const later = { ...snapshot.context.run, epoch: 'e1', connection: 2 };
    const known = { ...snapshot, context: { ...snapshot.context, run: later } };
    expect(take(workerMachine, known, nth(1)).isIgnored).toBe(true);
    expect(take(workerMachine, known, nth(2)).isIgnored).toBe(false);
    expect(take(workerMachine, known, nth(1, { epoch: 'e2' })).isIgnored).toBe(false);
  });

  it('is told apart by what the last one said', () => {
    const { snapshot } = take(workerMachine, reach('executing'), nth(7));
    expect(snapshot.context.run.connection).toBe(7);
  });
});

describe('the hello of a new boot (I7)', () => {
  const reboot = hello([], { epoch: 'e2', loaded: [] });

  it.each([
    ['while it was thought alive', WAYS.executing],
    ['after it was cut off', WAYS.offline],
  ])('tells every job of the old one that it crashed, %s', (_, way) => {
    const { snapshot, said } = take(workerMachine, after(...way).snapshot, reboot);
    expect(stateOf(snapshot)).toBe('idle');
    expect(tellsOf(said)).toEqual([toJob({ type: 'worker.crashed', ...key })]);
    expect(snapshot.context.run).toMatchObject({ epoch: 'e2', slots: {}, lost: {}, loaded: [] });
  });

  it('begins with a clean record', () => {
    const { snapshot } = take(workerMachine, reach('unhealthy'), reboot);
    expect(stateOf(snapshot)).toBe('idle');
    expect(snapshot.context.run).toMatchObject({ failuresInRow: 0, breaks: 0 });
  });
});
