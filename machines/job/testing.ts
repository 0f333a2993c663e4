// A job as the tests know it: one event of each type, and the shortest way to each state.
import type { AttemptKey, JobEvent, JobSpec } from '../contract/events.ts';
import { begin, leavesIn, takeAll, timerEvent, type StateOf, type TimerOf } from '../testing.ts';
import { jobMachine, type JobSnapshot } from './machine.ts';

export type JobState = StateOf<typeof jobMachine>;
export type Column = JobEvent['type'] | TimerOf<typeof jobMachine>;

export const spec: JobSpec = {
  id: 'job_1',
  accountId: 'acc_1',
  modality: 'image',
  model: 'sketch',
  prompt: 'a lighthouse',
  params: { width: 1024, height: 1024 },
  inputs: [],
  count: 1,
  costMt: 1000,
  secondMt: 100,
  work: 1,
  timeLimitMs: 60_000,
  deadlineMs: 3_600_000,
  origin: null,
  bodyHash: 'hash',
};

export const key: AttemptKey = { attempt: 1, worker: 'w1', epoch: 'e1' };
export const output = {
  blob: `sha256:${'0'.repeat(64)}`,
  bytes: 9,
  mediaType: 'image/png',
  facts: {},
};

/** Stamped like the turn does. */
export const at = <E extends { type: string }>(event: E, time = 1000) => ({ ...event, at: time });

const timer = (name: TimerOf<typeof jobMachine>) => at({ type: timerEvent(jobMachine, name) });

/** One of each, the canonical one: reports come from attempt 1 on w1, boot e1. */
export const EVENTS = {
  'job.submitRequested': at({ type: 'job.submitRequested', spec, impossible: null }),
  'job.cancelRequested': at({ type: 'job.cancelRequested' }),
  'job.moveRequested': at({ type: 'job.moveRequested', to: 'front' }),
  'job.dispatched': at({ type: 'job.dispatched', worker: 'w1', epoch: 'e1' }),
  'hold.granted': at({ type: 'hold.granted', plan: 'pro', graceMs: 5000, filesKeptDays: 30 }),
  'hold.refused': at({
    type: 'hold.refused',
    refusal: {
      code: 'insufficient_tokens',
      neededMt: 1000,
      availableMt: 10,
      dailyMt: 20_000,
      resetsAt: 86_400_000,
    },
  }),
  'slot.refused': at({ type: 'slot.refused', ...key }),
  'slot.returned': at({ type: 'slot.returned', ...key }),
  'run.acknowledged': at({ type: 'run.acknowledged', ...key }),
  'run.started': at({ type: 'run.started', ...key }),
  'run.finished': at({ type: 'run.finished', ...key, outputs: [output], runMs: 7000 }),
  'run.failed': at({ type: 'run.failed', ...key, code: 'engineError', message: 'It broke.' }),
  'run.adoptionOffered': at({ type: 'run.adoptionOffered', ...key }),
  'worker.lost': at({ type: 'worker.lost', ...key }),
  'worker.crashed': at({ type: 'worker.crashed', ...key }),
  deadline: timer('deadline'),
  acknowledgeTimeout: timer('acknowledgeTimeout'),
  attemptTimeout: timer('attemptTimeout'),
  backoff: timer('backoff'),
} as const satisfies Record<Column, { type: string; at: number }>;

export const loading = 'assigned.loadingModel';
export const executing = 'assigned.executing';

const QUEUED = [EVENTS['job.submitRequested'], EVENTS['hold.granted']];
const LOADING = [...QUEUED, EVENTS['job.dispatched']];
const EXECUTING = [...LOADING, EVENTS['run.started']];
const unsupported = { ...EVENTS['run.failed'], code: 'unsupported' };

/** Passed through on the way to an end, never at rest. */
type Passed = 'storing' | 'releasing';

/** The canonical way to each state that lasts. */
export const WAYS: Record<Exclude<JobState, Passed>, readonly object[]> = {
  screening: [],
  holding: [EVENTS['job.submitRequested']],
  queued: QUEUED,
  'assigned.loadingModel': LOADING,
  'assigned.executing': EXECUTING,
  backingOff: [...EXECUTING, EVENTS['run.failed']],
  succeeded: [...EXECUTING, EVENTS['run.finished']],
  failed: [...EXECUTING, unsupported],
  cancelled: [...QUEUED, EVENTS['job.cancelRequested']],
  expired: [...QUEUED, EVENTS.deadline],
  refused: [...EXECUTING, { ...EVENTS['run.finished'], refused: 'Not here.' }],
};

export const STATES = [...Object.keys(WAYS), 'storing', 'releasing'] as JobState[];
export const UNDER_WAY = ['queued', loading, executing, 'backingOff'];

/** The step that ends a series of events from the very beginning. */
export const after = (...events: readonly object[]) => {
  const born = begin(jobMachine, spec);
  const step = takeAll(jobMachine, born.snapshot, events);
  return { ...step, said: [...born.said, ...step.said] };
};

/** A state that is passed through could only have been stored by a chart of another version. */
export function reach(state: JobState): JobSnapshot {
  if (state !== 'storing' && state !== 'releasing') return after(...WAYS[state]).snapshot;
  const { context } = reach(state === 'storing' ? 'succeeded' : 'cancelled');
  return jobMachine.resolveState({ value: state, context });
}

export const stateOf = (snapshot: JobSnapshot) => leavesIn(snapshot.value)[0] as JobState;
export const run = (...events: readonly object[]) => after(...events).snapshot.context.run;
export const ended = STATES.filter((state) => reach(state).status === 'done');
