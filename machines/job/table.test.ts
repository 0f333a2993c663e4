// The job's chart as a table: what becomes of every state with every event and every timer. It is total:
// one that is missing does not compile.
import { describe, expect, expectTypeOf, it } from 'vitest';
import type { Phase, PublicState } from '../contract/views.ts';
import { PUBLIC } from '../../runtime/views.ts';
import { leavesOf, take, type TotalTable } from '../testing.ts';
import { jobMachine } from './machine.ts';
import {
  EVENTS,
  executing,
  loading,
  reach,
  STATES,
  stateOf,
  UNDER_WAY,
  type Column,
  type JobState,
} from './testing.ts';

type Table = TotalTable<typeof jobMachine>;

const ignored = 'ignored';

// prettier-ignore
const TABLE: Table = {
  screening: {
    'job.submitRequested': 'holding', 'job.cancelRequested': ignored, 'job.dispatched': ignored,
    'job.moveRequested': ignored,
    'hold.granted': ignored, 'hold.refused': ignored,
    'slot.refused': ignored, 'slot.returned': ignored, 'worker.lost': ignored, 'worker.crashed': ignored,
    'run.acknowledged': ignored, 'run.started': ignored, 'run.finished': ignored, 'run.failed': ignored,
    'run.adoptionOffered': 'screening',
    deadline: ignored, acknowledgeTimeout: ignored, attemptTimeout: ignored, backoff: ignored,
  },
  holding: {
    'job.submitRequested': ignored, 'job.cancelRequested': ignored, 'job.dispatched': ignored,
    'job.moveRequested': ignored,
    'hold.granted': 'queued', 'hold.refused': 'refused',
    'slot.refused': ignored, 'slot.returned': ignored, 'worker.lost': ignored, 'worker.crashed': ignored,
    'run.acknowledged': ignored, 'run.started': ignored, 'run.finished': ignored, 'run.failed': ignored,
    'run.adoptionOffered': 'holding',
    deadline: ignored, acknowledgeTimeout: ignored, attemptTimeout: ignored, backoff: ignored,
  },
  queued: {
    'job.submitRequested': ignored, 'job.cancelRequested': 'cancelled', 'job.dispatched': loading,
    'job.moveRequested': 'queued',
    'hold.granted': ignored, 'hold.refused': ignored,
    'slot.refused': ignored, 'slot.returned': ignored, 'worker.lost': ignored, 'worker.crashed': ignored,
    'run.acknowledged': ignored, 'run.started': ignored, 'run.finished': ignored, 'run.failed': ignored,
    'run.adoptionOffered': 'queued',
    deadline: 'expired', acknowledgeTimeout: ignored, attemptTimeout: ignored, backoff: ignored,
  },
  'assigned.loadingModel': {
    'job.submitRequested': ignored, 'job.cancelRequested': 'cancelled', 'job.dispatched': ignored,
    'job.moveRequested': ignored,
    'hold.granted': ignored, 'hold.refused': ignored,
    'slot.refused': 'queued', 'slot.returned': 'queued', 'worker.lost': 'queued', 'worker.crashed': 'backingOff',
    'run.acknowledged': loading, 'run.started': executing, 'run.finished': 'succeeded', 'run.failed': 'backingOff',
    'run.adoptionOffered': loading,
    deadline: 'expired', acknowledgeTimeout: 'queued', attemptTimeout: 'backingOff', backoff: ignored,
  },
  'assigned.executing': {
    'job.submitRequested': ignored, 'job.cancelRequested': 'cancelled', 'job.dispatched': ignored,
    'job.moveRequested': ignored,
    'hold.granted': ignored, 'hold.refused': ignored,
    'slot.refused': 'queued', 'slot.returned': 'queued', 'worker.lost': 'queued', 'worker.crashed': 'backingOff',
    'run.acknowledged': ignored, 'run.started': ignored, 'run.finished': 'succeeded', 'run.failed': 'backingOff',
    'run.adoptionOffered': executing,
    deadline: 'expired', acknowledgeTimeout: ignored, attemptTimeout: 'backingOff', backoff: ignored,
  },
  backingOff: {
    'job.submitRequested': ignored, 'job.cancelRequested': 'cancelled', 'job.dispatched': ignored,
    'job.moveRequested': 'backingOff',
    'hold.granted': ignored, 'hold.refused': ignored,
    'slot.refused': ignored, 'slot.returned': ignored, 'worker.lost': ignored, 'worker.crashed': ignored,
    'run.acknowledged': ignored, 'run.started': ignored, 'run.finished': ignored, 'run.failed': ignored,
    'run.adoptionOffered': 'backingOff',
    deadline: 'expired', acknowledgeTimeout: ignored, attemptTimeout: ignored, backoff: 'queued',
  },
  // Never at rest: whatever comes, the next step leads on to the end.
  storing: {
    'job.submitRequested': 'succeeded', 'job.cancelRequested': 'succeeded', 'job.dispatched': 'succeeded',
    'job.moveRequested': 'succeeded',
    'hold.granted': 'succeeded', 'hold.refused': 'succeeded',
    'slot.refused': 'succeeded', 'slot.returned': 'succeeded', 'worker.lost': 'succeeded', 'worker.crashed': 'succeeded',
    'run.acknowledged': 'succeeded', 'run.started': 'succeeded', 'run.finished': 'succeeded', 'run.failed': 'succeeded',
    'run.adoptionOffered': 'succeeded',
    deadline: 'succeeded', acknowledgeTimeout: 'succeeded', attemptTimeout: 'succeeded', backoff: 'succeeded',
  },
  releasing: {
    'job.submitRequested': 'cancelled', 'job.cancelRequested': 'cancelled', 'job.dispatched': 'cancelled',
    'job.moveRequested': 'cancelled',
    'hold.granted': 'cancelled', 'hold.refused': 'cancelled',
    'slot.refused': 'cancelled', 'slot.returned': 'cancelled', 'worker.lost': 'cancelled', 'worker.crashed': 'cancelled',
    'run.acknowledged': 'cancelled', 'run.started': 'cancelled', 'run.finished': 'cancelled', 'run.failed': 'cancelled',
    'run.adoptionOffered': 'cancelled',
    deadline: 'cancelled', acknowledgeTimeout: 'cancelled', attemptTimeout: 'cancelled', backoff: 'cancelled',
  },
  // The runtime gives an ended job no turns. Should it ever, an offer is still declined.
  succeeded: {
    'job.submitRequested': ignored, 'job.cancelRequested': ignored, 'job.dispatched': ignored,
    'job.moveRequested': ignored,
    'hold.granted': ignored, 'hold.refused': ignored,
    'slot.refused': ignored, 'slot.returned': ignored, 'worker.lost': ignored, 'worker.crashed': ignored,
    'run.acknowledged': ignored, 'run.started': ignored, 'run.finished': ignored, 'run.failed': ignored,
    'run.adoptionOffered': 'succeeded',
    deadline: ignored, acknowledgeTimeout: ignored, attemptTimeout: ignored, backoff: ignored,
  },
  failed: {
    'job.submitRequested': ignored, 'job.cancelRequested': ignored, 'job.dispatched': ignored,
    'job.moveRequested': ignored,
    'hold.granted': ignored, 'hold.refused': ignored,
    'slot.refused': ignored, 'slot.returned': ignored, 'worker.lost': ignored, 'worker.crashed': ignored,
    'run.acknowledged': ignored, 'run.started': ignored, 'run.finished': ignored, 'run.failed': ignored,
    'run.adoptionOffered': 'failed',
    deadline: ignored, acknowledgeTimeout: ignored, attemptTimeout: ignored, backoff: ignored,
  },
  cancelled: {
    'job.submitRequested': ignored, 'job.cancelRequested': ignored, 'job.dispatched': ignored,
    'job.moveRequested': ignored,
    'hold.granted': ignored, 'hold.refused': ignored,
    'slot.refused': ignored, 'slot.returned': ignored, 'worker.lost': ignored, 'worker.crashed': ignored,
    'run.acknowledged': ignored, 'run.started': ignored, 'run.finished': ignored, 'run.failed': ignored,
    'run.adoptionOffered': 'cancelled',
    deadline: ignored, acknowledgeTimeout: ignored, attemptTimeout: ignored, backoff: ignored,
  },
  expired: {
    'job.submitRequested': ignored, 'job.cancelRequested': ignored, 'job.dispatched': ignored,
    'job.moveRequested': ignored,
    'hold.granted': ignored, 'hold.refused': ignored,
    'slot.refused': ignored, 'slot.returned': ignored, 'worker.lost': ignored, 'worker.crashed': ignored,
    'run.acknowledged': ignored, 'run.started': ignored, 'run.finished': ignored, 'run.failed': ignored,
    'run.adoptionOffered': 'expired',
    deadline: ignored, acknowledgeTimeout: ignored, attemptTimeout: ignored, backoff: ignored,
  },
  refused: {
    'job.submitRequested': ignored, 'job.cancelRequested': ignored, 'job.dispatched': ignored,
    'job.moveRequested': ignored,
    'hold.granted': ignored, 'hold.refused': ignored,
    'slot.refused': ignored, 'slot.returned': ignored, 'worker.lost': ignored, 'worker.crashed': ignored,
    'run.acknowledged': ignored, 'run.started': ignored, 'run.finished': ignored, 'run.failed': ignored,
    'run.adoptionOffered': 'refused',
    deadline: ignored, acknowledgeTimeout: ignored, attemptTimeout: ignored, backoff: ignored,
  },
};

describe('the table', () => {
  it('is total for the compiler: no state, event or timer may be missing', () => {
    expectTypeOf<Omit<Table, 'storing'>>().not.toExtend<Table>();
    type Row = Table['queued'];
    expectTypeOf<Omit<Row, 'run.failed'>>().not.toExtend<Row>();
    expectTypeOf<Omit<Row, 'backoff'>>().not.toExtend<Row>();
    expectTypeOf<keyof Row>().toEqualTypeOf<Column>();
  });

  it('knows every state of the chart', () => {
    expect(Object.keys(TABLE).sort()).toEqual(leavesOf(jobMachine).sort());
    for (const state of STATES) expect(stateOf(reach(state))).toBe(state);
  });

  describe.each(STATES)('%s', (state) => {
    it.each(Object.keys(EVENTS) as Column[])('%s', (column) => {
      const step = take(jobMachine, reach(state), EVENTS[column]);
      expect(step.isIgnored ? ignored : stateOf(step.snapshot)).toBe(TABLE[state][column]);
    });
  });
});

describe('what a client sees', () => {
  // Total: a new state does not compile until somebody decides what people are told.
  const FACE: Record<JobState, readonly [PublicState, Phase]> = PUBLIC;

  it('agrees with the tags', () => {
    for (const state of STATES) {
      const tags = reach(state).tags;
      expect([state, tags.has('settled')]).toEqual([state, FACE[state][1] === 'settled']);
      expect([state, tags.has('cancellable')]).toEqual([state, UNDER_WAY.includes(state)]);
      expect([state, tags.has('occupiesWorker')]).toEqual([state, state.startsWith('assigned.')]);
    }
  });
});
