// The job's chart against SPEC.md. The table is total: a state, an event or a timer that is missing
// from it does not compile. Names in brackets (I3) are the numbers of SPEC.md.
import { describe, expect, expectTypeOf, it } from 'vitest';
import { FAILURE_CODES, isRetryable } from '../contract/failures.ts';
import { quotaRef, workerRef } from '../contract/ids.ts';
import type { Phase, PublicState } from '../contract/views.ts';
import { PUBLIC } from '../../runtime/views.ts';
import {
  begin,
  effectsOf,
  leavesIn,
  leavesOf,
  take,
  takeAll,
  timerEvent,
  toldBy,
  type TotalTable,
} from '../testing.ts';
import { jobMachine, type JobSnapshot } from './machine.ts';
import {
  after,
  at,
  EVENTS,
  key,
  output,
  reach,
  spec,
  STATES,
  UNDER_WAY,
  WAYS,
  type Column,
  type JobState,
} from './testing.ts';

type Table = TotalTable<typeof jobMachine>;

const ignored = 'ignored';
const loading = 'assigned.loadingModel';
const executing = 'assigned.executing';

// prettier-ignore
const TABLE: Table = {
  screening: {
    'job.submitRequested': 'holding', 'job.cancelRequested': ignored, 'job.dispatched': ignored,
    'hold.granted': ignored, 'hold.refused': ignored, 'hold.captured': ignored, 'hold.released': ignored,
    'slot.refused': ignored, 'slot.returned': ignored, 'worker.lost': ignored, 'worker.crashed': ignored,
    'run.acknowledged': ignored, 'run.started': ignored, 'run.finished': ignored, 'run.failed': ignored,
    'run.adoptionOffered': 'screening',
    deadline: ignored, acknowledgeTimeout: ignored, attemptTimeout: ignored, backoff: ignored,
  },
  holding: {
    'job.submitRequested': ignored, 'job.cancelRequested': ignored, 'job.dispatched': ignored,
    'hold.granted': 'queued', 'hold.refused': 'refused', 'hold.captured': ignored, 'hold.released': ignored,
    'slot.refused': ignored, 'slot.returned': ignored, 'worker.lost': ignored, 'worker.crashed': ignored,
    'run.acknowledged': ignored, 'run.started': ignored, 'run.finished': ignored, 'run.failed': ignored,
    'run.adoptionOffered': 'holding',
    deadline: ignored, acknowledgeTimeout: ignored, attemptTimeout: ignored, backoff: ignored,
  },
  queued: {
    'job.submitRequested': ignored, 'job.cancelRequested': 'releasing', 'job.dispatched': loading,
    'hold.granted': ignored, 'hold.refused': ignored, 'hold.captured': ignored, 'hold.released': ignored,
    'slot.refused': ignored, 'slot.returned': ignored, 'worker.lost': ignored, 'worker.crashed': ignored,
    'run.acknowledged': ignored, 'run.started': ignored, 'run.finished': ignored, 'run.failed': ignored,
    'run.adoptionOffered': 'queued',
    deadline: 'releasing', acknowledgeTimeout: ignored, attemptTimeout: ignored, backoff: ignored,
  },
  'assigned.loadingModel': {
    'job.submitRequested': ignored, 'job.cancelRequested': 'releasing', 'job.dispatched': ignored,
    'hold.granted': ignored, 'hold.refused': ignored, 'hold.captured': ignored, 'hold.released': ignored,
    'slot.refused': 'queued', 'slot.returned': 'queued', 'worker.lost': 'queued', 'worker.crashed': 'backingOff',
    'run.acknowledged': loading, 'run.started': executing, 'run.finished': 'storing', 'run.failed': 'backingOff',
    'run.adoptionOffered': loading,
    deadline: 'releasing', acknowledgeTimeout: 'queued', attemptTimeout: 'backingOff', backoff: ignored,
  },
  'assigned.executing': {
    'job.submitRequested': ignored, 'job.cancelRequested': 'releasing', 'job.dispatched': ignored,
    'hold.granted': ignored, 'hold.refused': ignored, 'hold.captured': ignored, 'hold.released': ignored,
    'slot.refused': 'queued', 'slot.returned': 'queued', 'worker.lost': 'queued', 'worker.crashed': 'backingOff',
    'run.acknowledged': ignored, 'run.started': ignored, 'run.finished': 'storing', 'run.failed': 'backingOff',
    'run.adoptionOffered': executing,
    deadline: 'releasing', acknowledgeTimeout: ignored, attemptTimeout: 'backingOff', backoff: ignored,
  },
  backingOff: {
    'job.submitRequested': ignored, 'job.cancelRequested': 'releasing', 'job.dispatched': ignored,
    'hold.granted': ignored, 'hold.refused': ignored, 'hold.captured': ignored, 'hold.released': ignored,
    'slot.refused': ignored, 'slot.returned': ignored, 'worker.lost': ignored, 'worker.crashed': ignored,
    'run.acknowledged': ignored, 'run.started': ignored, 'run.finished': ignored, 'run.failed': ignored,
    'run.adoptionOffered': 'backingOff',
    deadline: 'releasing', acknowledgeTimeout: ignored, attemptTimeout: ignored, backoff: 'queued',
  },
  storing: {
    'job.submitRequested': ignored, 'job.cancelRequested': ignored, 'job.dispatched': ignored,
    'hold.granted': ignored, 'hold.refused': ignored, 'hold.captured': 'succeeded', 'hold.released': ignored,
    'slot.refused': ignored, 'slot.returned': ignored, 'worker.lost': ignored, 'worker.crashed': ignored,
    'run.acknowledged': ignored, 'run.started': ignored, 'run.finished': ignored, 'run.failed': ignored,
    'run.adoptionOffered': 'storing',
    deadline: ignored, acknowledgeTimeout: ignored, attemptTimeout: ignored, backoff: ignored,
  },
  releasing: {
    'job.submitRequested': ignored, 'job.cancelRequested': ignored, 'job.dispatched': ignored,
    'hold.granted': ignored, 'hold.refused': ignored, 'hold.captured': ignored, 'hold.released': 'cancelled',
    'slot.refused': ignored, 'slot.returned': ignored, 'worker.lost': ignored, 'worker.crashed': ignored,
    'run.acknowledged': ignored, 'run.started': ignored, 'run.finished': ignored, 'run.failed': ignored,
    'run.adoptionOffered': 'releasing',
    deadline: ignored, acknowledgeTimeout: ignored, attemptTimeout: ignored, backoff: ignored,
  },
  // The runtime gives an ended job no turns. Should it ever, an offer is still declined.
  succeeded: {
    'job.submitRequested': ignored, 'job.cancelRequested': ignored, 'job.dispatched': ignored,
    'hold.granted': ignored, 'hold.refused': ignored, 'hold.captured': ignored, 'hold.released': ignored,
    'slot.refused': ignored, 'slot.returned': ignored, 'worker.lost': ignored, 'worker.crashed': ignored,
    'run.acknowledged': ignored, 'run.started': ignored, 'run.finished': ignored, 'run.failed': ignored,
    'run.adoptionOffered': 'succeeded',
    deadline: ignored, acknowledgeTimeout: ignored, attemptTimeout: ignored, backoff: ignored,
  },
  failed: {
    'job.submitRequested': ignored, 'job.cancelRequested': ignored, 'job.dispatched': ignored,
    'hold.granted': ignored, 'hold.refused': ignored, 'hold.captured': ignored, 'hold.released': ignored,
    'slot.refused': ignored, 'slot.returned': ignored, 'worker.lost': ignored, 'worker.crashed': ignored,
    'run.acknowledged': ignored, 'run.started': ignored, 'run.finished': ignored, 'run.failed': ignored,
    'run.adoptionOffered': 'failed',
    deadline: ignored, acknowledgeTimeout: ignored, attemptTimeout: ignored, backoff: ignored,
  },
  cancelled: {
    'job.submitRequested': ignored, 'job.cancelRequested': ignored, 'job.dispatched': ignored,
    'hold.granted': ignored, 'hold.refused': ignored, 'hold.captured': ignored, 'hold.released': ignored,
    'slot.refused': ignored, 'slot.returned': ignored, 'worker.lost': ignored, 'worker.crashed': ignored,
    'run.acknowledged': ignored, 'run.started': ignored, 'run.finished': ignored, 'run.failed': ignored,
    'run.adoptionOffered': 'cancelled',
    deadline: ignored, acknowledgeTimeout: ignored, attemptTimeout: ignored, backoff: ignored,
  },
  expired: {
    'job.submitRequested': ignored, 'job.cancelRequested': ignored, 'job.dispatched': ignored,
    'hold.granted': ignored, 'hold.refused': ignored, 'hold.captured': ignored, 'hold.released': ignored,
    'slot.refused': ignored, 'slot.returned': ignored, 'worker.lost': ignored, 'worker.crashed': ignored,
    'run.acknowledged': ignored, 'run.started': ignored, 'run.finished': ignored, 'run.failed': ignored,
    'run.adoptionOffered': 'expired',
    deadline: ignored, acknowledgeTimeout: ignored, attemptTimeout: ignored, backoff: ignored,
  },
  refused: {
    'job.submitRequested': ignored, 'job.cancelRequested': ignored, 'job.dispatched': ignored,
    'hold.granted': ignored, 'hold.refused': ignored, 'hold.captured': ignored, 'hold.released': ignored,
    'slot.refused': ignored, 'slot.returned': ignored, 'worker.lost': ignored, 'worker.crashed': ignored,
    'run.acknowledged': ignored, 'run.started': ignored, 'run.finished': ignored, 'run.failed': ignored,
    'run.adoptionOffered': 'refused',
    deadline: ignored, acknowledgeTimeout: ignored, attemptTimeout: ignored, backoff: ignored,
  },
};

const stateOf = (snapshot: JobSnapshot) => leavesIn(snapshot.value)[0] as JobState;
const run = (...events: readonly object[]) => after(...events).snapshot.context.run;
const ended = STATES.filter((state) => reach(state).status === 'done');

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
  const FACE: Record<JobState, readonly [PublicState, Phase]> = {
    screening: ['queued', 'waiting'],
    holding: ['queued', 'waiting'],
    queued: ['queued', 'waiting'],
    'assigned.loadingModel': ['running', 'loading_model'],
    'assigned.executing': ['running', 'executing'],
    backingOff: ['queued', 'retrying'],
    storing: ['running', 'storing'],
    releasing: ['running', 'storing'],
    succeeded: ['succeeded', 'settled'],
    failed: ['failed', 'settled'],
    cancelled: ['cancelled', 'settled'],
    expired: ['expired', 'settled'],
    refused: ['refused', 'settled'],
  };

  it('maps each chart state to one public state and phase', () => {
    expect(PUBLIC).toEqual(FACE);
  });

  it('agrees with the tags', () => {
    for (const state of STATES) {
      const tags = reach(state).tags;
      expect([state, tags.has('settled')]).toEqual([state, FACE[state][1] === 'settled']);
      expect([state, tags.has('cancellable')]).toEqual([state, UNDER_WAY.includes(state)]);
      expect([state, tags.has('occupiesWorker')]).toEqual([state, state.startsWith('assigned.')]);
    }
  });
});

describe('submit and hold', () => {
  it('asks the account once for the whole price', () => {
    const { said } = after(EVENTS['job.submitRequested']);
    expect(said).toEqual([
      ['arm', timerEvent(jobMachine, 'deadline'), spec.deadlineMs],
      [
        'actor.tell',
        {
          to: quotaRef('acc_1'),
          event: {
            type: 'hold.requested',
            job: 'job_1',
            amountMt: 1000,
            reason: 'Held for image',
          },
        },
      ],
    ]);
  });

  it('refuses what no worker can do, without a hold', () => {
    const impossible = { ...EVENTS['job.submitRequested'], impossible: 'No worker offers video.' };
    const { snapshot, said } = after(impossible);
    expect(snapshot.value).toBe('refused');
    expect(toldBy(said)).toEqual([]);
    expect(effectsOf(said, 'caller.refuse')).toEqual([
      { code: 'impossible', detail: 'No worker offers video.' },
    ]);
  });

  it('passes the account’s refusal on to the caller', () => {
    const { said } = after(...WAYS.refused);
    expect(effectsOf(said, 'caller.refuse')).toEqual([
      { code: 'insufficient_tokens', neededMt: 1000, availableMt: 10, resetsAt: 86_400_000 },
    ]);
    const suspended = { ...EVENTS['hold.refused'], standing: 'suspended' };
    expect(
      effectsOf(after(EVENTS['job.submitRequested'], suspended).said, 'caller.refuse'),
    ).toEqual([{ code: 'suspended' }]);
  });

  it('waits in the tier of the plan that granted the hold', () => {
    expect(run(...WAYS.queued)).toMatchObject({ plan: 'pro', submittedAt: 1000 });
  });
});

describe('the main path', () => {
  it('claims the slot with the lease it takes (I2)', () => {
    const { snapshot, said } = take(jobMachine, reach('queued'), EVENTS['job.dispatched']);
    expect(snapshot.context.run.lease).toEqual({ ...key, acknowledged: false });
    expect(said).toEqual([
      [
        'actor.tell',
        {
          to: workerRef('w1'),
          event: { type: 'slot.claimed', spec, attempt: 1, epoch: 'e1' },
        },
      ],
      ['arm', timerEvent(jobMachine, 'attemptTimeout'), spec.timeLimitMs + 300_000],
      ['arm', timerEvent(jobMachine, 'acknowledgeTimeout'), 10_000],
    ]);
  });

  it('notes when an attempt starts; its time limit runs since it was given away', () => {
    const { snapshot, said } = take(jobMachine, reach(loading), at(EVENTS['run.started'], 5000));
    expect(said).toEqual([['disarm', timerEvent(jobMachine, 'acknowledgeTimeout')]]);
    expect(snapshot.context.run).toMatchObject({
      startedAt: 5000,
      lease: { acknowledged: true },
    });
  });

  it('keeps the outputs and asks for the charge, then ends with it (I1)', () => {
    const stored = take(jobMachine, reach(executing), EVENTS['run.finished']);
    expect(stored.snapshot.context.run).toMatchObject({
      outputs: [output],
      runMs: 7000,
      lease: null,
    });
    expect(effectsOf(stored.said, 'actor.tell')).toEqual([
      {
        to: quotaRef('acc_1'),
        event: {
          type: 'hold.captureRequested',
          job: 'job_1',
          amountMt: 1000,
          reason: 'Charged for image',
        },
      },
    ]);
    const done = take(jobMachine, stored.snapshot, at(EVENTS['hold.captured'], 9000));
    expect(done.snapshot.status).toBe('done');
    expect(done.said).toEqual([['disarm', timerEvent(jobMachine, 'deadline')]]);
    expect(done.snapshot.context.run).toMatchObject({ chargedMt: 1000, finishedAt: 9000 });
  });

  it('takes a result whose start was never heard of', () => {
    expect(stateOf(after(...WAYS[loading], EVENTS['run.finished']).snapshot)).toBe('storing');
  });

  it('forgets an earlier failure once it has succeeded', () => {
    const again = { attempt: 2, worker: 'w2', epoch: 'e2' };
    const end = run(
      ...WAYS.backingOff,
      EVENTS.backoff,
      at({ type: 'job.dispatched', worker: 'w2', epoch: 'e2' }),
      { ...EVENTS['run.finished'], ...again },
      EVENTS['hold.captured'],
    );
    expect(end).toMatchObject({ failure: null, attempt: 2, chargedMt: 1000 });
  });
});

describe('the order that nobody acknowledged (I7)', () => {
  it('comes back after 10 s without costing an attempt, and its slot is called off', () => {
    const { snapshot, said } = take(jobMachine, reach(loading), EVENTS.acknowledgeTimeout);
    expect(stateOf(snapshot)).toBe('queued');
    expect(snapshot.context.run).toMatchObject({ attempt: 1, lease: null, failedOn: [] });
    expect(effectsOf(said, 'actor.tell')).toEqual([
      {
        to: workerRef('w1'),
        event: { type: 'slot.cancelRequested', job: 'job_1', attempt: 1 },
      },
    ]);
  });

  it('stays where it is once it was acknowledged', () => {
    const acknowledged = after(...WAYS[loading], EVENTS['run.acknowledged']).snapshot;
    expect(take(jobMachine, acknowledged, EVENTS.acknowledgeTimeout).isIgnored).toBe(true);
    expect(take(jobMachine, acknowledged, EVENTS['run.acknowledged']).isIgnored).toBe(true);
  });
});

describe('the fence (I3)', () => {
  const REPORTS = Object.values(EVENTS).filter((event) => 'epoch' in event && 'attempt' in event);
  const STRANGE = {
    'an older attempt': { attempt: 0 },
    'a later attempt': { attempt: 2 },
    'another worker': { worker: 'w2' },
    'another boot': { epoch: 'e0' },
  };
  const types = REPORTS.map((event) => event.type);

  it('is tried with every report there is', () => {
    const sent = Object.keys(EVENTS).filter((type) => /^(run|slot|worker)\./.test(type));
    expect(types.sort()).toEqual(sent.sort());
  });

  describe.each(Object.entries(STRANGE))('a report of %s', (_, strange) => {
    it.each(STATES)('changes nothing in %s', (state) => {
      for (const report of REPORTS) {
        const step = take(jobMachine, reach(state), { ...report, ...strange });
        if (report.type === 'run.adoptionOffered') {
          expect(step.snapshot.context).toEqual(reach(state).context);
          expect(toldBy(step.said)).toEqual(['slot.cancelRequested']);
        } else expect([report.type, step.isIgnored]).toEqual([report.type, true]);
      }
    });
  });

  it('lets no result of the first attempt into the second', () => {
    const second = after(...WAYS.backingOff, EVENTS.backoff, EVENTS['job.dispatched']).snapshot;
    expect(second.context.run.lease).toMatchObject({ attempt: 2, worker: 'w1', epoch: 'e1' });
    for (const report of REPORTS) {
      if (report.type === 'run.adoptionOffered') continue;
      expect(take(jobMachine, second, report).isIgnored).toBe(true);
    }
  });

  it('hears a start once: repeated, it does not push the time limit out', () => {
    expect(take(jobMachine, reach(executing), EVENTS['run.started']).isIgnored).toBe(true);
  });
});

describe('attempts (I5)', () => {
  const failAttempt = (attempt: number, code = 'engineError') => [
    at({ type: 'job.dispatched', worker: `w${attempt}`, epoch: 'e' }),
    at({ type: 'run.failed', attempt, worker: `w${attempt}`, epoch: 'e', code, message: 'No.' }),
  ];

  it('are three at most; then the whole hold goes back', () => {
    const step = after(
      ...WAYS.queued,
      ...failAttempt(1),
      EVENTS.backoff,
      ...failAttempt(2),
      EVENTS.backoff,
      ...failAttempt(3),
    );
    expect(stateOf(step.snapshot)).toBe('releasing');
    expect(step.snapshot.context.run).toMatchObject({
      attempt: 3,
      ending: 'failed',
      failure: { code: 'engineError', message: 'No.' },
      failedOn: ['w1', 'w2', 'w3'],
    });
    expect(toldBy(step.said)).toEqual([
      'hold.requested',
      ...['slot.claimed', 'slot.claimed', 'slot.claimed'],
      'hold.releaseRequested',
    ]);
    const end = take(jobMachine, step.snapshot, EVENTS['hold.released']).snapshot;
    expect([end.value, end.context.run.chargedMt]).toEqual(['failed', 0]);
  });

  it('rest 1 s, then 2 s', () => {
    const delays = (events: readonly object[]) =>
      after(...events).said.flatMap((each) =>
        each[0] === 'arm' && each[1] === timerEvent(jobMachine, 'backoff') ? [each[2]] : [],
      );
    const twice = [...WAYS.queued, ...failAttempt(1), EVENTS.backoff, ...failAttempt(2)];
    expect(delays(twice)).toEqual([1000, 2000]);
  });

  it.each(FAILURE_CODES)('%s is tried again only if that may help', (code) => {
    const { snapshot } = after(...WAYS.queued, ...failAttempt(1, code));
    expect(stateOf(snapshot)).toBe(isRetryable(code) ? 'backingOff' : 'releasing');
  });

  it('cost nothing when the transport is lost or the slot comes back', () => {
    for (const type of ['worker.lost', 'slot.returned', 'slot.refused'] as const) {
      const back = run(...WAYS[executing], EVENTS[type]);
      expect(back).toMatchObject({ attempt: 1, lease: null, failedOn: [], failure: null });
    }
  });

  it('end when they take too long, and the slot is called off', () => {
    const { snapshot, said } = take(jobMachine, reach(executing), EVENTS.attemptTimeout);
    expect(snapshot.context.run).toMatchObject({
      attempt: 2,
      failedOn: ['w1'],
      failure: { code: 'timedOut' },
    });
    expect(toldBy(said)).toEqual(['slot.cancelRequested']);
  });

  it('that take too long three times fail the job', () => {
    const [dispatch] = failAttempt(3) as [object];
    const third = after(
      ...WAYS.queued,
      ...failAttempt(1),
      EVENTS.backoff,
      ...failAttempt(2),
      EVENTS.backoff,
      dispatch,
      at({ type: 'run.started', attempt: 3, worker: 'w3', epoch: 'e' }),
    ).snapshot;
    const { snapshot, said } = take(jobMachine, third, EVENTS.attemptTimeout);
    expect(snapshot.context.run).toMatchObject({ ending: 'failed', failure: { code: 'timedOut' } });
    expect(toldBy(said)).toEqual(['slot.cancelRequested', 'hold.releaseRequested']);
  });
});

describe('poison (I6)', () => {
  const dispatch = (worker: string) => at({ type: 'job.dispatched', worker, epoch: 'e1' });
  const says = (type: 'worker.crashed' | 'worker.lost', worker: string, attempt: number) =>
    at({ type, attempt, worker, epoch: 'e1' });

  it('is a job that took down two workers', () => {
    const { snapshot } = after(
      ...WAYS[executing],
      EVENTS['worker.crashed'],
      EVENTS.backoff,
      dispatch('w2'),
      says('worker.crashed', 'w2', 2),
    );
    expect(stateOf(snapshot)).toBe('releasing');
    expect(snapshot.context.run).toMatchObject({
      ending: 'failed',
      failure: { code: 'poisoned' },
      tookDown: ['w1', 'w2'],
    });
  });

  it('is not a job on a worker that crashes twice', () => {
    const { snapshot } = after(
      ...WAYS[executing],
      EVENTS['worker.crashed'],
      EVENTS.backoff,
      dispatch('w1'),
      says('worker.crashed', 'w1', 2),
    );
    expect(stateOf(snapshot)).toBe('backingOff');
    expect(snapshot.context.run).toMatchObject({ tookDown: ['w1'], attempt: 3 });
  });

  it('counts a crash that is told while nobody else works on the job', () => {
    const { snapshot } = after(...WAYS[executing], EVENTS['worker.lost'], EVENTS['worker.crashed']);
    expect(stateOf(snapshot)).toBe('backingOff');
    expect(snapshot.context.run).toMatchObject({ tookDown: ['w1'], attempt: 2, cutOff: [] });
  });

  const late = [
    ...WAYS[executing],
    EVENTS['worker.lost'],
    dispatch('w2'),
    EVENTS['worker.crashed'],
  ];

  it('counts a crash that is told while another worker has the job', () => {
    const { snapshot, said } = after(...late);
    expect(stateOf(snapshot)).toBe(loading);
    expect(snapshot.context.run).toMatchObject({
      attempt: 1,
      tookDown: ['w1'],
      failedOn: ['w1'],
      lease: { worker: 'w2' },
      cutOff: [],
    });
    expect(toldBy(said)).toEqual(['hold.requested', 'slot.claimed', 'slot.claimed']);
    expect(take(jobMachine, snapshot, EVENTS['worker.crashed']).isIgnored).toBe(true);
  });

  it('ends the job at the second worker, however late its crash is told', () => {
    const onThird = [...late, says('worker.lost', 'w2', 1), dispatch('w3')];
    const { snapshot, said } = take(
      jobMachine,
      after(...onThird).snapshot,
      says('worker.crashed', 'w2', 1),
    );
    expect(stateOf(snapshot)).toBe('releasing');
    expect(snapshot.context.run).toMatchObject({ ending: 'failed', failure: { code: 'poisoned' } });
    expect(toldBy(said)).toEqual(['slot.cancelRequested', 'hold.releaseRequested']);
  });

  it.each([
    ['storing', [{ ...EVENTS['run.finished'], worker: 'w3' }]],
    ['releasing', [EVENTS['job.cancelRequested']]],
    ['cancelled', [EVENTS['job.cancelRequested'], EVENTS['hold.released']]],
  ])('comes too late once the job is %s (I1)', (state, events) => {
    const onThird = [...late, says('worker.lost', 'w2', 1), dispatch('w3')];
    const { snapshot } = after(...onThird, ...events);
    expect(stateOf(snapshot)).toBe(state);
    expect(take(jobMachine, snapshot, says('worker.crashed', 'w2', 1)).isIgnored).toBe(true);
  });

  it('remembers only so many cut-off attempts', () => {
    const blips = Array.from({ length: 20 }, (_, n) => [
      dispatch(`w${n}`),
      says('worker.lost', `w${n}`, 1),
    ]).flat();
    expect(run(...WAYS.queued, ...blips).cutOff).toHaveLength(8);
  });
});

describe('adoption (I4)', () => {
  const lost = [...WAYS[executing], EVENTS['worker.lost']];

  it('takes the same attempt back while the job waits', () => {
    const { snapshot, said } = take(
      jobMachine,
      after(...lost).snapshot,
      EVENTS['run.adoptionOffered'],
    );
    expect(stateOf(snapshot)).toBe(executing);
    expect(snapshot.context.run).toMatchObject({
      attempt: 1,
      adoptable: null,
      cutOff: [],
      lease: { ...key, acknowledged: true },
    });
    expect(effectsOf(said, 'actor.tell')).toEqual([
      { to: workerRef('w1'), event: { type: 'slot.adopted', job: 'job_1', attempt: 1 } },
    ]);
    expect(stateOf(takeAll(jobMachine, snapshot, [EVENTS['run.finished']]).snapshot)).toBe(
      'storing',
    );
  });

  it('keeps what it has when it is offered again', () => {
    const step = take(jobMachine, reach(executing), EVENTS['run.adoptionOffered']);
    expect(step.snapshot.context).toEqual(reach(executing).context);
    expect(toldBy(step.said)).toEqual(['slot.adopted']);
  });

  it.each([
    ['it was assigned elsewhere', [at({ type: 'job.dispatched', worker: 'w2', epoch: 'e2' })]],
    ['it backs off', [EVENTS['worker.crashed']]],
    ['it is over', [EVENTS['job.cancelRequested'], EVENTS['hold.released']]],
  ])('declines once %s', (_, events) => {
    const before = after(...lost, ...events).snapshot;
    const { snapshot, said } = take(jobMachine, before, EVENTS['run.adoptionOffered']);
    expect(snapshot.context).toEqual(before.context);
    expect(effectsOf(said, 'actor.tell')).toEqual([
      { to: workerRef('w1'), event: { type: 'slot.cancelRequested', job: 'job_1', attempt: 1 } },
    ]);
  });
});

describe.each([
  ['cancel', EVENTS['job.cancelRequested'], 'cancelled', 'Returned: you cancelled the job'],
  ['the deadline', EVENTS.deadline, 'expired', 'Returned: the job did not finish in time'],
] as const)('%s (I8)', (_, event, ending, reason) => {
  it.each(UNDER_WAY as JobState[])('ends %s with one release of the whole hold', (state) => {
    const { snapshot, said } = take(jobMachine, reach(state), event);
    expect(stateOf(snapshot)).toBe('releasing');
    expect(snapshot.context.run).toMatchObject({ ending, lease: null, adoptable: null });
    const tells = effectsOf(said, 'actor.tell');
    expect(tells.filter(({ to }) => to.kind === 'quota')).toEqual([
      { to: quotaRef('acc_1'), event: { type: 'hold.releaseRequested', job: 'job_1', reason } },
    ]);
    expect(tells.filter(({ to }) => to.kind === 'worker').map((tell) => tell.event)).toEqual(
      state.startsWith('assigned.')
        ? [{ type: 'slot.cancelRequested', job: 'job_1', attempt: 1 }]
        : [],
    );
    const end = take(jobMachine, snapshot, at(EVENTS['hold.released'], 8000)).snapshot;
    expect([end.value, end.status]).toEqual([ending, 'done']);
    expect(end.context.run).toMatchObject({ chargedMt: 0, finishedAt: 8000 });
  });

  it('comes too late for what is already being settled, and for what has ended (I1)', () => {
    for (const state of ['storing', 'releasing', ...ended] as JobState[])
      expect([state, take(jobMachine, reach(state), event).isIgnored]).toEqual([state, true]);
  });
});

it('is born anew each time: two jobs share nothing (I25)', () => {
  const [one, other] = [begin(jobMachine, spec), begin(jobMachine, spec)];
  expect(one.snapshot.context.run).not.toBe(other.snapshot.context.run);
  expect(one.snapshot.context.run.failedOn).not.toBe(other.snapshot.context.run.failedOn);
});
