// The job's chart against SPEC.md: attempts that fail, time out or take workers down with them. Names in
// brackets (I3) are its numbers.
import { describe, expect, it } from 'vitest';
import { FAILURE_CODES, isRetryable } from '../contract/failures.ts';
import { workerRef } from '../contract/ids.ts';
import { effectsOf, take, timerEvent, toldBy } from '../testing.ts';
import { jobMachine } from './machine.ts';
import { after, at, EVENTS, executing, loading, reach, run, stateOf, WAYS } from './testing.ts';

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
    expect(stateOf(step.snapshot)).toBe('failed');
    expect(step.snapshot.context.run).toMatchObject({
      attempt: 3,
      ending: 'failed',
      failure: { code: 'engineError', message: 'No.' },
      failedOn: ['w1', 'w2', 'w3'],
      chargedMt: 0,
    });
    expect(toldBy(step.said)).toEqual([
      'hold.requested',
      ...['slot.claimed', 'slot.claimed', 'slot.claimed'],
      'hold.releaseRequested',
    ]);
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
    expect(stateOf(snapshot)).toBe(isRetryable(code) ? 'backingOff' : 'failed');
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
    expect(stateOf(snapshot)).toBe('failed');
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
    expect(stateOf(snapshot)).toBe('failed');
    expect(snapshot.context.run).toMatchObject({ ending: 'failed', failure: { code: 'poisoned' } });
    expect(toldBy(said)).toEqual(['slot.cancelRequested', 'hold.releaseRequested']);
  });

  it.each([
    ['succeeded', [{ ...EVENTS['run.finished'], worker: 'w3' }]],
    ['cancelled', [EVENTS['job.cancelRequested']]],
  ])('comes too late once the job has %s (I1)', (state, events) => {
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
