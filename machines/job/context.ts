// What a job remembers, and the pure changes its chart makes to it.
import type { AttemptKey, JobEvent, JobSpec, Plan, Stamped } from '../contract/events.ts';
import { isRetryable, type FailureCode } from '../contract/failures.ts';
import { quotaRef, workerRef } from '../contract/ids.ts';
import type { Output, RunOrder } from '../contract/worker-protocol.ts';
import type { Effects } from '../effect.ts';

/** Attempts that may fail before the job does. */
export const ATTEMPTS_MAX = 3;
/** Different workers a job may take down before it counts as poison. */
export const WORKERS_DOWN_MAX = 2;
/** Cut-off attempts remembered; more than ever matter, for poison needs two. */
const CUT_OFF_MAX = 8;

export interface JobRun {
  /** The account's plan when the hold was granted: the tier it waits in. */
  readonly plan: Plan;
  /** Number of the current or next attempt: one more than the attempts that failed. */
  readonly attempt: number;
  readonly lease: (AttemptKey & { readonly acknowledged: boolean }) | null;
  /** The attempt that may still come back: its worker was cut off, not seen to fail. */
  readonly adoptable: AttemptKey | null;
  /** Every attempt that was cut off: a worker may turn out to have crashed long after. */
  readonly cutOff: readonly AttemptKey[];
  /** Workers the next attempt should avoid, if another one can do it. */
  readonly failedOn: readonly string[];
  readonly tookDown: readonly string[];
  readonly ending: 'failed' | 'cancelled' | 'expired' | null;
  readonly failure: { readonly code: FailureCode; readonly message: string } | null;
  readonly outputs: readonly Output[];
  readonly chargedMt: number | null;
  readonly runMs: number | null;
  readonly submittedAt: number;
  readonly startedAt: number | null;
  readonly finishedAt: number | null;
}

export interface JobContext {
  readonly spec: JobSpec;
  readonly run: JobRun;
}

export type Event = Stamped<JobEvent>;
type EventOf<T extends JobEvent['type']> = Extract<Event, { type: T }>;

export interface Args {
  readonly context: JobContext;
  readonly event: Event;
}

/** XState re-runs this without input at every transition: it must be pure and make a new object. */
export const freshContext = ({ input }: { input: JobSpec }): JobContext => ({
  spec: input,
  run: {
    plan: 'free',
    attempt: 1,
    lease: null,
    adoptable: null,
    cutOff: [],
    failedOn: [],
    tookDown: [],
    ending: null,
    failure: null,
    outputs: [],
    chargedMt: null,
    runMs: null,
    submittedAt: 0,
    startedAt: null,
    finishedAt: null,
  },
});

// --- the fence: job, attempt, worker and epoch must all match -----------------------------------

const matches = (key: AttemptKey | null, event: Event): boolean =>
  key !== null &&
  'epoch' in event &&
  'attempt' in event &&
  key.attempt === event.attempt &&
  key.worker === event.worker &&
  key.epoch === event.epoch;

export const isFromLease = ({ context, event }: Args) => matches(context.run.lease, event);
export const isAdoptable = ({ context, event }: Args) => matches(context.run.adoptable, event);
export const isCutOff = ({ context, event }: Args) =>
  context.run.cutOff.some((key) => matches(key, event));

export const isUnacknowledged = ({ context }: Args) => context.run.lease?.acknowledged === false;

// --- failure --------------------------------------------------------------------------------------

function failureOf(event: Event): { code: FailureCode; message: string } {
  if (event.type === 'run.failed') return { code: event.code, message: event.message };
  if (event.type === 'worker.crashed') return { code: 'workerCrashed', message: '' };
  return { code: 'timedOut', message: '' };
}

const including = (list: readonly string[], item: string) =>
  list.includes(item) ? list : [...list, item];

const workersDown = ({ context: { run }, event }: Args): readonly string[] =>
  event.type === 'worker.crashed' ? including(run.tookDown, event.worker) : run.tookDown;

export const isPoison = (args: Args) => workersDown(args).length >= WORKERS_DOWN_MAX;

export const mayTryAgain = (args: Args) =>
  args.context.run.attempt < ATTEMPTS_MAX &&
  isRetryable(failureOf(args.event).code) &&
  !isPoison(args);

// --- changes: each returns the part of `run` that it changes ----------------------------------------

type Change = (args: Args) => Partial<JobRun>;

export const noteSubmitted: Change = ({ event }) => ({ submittedAt: event.at });

export const notePlan: Change = ({ event }) => ({
  plan: (event as EventOf<'hold.granted'>).plan,
});

export const takeLease: Change = ({ context: { run }, event }) => {
  const { worker, epoch } = event as EventOf<'job.dispatched'>;
  return {
    lease: { attempt: run.attempt, worker, epoch, acknowledged: false },
    adoptable: null,
    startedAt: null,
  };
};

export const noteAcknowledged: Change = ({ context: { run } }) => ({
  lease: run.lease && { ...run.lease, acknowledged: true },
});

export const noteStarted: Change = ({ context: { run }, event }) => ({
  lease: run.lease && { ...run.lease, acknowledged: true },
  startedAt: event.at,
});

export const adoptLease: Change = ({ context: { run }, event }) => ({
  lease: run.adoptable && { ...run.adoptable, acknowledged: true },
  adoptable: null,
  cutOff: run.cutOff.filter((key) => !matches(key, event)),
  startedAt: event.at,
});

/** The worker was cut off: free the job at once, but take the attempt back if it turns up. */
export const leaveAdoptable: Change = ({ context: { run }, event }) => {
  const { attempt, worker, epoch } = event as EventOf<'worker.lost'>;
  const key: AttemptKey = { attempt, worker, epoch };
  return {
    lease: null,
    adoptable: key,
    cutOff: [...run.cutOff, key].slice(-CUT_OFF_MAX),
    startedAt: null,
  };
};

const NO_LEASE = { lease: null, adoptable: null } as const;

export const dropLease: Change = () => ({ ...NO_LEASE, startedAt: null });

/** A cut-off worker turns out to have crashed while another attempt goes on: one step to poison. */
export const noteTookDown: Change = (args) => {
  const { run } = args.context;
  const { worker } = args.event as EventOf<'worker.crashed'>;
  return {
    cutOff: run.cutOff.filter((key) => !matches(key, args.event)),
    failedOn: including(run.failedOn, worker),
    tookDown: workersDown(args),
  };
};

const endedUncharged = ({ event }: Args) => ({
  ...NO_LEASE,
  chargedMt: 0,
  finishedAt: event.at,
});

export const countFailure: Change = (args) => {
  const { run } = args.context;
  const worker = 'worker' in args.event ? args.event.worker : run.lease?.worker;
  return {
    ...dropLease(args),
    attempt: run.attempt + 1,
    cutOff: run.cutOff.filter((key) => !matches(key, args.event)),
    failedOn: worker === undefined ? run.failedOn : including(run.failedOn, worker),
    tookDown: workersDown(args),
    failure: failureOf(args.event),
  };
};

/** The settlement is asked for in the same turn, so this is what is charged. */
export const endSucceeded: Change = ({ context: { spec }, event }) => {
  const { outputs, runMs } = event as EventOf<'run.finished'>;
  return {
    outputs,
    runMs,
    lease: null,
    failure: null,
    chargedMt: spec.costMt,
    finishedAt: event.at,
  };
};

export const endFailed: Change = (args) => ({
  ...countFailure(args),
  ...endedUncharged(args),
  attempt: args.context.run.attempt,
  startedAt: args.context.run.startedAt,
  ending: 'failed',
  ...(isPoison(args) ? { failure: { code: 'poisoned', message: '' } } : {}),
});

export const endCancelled: Change = (args) => ({
  ...endedUncharged(args),
  ending: 'cancelled',
});

export const endExpired: Change = (args) => ({
  ...endedUncharged(args),
  ending: 'expired',
  failure: { code: 'deadlineExceeded', message: '' },
});

// --- what a job says to others ------------------------------------------------------------------

type Tell = Effects['actor.tell'];

export const askHold = ({ context: { spec } }: Args): Tell => ({
  to: quotaRef(spec.accountId),
  event: {
    type: 'hold.requested',
    job: spec.id,
    amountMt: spec.costMt,
    reason: `Held for ${spec.modality}`,
  },
});

export const askCapture = ({ context: { spec } }: Args): Tell => ({
  to: quotaRef(spec.accountId),
  event: {
    type: 'hold.captureRequested',
    job: spec.id,
    amountMt: spec.costMt,
    reason: `Charged for ${spec.modality}`,
  },
});

const RELEASE_REASONS = {
  failed: 'Returned: the job failed',
  cancelled: 'Returned: you cancelled the job',
  expired: 'Returned: the job did not finish in time',
} as const;

export const askRelease = ({ context: { spec, run } }: Args): Tell => ({
  to: quotaRef(spec.accountId),
  event: {
    type: 'hold.releaseRequested',
    job: spec.id,
    reason: RELEASE_REASONS[run.ending ?? 'failed'],
  },
});

/** Told with the lease already taken: the worker makes its slot busy in the same commit. */
export const claimSlot = ({ context: { spec, run }, event }: Args): Tell => {
  const { worker, epoch } = event as EventOf<'job.dispatched'>;
  const { id: job, accountId, model, modality, prompt, count, timeLimitMs } = spec;
  const order: RunOrder = {
    type: 'run',
    job,
    attempt: run.attempt,
    model,
    modality,
    prompt,
    params: { ...spec.params },
    count,
    inputs: [...spec.inputs],
    timeLimitMs,
  };
  return { to: workerRef(worker), event: { type: 'slot.claimed', accountId, epoch, order } };
};

export const keepSlot = ({ context: { spec }, event }: Args): Tell => {
  const { worker, attempt } = event as EventOf<'run.adoptionOffered'>;
  return { to: workerRef(worker), event: { type: 'slot.adopted', job: spec.id, attempt } };
};

/** The attempt came back too late: another one has taken its place. */
export const declineAdoption = ({ context: { spec }, event }: Args): Tell => {
  const { worker, attempt } = event as EventOf<'run.adoptionOffered'>;
  return { to: workerRef(worker), event: { type: 'slot.cancelRequested', job: spec.id, attempt } };
};

export const cancelSlot = ({ context: { spec, run } }: Args): Tell | null =>
  run.lease && {
    to: workerRef(run.lease.worker),
    event: { type: 'slot.cancelRequested', job: spec.id, attempt: run.lease.attempt },
  };
