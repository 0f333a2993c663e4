import { expect, test } from 'vitest';
import { initialTransition, transition, type AnyMachineSnapshot } from 'xstate';
import { jobMachine } from '../machines/job/machine.ts';
import type { JobEvent, Stamped } from '../machines/contract/events.ts';
import { step } from './step.ts';
import { BLOB, spec } from './testing.ts';

const key = { attempt: 1, worker: 'wrk_1', epoch: 'boot' };
const LIFE: JobEvent[] = [
  { type: 'job.submitRequested', spec: spec('job_1'), impossible: null },
  { type: 'hold.granted', plan: 'free', graceMs: 5000, filesKeptDays: 30 },
  { type: 'job.dispatched', worker: 'wrk_1', epoch: 'boot' },
  { type: 'run.acknowledged', ...key },
  { type: 'run.started', ...key },
  { type: 'run.failed', ...key, attempt: 9, code: 'engineError', message: '' },
  {
    type: 'run.finished',
    ...key,
    outputs: [{ blob: BLOB, bytes: 1, mediaType: 'image/png', facts: {} }],
    runMs: 5,
  },
];

test('a step is what xstate calls a transition', () => {
  const [start] = initialTransition(jobMachine, spec('job_1'));
  let ours = start as AnyMachineSnapshot;
  let theirs = start;
  for (const [n, event] of LIFE.entries()) {
    const stamped = { ...event, at: n } as Stamped<JobEvent>;
    const [next, actions] = step(jobMachine, ours, stamped);
    const [expected, expectedActions] = transition(jobMachine, theirs, stamped);
    expect({ value: next.value, context: next.context, status: next.status }).toEqual({
      value: expected.value,
      context: expected.context,
      status: expected.status,
    });
    expect(actions.map(({ type, params }) => ({ type, params }))).toEqual(
      expectedActions.map(({ type, params }) => ({ type, params })),
    );
    ours = next;
    theirs = expected;
  }
  expect(ours.status).toBe('done');
});

test('an ignored event gives the same snapshot back', () => {
  const [start] = initialTransition(jobMachine, spec('job_1'));
  const [next, actions] = step(jobMachine, start as AnyMachineSnapshot, {
    type: 'hold.granted',
  });
  expect(next).toBe(start);
  expect(actions).toEqual([]);
});
