// A job as the tests know it: one event of each type, and the shortest way to each state.
import type { AttemptKey, JobEvent, JobSpec } from '../contract/events.ts';
import { begin, takeAll, timerEvent, type StateOf, type TimerOf } from '../testing.ts';
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
  'job.dispatched': at({ type: 'job.dispatched', worker: 'w1', epoch: 'e1' }),
  'hold.granted': at({ type: 'hold.granted', plan: 'pro' }),
  'hold.refused': at({
    type: 'hold.refused',
    neededMt: 1000,
    availableMt: 10,
    resetsAt: 86_400_000,
    standing: 'good',
  }),
  'hold.captured': at({ type: 'hold.captured', amountMt: 1000 }),
  'hold.released': at({ type: 'hold.released' }),
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

const QUEUED = [EVENTS['job.submitRequested'], EVENTS['hold.granted']];
const LOADING = [...QUEUED, EVENTS['job.dispatched']];
const EXECUTING = [...LOADING, EVENTS['run.started']];
const RELEASING = [...QUEUED, EVENTS['job.cancelRequested']];
const STORING = [...EXECUTING, EVENTS['run.finished']];
const unsupported = { ...EVENTS['run.failed'], code: 'unsupported' };

/** The canonical way to each state. */
export const WAYS: Record<JobState, readonly object[]> = {
  screening: [],
  holding: [EVENTS['job.submitRequested']],
  queued: QUEUED,
  'assigned.loadingModel': LOADING,
  'assigned.executing': EXECUTING,
  backingOff: [...EXECUTING, EVENTS['run.failed']],
  storing: STORING,
  releasing: RELEASING,
  succeeded: [...STORING, EVENTS['hold.captured']],
  failed: [...EXECUTING, unsupported, EVENTS['hold.released']],
  cancelled: [...RELEASING, EVENTS['hold.released']],
  expired: [...QUEUED, EVENTS.deadline, EVENTS['hold.released']],
  refused: [EVENTS['job.submitRequested'], EVENTS['hold.refused']],
};

export const STATES = Object.keys(WAYS) as JobState[];
export const UNDER_WAY = ['queued', 'assigned.loadingModel', 'assigned.executing', 'backingOff'];

/** The step that ends a series of events from the very beginning. */
export const after = (...events: readonly object[]) => {
  const born = begin(jobMachine, spec);
  const step = takeAll(jobMachine, born.snapshot, events);
  return { ...step, said: [...born.said, ...step.said] };
};

export const reach = (state: JobState): JobSnapshot => after(...WAYS[state]).snapshot;
