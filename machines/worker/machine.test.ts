// The worker's chart against SPEC.md. The table is total: a state, an event or a timer that is missing
// from it does not compile. Names in brackets (I3) are the numbers of SPEC.md.
import { describe, expect, expectTypeOf, it } from 'vitest';
import { jobRef } from '../contract/ids.ts';
import {
  effectsOf,
  leavesIn,
  leavesOf,
  take,
  timerEvent,
  toldBy,
  type Said,
  type TotalTable,
} from '../testing.ts';
import { workerMachine, type WorkerSnapshot } from './machine.ts';
import {
  after,
  claim,
  EVENTS,
  FAILURE,
  hello,
  name,
  offer,
  reach,
  runOrder,
  STATES,
  WAYS,
  type Column,
  type WorkerState,
} from './testing.ts';

type Table = TotalTable<typeof workerMachine>;

const ignored = 'ignored';

// prettier-ignore
const TABLE: Table = {
  offline: {
    'worker.connected': 'executing', 'worker.disconnected': ignored, 'worker.heartbeat': ignored,
    'lease.expired': ignored,
    'worker.drainRequested': 'draining', 'worker.resumeRequested': ignored,
    'worker.quarantineRequested': 'quarantined', break: ignored,
    'slot.claimed': 'offline', 'slot.adopted': ignored, 'slot.cancelRequested': 'offline',
    'tell.bounced': ignored,
    'model.loaded': ignored, 'model.loadFailed': ignored, 'model.unloaded': ignored,
    'run.finished': ignored,
    'run.failed': ignored, 'run.cancelled': ignored,
  },
  // Never at rest: whatever comes, the next step leads on.
  connecting: {
    'worker.connected': 'idle', 'worker.disconnected': 'idle', 'worker.heartbeat': 'idle',
    'lease.expired': 'offline',
    'worker.drainRequested': 'draining', 'worker.resumeRequested': 'idle',
    'worker.quarantineRequested': 'quarantined', break: 'idle',
    'slot.claimed': 'idle', 'slot.adopted': 'idle', 'slot.cancelRequested': 'idle',
    'tell.bounced': 'idle',
    'model.loaded': 'idle', 'model.loadFailed': 'idle', 'model.unloaded': 'idle',
    'run.finished': 'idle', 'run.failed': 'idle',
    'run.cancelled': 'idle',
  },
  idle: {
    'worker.connected': 'idle', 'worker.disconnected': 'idle', 'worker.heartbeat': 'idle',
    'lease.expired': 'offline',
    'worker.drainRequested': 'draining', 'worker.resumeRequested': ignored,
    'worker.quarantineRequested': 'quarantined', break: ignored,
    'slot.claimed': 'executing', 'slot.adopted': ignored, 'slot.cancelRequested': ignored,
    'tell.bounced': ignored,
    'model.loaded': 'idle', 'model.loadFailed': 'idle', 'model.unloaded': 'idle',
    'run.finished': 'idle', 'run.failed': 'idle',
    'run.cancelled': 'idle',
  },
  swapping: {
    'worker.connected': 'swapping', 'worker.disconnected': 'swapping',
    'worker.heartbeat': 'swapping', 'lease.expired': 'offline',
    'worker.drainRequested': 'draining', 'worker.resumeRequested': ignored,
    'worker.quarantineRequested': 'quarantined', break: ignored,
    'slot.claimed': 'swapping', 'slot.adopted': ignored, 'slot.cancelRequested': 'swapping',
    'tell.bounced': 'swapping',
    'model.loaded': 'executing', 'model.loadFailed': 'idle', 'model.unloaded': ignored,
    'run.finished': 'swapping',
    'run.failed': 'swapping', 'run.cancelled': 'swapping',
  },
  executing: {
    'worker.connected': 'executing', 'worker.disconnected': 'executing',
    'worker.heartbeat': 'executing', 'lease.expired': 'offline',
    'worker.drainRequested': 'draining', 'worker.resumeRequested': ignored,
    'worker.quarantineRequested': 'quarantined', break: ignored,
    'slot.claimed': 'executing', 'slot.adopted': ignored, 'slot.cancelRequested': 'executing',
    'tell.bounced': 'executing',
    'model.loaded': 'executing', 'model.loadFailed': 'executing', 'model.unloaded': 'executing',
    'run.finished': 'idle',
    'run.failed': 'idle', 'run.cancelled': 'idle',
  },
  draining: {
    'worker.connected': 'draining', 'worker.disconnected': 'draining',
    'worker.heartbeat': 'draining', 'lease.expired': 'draining',
    'worker.drainRequested': ignored, 'worker.resumeRequested': 'executing',
    'worker.quarantineRequested': 'quarantined', break: ignored,
    'slot.claimed': 'draining', 'slot.adopted': ignored, 'slot.cancelRequested': 'draining',
    'tell.bounced': 'draining',
    'model.loaded': 'draining', 'model.loadFailed': 'draining', 'model.unloaded': 'draining',
    'run.finished': 'draining',
    'run.failed': 'draining', 'run.cancelled': 'draining',
  },
  unhealthy: {
    'worker.connected': 'unhealthy', 'worker.disconnected': 'unhealthy',
    'worker.heartbeat': 'unhealthy', 'lease.expired': 'offline',
    'worker.drainRequested': 'draining', 'worker.resumeRequested': 'idle',
    'worker.quarantineRequested': 'quarantined', break: 'idle',
    'slot.claimed': 'unhealthy', 'slot.adopted': ignored, 'slot.cancelRequested': ignored,
    'tell.bounced': ignored,
    'model.loaded': 'unhealthy', 'model.loadFailed': 'unhealthy', 'model.unloaded': 'unhealthy',
    'run.finished': 'unhealthy',
    'run.failed': 'unhealthy', 'run.cancelled': 'unhealthy',
  },
  quarantined: {
    'worker.connected': 'quarantined', 'worker.disconnected': 'quarantined',
    'worker.heartbeat': 'quarantined', 'lease.expired': 'quarantined',
    'worker.drainRequested': ignored, 'worker.resumeRequested': 'executing',
    'worker.quarantineRequested': ignored, break: ignored,
    'slot.claimed': 'quarantined', 'slot.adopted': ignored, 'slot.cancelRequested': 'quarantined',
    'tell.bounced': 'quarantined',
    'model.loaded': 'quarantined', 'model.loadFailed': 'quarantined',
    'model.unloaded': 'quarantined',
    'run.finished': 'quarantined',
    'run.failed': 'quarantined', 'run.cancelled': 'quarantined',
  },
};

const stateOf = (snapshot: WorkerSnapshot) => leavesIn(snapshot.value)[0] as WorkerState;
const step = (state: WorkerState, event: object) => take(workerMachine, reach(state), event);
const run = (...events: readonly object[]) => after(...events).snapshot.context.run;
const ordersOf = (said: readonly Said[]) =>
  effectsOf(said, 'worker.order').map(({ order }) =>
    'model' in order && order.type !== 'run'
      ? `${order.type} ${order.model}`
      : 'job' in order
        ? `${order.type} ${order.job} ${order.attempt}`
        : order.type,
  );
const tellsOf = (said: readonly Said[]) => effectsOf(said, 'actor.tell');
const key = { attempt: 1, worker: 'w1', epoch: 'e1' };
const toJob = (event: object, id = 'job_1') => ({ to: jobRef('acc_1', id), event });
const timers = (said: readonly Said[]) => said.filter(([kind]) => /arm/.test(kind));
const LEASE = (delayMs: number) => [
  ['disarm', 'lease'],
  ['arm', 'lease', delayMs],
];

describe('the table', () => {
  it('is total for the compiler: no state, event or timer may be missing', () => {
    expectTypeOf<Omit<Table, 'draining'>>().not.toExtend<Table>();
    type Row = Table['idle'];
    expectTypeOf<Omit<Row, 'slot.claimed'>>().not.toExtend<Row>();
    expectTypeOf<Omit<Row, 'break'>>().not.toExtend<Row>();
    expectTypeOf<keyof Row>().toEqualTypeOf<Column>();
  });

  it('knows every state of the chart', () => {
    expect(Object.keys(TABLE).sort()).toEqual(leavesOf(workerMachine).sort());
    for (const state of STATES) expect(stateOf(reach(state))).toBe(state);
  });

  describe.each(STATES)('%s', (state) => {
    it.each(Object.keys(EVENTS) as Column[])('%s', (column) => {
      const { isIgnored, snapshot } = step(state, EVENTS[column]);
      expect(isIgnored ? ignored : stateOf(snapshot)).toBe(TABLE[state][column]);
    });
  });

  it('knows only the worker it was born as', () => {
    expect(reach('executing').context.id).toBe('w1');
  });
});

describe('tags', () => {
  it('say who is there and who may be given work', () => {
    const tags = Object.fromEntries(
      STATES.map((state) => [state, [...reach(state).tags].sort().join(' ')]),
    );
    expect(tags).toEqual({
      offline: '',
      connecting: 'online',
      idle: 'available online',
      swapping: 'available busy online',
      executing: 'available busy online',
      draining: '',
      unhealthy: 'online',
      quarantined: '',
    });
  });
});

describe('a claim (I1, I2)', () => {
  it('of a model in memory is one order', () => {
    const { snapshot, said } = step('idle', claim('job_1'));
    expect(snapshot.context.run.slots).toEqual({
      job_1: { accountId: 'acc_1', attempt: 1, model: 'sketch', phase: 'live' },
    });
    expect(said).toEqual([['worker.order', { accountId: 'acc_1', order: runOrder('job_1') }]]);
  });

  it('of another model makes room, loads it and then runs, in this order', () => {
    const { snapshot, said } = step('idle', claim('job_1', 'film'));
    expect(ordersOf(said)).toEqual(['unload sketch', 'load film', 'run job_1 1']);
    expect(snapshot.context.run).toMatchObject({ loading: 'film', loaded: [] });
  });

  it('unloads no more than it must, the oldest first', () => {
    const small = (loaded: string[]) => after(hello([], { loaded })).snapshot;
    const ordersFrom = (loaded: string[], model: string) =>
      ordersOf(take(workerMachine, small(loaded), claim('job_1', model)).said);
    expect(ordersFrom(['sketch'], 'paint')).toEqual(['load paint', 'run job_1 1']);
    expect(ordersFrom(['sketch', 'paint'], 'film')).toEqual([
      ...['unload sketch', 'unload paint', 'load film', 'run job_1 1'],
    ]);
    expect(ordersFrom(['film'], 'sketch')).toEqual([
      ...['unload film', 'load sketch', 'run job_1 1'],
    ]);
  });

  it('unloads nothing for a model that just fits', () => {
    const gpu = { name: 'card', vramBytes: 12 * 1024 ** 3 };
    const small = { ...hello(), offer: { ...offer, gpu } };
    expect(ordersOf(after(small, claim('job_1', 'paint')).said)).toEqual([
      ...['load paint', 'run job_1 1'],
    ]);
  });

  it('keeps one model at a time where the memory’s size is unknown', () => {
    const cpu = { ...hello(), offer: { ...offer, gpu: null } };
    expect(ordersOf(after(cpu, claim('job_1', 'paint')).said)).toEqual([
      ...['unload sketch', 'load paint', 'run job_1 1'],
    ]);
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
