// The worker's chart against SPEC.md: claims, ends, and who may be given work. Names in brackets (I3) are its
// numbers.
import { describe, expect, it } from 'vitest';
import { effectsOf, take, timerEvent, toldBy, type Said } from '../testing.ts';
import { workerMachine } from './machine.ts';
import {
  after,
  claim,
  EVENTS,
  FAILURE,
  hello,
  key,
  LEASE,
  name,
  ordersOf,
  run,
  runOrder,
  stateOf,
  step,
  tellsOf,
  timers,
  toJob,
  WAYS,
} from './testing.ts';

describe('a claim (I1, I2)', () => {
  it('of a model in memory is one order', () => {
    const { snapshot, said } = step('idle', claim('job_1'));
    expect(snapshot.context.run.slots).toEqual({
      job_1: { accountId: 'acc_1', attempt: 1, model: 'sketch', phase: 'live' },
    });
    expect(said).toEqual([['worker.order', { accountId: 'acc_1', order: runOrder('job_1') }]]);
  });

  it('of another model loads it and then runs, in this order; who makes room is the agent', () => {
    const { snapshot, said } = step('idle', claim('job_1', 'film'));
    expect(ordersOf(said)).toEqual(['load film', 'run job_1 1']);
    expect(snapshot.context.run).toMatchObject({ loading: 'film', loaded: ['sketch'] });
  });

  it('goes by what the agent reports to be in memory, in whatever order that comes', () => {
    const { film, sketch } = {
      film: EVENTS['model.loaded'],
      sketch: EVENTS['model.unloaded'],
    };
    expect(run(...WAYS.swapping, sketch, film)).toMatchObject({ loaded: ['film'], loading: null });
    expect(run(...WAYS.swapping, film, sketch)).toMatchObject({ loaded: ['film'], loading: null });
  });

  it('joins the model that is on its way', () => {
    const { snapshot, said } = step('swapping', claim('job_2', 'film'));
    expect(ordersOf(said)).toEqual(['run job_2 1']);
    expect(Object.keys(snapshot.context.run.slots)).toEqual(['job_1', 'job_2']);
  });

  const refusal = toJob({ type: 'slot.refused', ...key }, 'job_2');
  it.each([
    ['no slot is free', [...WAYS.executing, claim('job_3')], claim('job_2')],
    ['another model is being loaded', WAYS.swapping, claim('job_2', 'paint')],
    ['others use the model in memory', WAYS.executing, claim('job_2', 'film')],
    ['the worker does not have the model', WAYS.idle, claim('job_2', 'opera')],
    ['it was meant for an earlier boot', WAYS.idle, claim('job_2', 'sketch', 1, 'e0')],
    ['the worker is away', WAYS.offline, claim('job_2')],
    ['it drains', WAYS.draining, claim('job_2')],
    ['it rests', WAYS.unhealthy, claim('job_2')],
    ['it is in quarantine', WAYS.quarantined, claim('job_2')],
  ])('is refused, and nothing else happens, when %s', (_, way, event) => {
    const before = after(...way).snapshot;
    const { snapshot, said } = take(workerMachine, before, event);
    expect(snapshot.context).toEqual(before.context);
    expect(snapshot.value).toEqual(before.value);
    expect(said).toEqual([
      ['actor.tell', { ...refusal, event: { ...refusal.event, epoch: event.epoch } }],
    ]);
  });

  it('of a job that still has a slot here is refused, even while that is being stopped (I3)', () => {
    const stopping = [...WAYS.executing, EVENTS['slot.cancelRequested']];
    for (const way of [WAYS.executing, stopping]) {
      const { said } = take(workerMachine, after(...way).snapshot, claim('job_1'));
      expect(toldBy(said)).toEqual(['slot.refused']);
    }
  });
});

describe('the end of an attempt (I5)', () => {
  it.each([
    ['run.finished', 'run.finished'],
    ['run.failed', 'run.failed'],
    // Nobody asked the agent to stop: the job gets the attempt back, it costs nothing.
    ['run.cancelled', 'slot.returned'],
  ] as const)('%s frees the slot, tells the job %s and settles', (type, told) => {
    const { snapshot, said } = step('executing', EVENTS[type]);
    expect(snapshot.context.run.slots).toEqual({});
    expect(tellsOf(said)).toMatchObject([toJob({ type: told, ...key })]);
    expect(effectsOf(said, 'worker.settle')).toEqual([name]);
  });

  it.each(['run.finished', 'run.failed', 'run.cancelled'] as const)(
    '%s of a cancelled attempt frees the slot and bothers no job',
    (type) => {
      const stopping = after(...WAYS.executing, EVENTS['slot.cancelRequested']).snapshot;
      const { snapshot, said } = take(workerMachine, stopping, EVENTS[type]);
      expect(snapshot.context.run.slots).toEqual({});
      expect(said).toEqual([['worker.settle', name]]);
    },
  );

  it('passes on what was made', () => {
    const { said } = step('executing', EVENTS['run.finished']);
    const { outputs, runMs } = EVENTS['run.finished'];
    expect(tellsOf(said)).toEqual([toJob({ type: 'run.finished', ...key, outputs, runMs })]);
  });

  it('is told to all that waited for a model that cannot be loaded', () => {
    const two = after(...WAYS.swapping, claim('job_2', 'film')).snapshot;
    const { snapshot, said } = take(workerMachine, two, EVENTS['model.loadFailed']);
    expect(stateOf(snapshot)).toBe('idle');
    expect(snapshot.context.run).toMatchObject({ slots: {}, loading: null, failuresInRow: 1 });
    const failed = {
      type: 'run.failed',
      ...key,
      code: 'modelLoadFailed',
      message: 'It is damaged.',
    };
    expect(tellsOf(said)).toEqual([toJob(failed), toJob(failed, 'job_2')]);
    expect(ordersOf(said)).toEqual(['cancel job_1 1', 'cancel job_2 1']);
  });
});

describe('a slot that is called off', () => {
  it('stays busy until the agent has stopped', () => {
    const { snapshot, said } = step('executing', EVENTS['slot.cancelRequested']);
    expect(snapshot.context.run.slots.job_1?.phase).toBe('cancelling');
    expect(ordersOf(said)).toEqual(['cancel job_1 1']);
    expect(toldBy(said)).toEqual([]);
  });

  it('is only the one that is named', () => {
    const event = { ...EVENTS['slot.cancelRequested'], attempt: 2 };
    for (const state of ['executing', 'offline'] as const)
      expect(step(state, event).isIgnored).toBe(true);
  });

  it('is called off as well when its job has ended meanwhile', () => {
    const { snapshot, said } = step('executing', EVENTS['tell.bounced']);
    expect(snapshot.context.run.slots.job_1?.phase).toBe('cancelling');
    expect(ordersOf(said)).toEqual(['cancel job_1 1']);
    expect(take(workerMachine, snapshot, EVENTS['tell.bounced']).isIgnored).toBe(true);
  });

  it('does not come back after a cut-off', () => {
    const gone = after(...WAYS.executing, EVENTS['slot.cancelRequested'], EVENTS['lease.expired']);
    expect(gone.snapshot.context.run.lost).toEqual({});
    expect(toldBy(gone.said)).not.toContain('worker.lost');
    const back = take(workerMachine, gone.snapshot, EVENTS['worker.connected']);
    expect(ordersOf(back.said)).toEqual(['cancel job_1 1']);
  });
});

describe('drain and quarantine (I8)', () => {
  it.each(['draining', 'quarantined'] as const)(
    '%s outlives the connection and a boot',
    (state) => {
      const gone = step(state, EVENTS['lease.expired']);
      expect(toldBy(gone.said)).toEqual(['worker.lost']);
      expect(stateOf(gone.snapshot)).toBe(state);
      const back = take(workerMachine, gone.snapshot, hello([], { epoch: 'e2' }));
      expect(stateOf(back.snapshot)).toBe(state);
      expect(timers(back.said)).toEqual(LEASE(35_000));
      expect(
        stateOf(take(workerMachine, back.snapshot, EVENTS['worker.resumeRequested']).snapshot),
      ).toBe('idle');
    },
  );

  it.each(['draining', 'quarantined'] as const)(
    'resumed from %s while it is away, it is offline, not idle',
    (state) => {
      const gone = step(state, EVENTS['lease.expired']).snapshot;
      const { snapshot } = take(workerMachine, gone, EVENTS['worker.resumeRequested']);
      expect(stateOf(snapshot)).toBe('offline');
    },
  );

  it.each(['draining', 'quarantined'] as const)(
    'resumed from %s while its socket is just gone, it keeps no slot',
    (state) => {
      const blinking = step(state, EVENTS['worker.disconnected']).snapshot;
      const { snapshot, said } = take(workerMachine, blinking, EVENTS['worker.resumeRequested']);
      expect(stateOf(snapshot)).toBe('offline');
      expect(toldBy(said)).toEqual(['worker.lost']);
      expect(snapshot.context.run).toMatchObject({ slots: {}, lost: { job_1: { attempt: 1 } } });
    },
  );

  it('lets a draining worker finish what it has, then go on', () => {
    const { snapshot, said } = step('draining', EVENTS['run.finished']);
    expect(toldBy(said)).toEqual(['run.finished']);
    expect(stateOf(take(workerMachine, snapshot, EVENTS['worker.resumeRequested']).snapshot)).toBe(
      'idle',
    );
  });

  it('tells the agent to drain, and again after each hello', () => {
    expect(ordersOf(step('executing', EVENTS['worker.drainRequested']).said)).toEqual(['drain']);
    expect(ordersOf(step('draining', EVENTS['worker.connected']).said)).toEqual(['drain']);
  });
});

describe('the circuit breaker (I9)', () => {
  const BREAK = timerEvent(workerMachine, 'break');
  const delays = (said: readonly Said[]) =>
    said.flatMap((each) => (each[0] === 'arm' && each[1] === BREAK ? [each[2]] : []));
  const rest = [EVENTS.break, ...FAILURE, ...FAILURE, ...FAILURE];

  it('opens at the third failure in a row', () => {
    expect(stateOf(after(...WAYS.idle, ...FAILURE, ...FAILURE).snapshot)).toBe('idle');
    expect(stateOf(after(...WAYS.idle, ...FAILURE, ...FAILURE, ...FAILURE).snapshot)).toBe(
      'unhealthy',
    );
  });

  it('rests 15 s, twice as long each time, 10 minutes at most', () => {
    const { said } = after(...WAYS.unhealthy, ...Array.from({ length: 7 }, () => rest).flat());
    expect(delays(said)).toEqual([
      ...[15_000, 30_000, 60_000, 120_000, 240_000, 480_000, 600_000, 600_000],
    ]);
  });

  it('forgets everything at the first success', () => {
    const success = [claim('job_1'), EVENTS['run.finished']];
    expect(run(...WAYS.unhealthy, EVENTS.break, ...success)).toMatchObject({
      failuresInRow: 0,
      breaks: 0,
    });
  });

  it('opens although another slot is busy', () => {
    const busy = [...WAYS.idle, claim('job_2')];
    const { snapshot } = after(...busy, ...FAILURE, ...FAILURE, ...FAILURE);
    expect(stateOf(snapshot)).toBe('unhealthy');
    expect(Object.keys(snapshot.context.run.slots)).toEqual(['job_2']);
    expect(stateOf(take(workerMachine, snapshot, EVENTS.break).snapshot)).toBe('executing');
  });

  it('stays open when the connection blinks', () => {
    expect(stateOf(step('unhealthy', hello()).snapshot)).toBe('unhealthy');
  });

  it('does not count a model that is too large for the card', () => {
    const tooLarge = { ...EVENTS['model.loadFailed'], code: 'outOfMemory' };
    expect(run(...WAYS.swapping, tooLarge).failuresInRow).toBe(0);
  });

  it('counts what the worker is to blame for, once', () => {
    const fail = (code: string) => [claim('job_1'), { ...EVENTS['run.failed'], code }];
    expect(run(...WAYS.idle, ...fail('invalidInput')).failuresInRow).toBe(0);
    expect(run(...WAYS.idle, ...fail('outOfMemory')).failuresInRow).toBe(0);
    const once = [...WAYS.idle, ...FAILURE];
    expect(run(...once).failuresInRow).toBe(1);
    expect(run(...once, EVENTS['run.failed'], EVENTS['run.failed']).failuresInRow).toBe(1);
    expect(run(...once, EVENTS['run.finished']).failuresInRow).toBe(1);
  });
});
