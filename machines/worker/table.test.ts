// The worker's chart as a table: what becomes of every state with every event and every timer. It is total:
// one that is missing does not compile.
import { describe, expect, expectTypeOf, it } from 'vitest';
import { leavesOf, type TotalTable } from '../testing.ts';
import { workerMachine } from './machine.ts';
import { EVENTS, reach, STATES, stateOf, step, type Column } from './testing.ts';

type Table = TotalTable<typeof workerMachine>;

const ignored = 'ignored';

// prettier-ignore
const TABLE: Table = {
  offline: {
    'worker.connected': 'executing', 'worker.disconnected': ignored, 'worker.heartbeat': ignored,
    'model.pinRequested': 'offline', 'model.unpinRequested': ignored,
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
    'model.pinRequested': 'swapping', 'model.unpinRequested': 'idle',
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
    'model.pinRequested': 'swapping', 'model.unpinRequested': ignored,
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
    'model.pinRequested': 'swapping', 'model.unpinRequested': ignored,
    'worker.heartbeat': 'swapping', 'lease.expired': 'offline',
    'worker.drainRequested': 'draining', 'worker.resumeRequested': ignored,
    'worker.quarantineRequested': 'quarantined', break: ignored,
    'slot.claimed': 'swapping', 'slot.adopted': ignored, 'slot.cancelRequested': 'swapping',
    'tell.bounced': 'swapping',
    'model.loaded': 'executing', 'model.loadFailed': 'idle', 'model.unloaded': 'swapping',
    'run.finished': 'swapping',
    'run.failed': 'swapping', 'run.cancelled': 'swapping',
  },
  executing: {
    'worker.connected': 'executing', 'worker.disconnected': 'executing',
    'model.pinRequested': 'executing', 'model.unpinRequested': ignored,
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
    'model.pinRequested': 'draining', 'model.unpinRequested': ignored,
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
    'model.pinRequested': 'unhealthy', 'model.unpinRequested': ignored,
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
    'model.pinRequested': 'quarantined', 'model.unpinRequested': ignored,
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
