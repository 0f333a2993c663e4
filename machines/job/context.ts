// What a job remembers, and the pure changes its chart makes to it.
import type { BatchPlace } from '../contract/batching.ts';
import type { AttemptKey, JobEvent, JobSpec, Plan, Stamped } from '../contract/events.ts';
import type { FailureCode } from '../contract/failures.ts';
import type { Output } from '../contract/worker-protocol.ts';
import { settle, type CancelTerms, type Settlement } from '../pricing/settlement.ts';
import { failureOf, including, isPoison, matches, workersDown } from './attempts.ts';

/** Cut-off attempts remembered; more than ever matter, for poison needs two. */
const CUT_OFF_MAX = 8;

export interface JobRun {
  /** The account's plan when the hold was granted: the tier it waits in. */
  readonly plan: Plan;
  /** As the hold was granted: so long a run may be stopped for nothing. */
  readonly graceMs: number;
  /** Days after its end. */
  readonly filesKeptDays: number;
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
  readonly ending: 'failed' | 'cancelled' | 'expired' | 'refused' | null;
  readonly cancelledBy: 'person' | 'system' | null;
  readonly failure: { readonly code: FailureCode; readonly message: string } | null;
  readonly outputs: readonly Output[];
  readonly chargedMt: number | null;
  readonly runMs: number | null;
  readonly submittedAt: number;
  /** Of the latest assignment: the engine call that it shares with others. */
  readonly batch: BatchPlace | null;
  /** Where an operator put it in the line; null: where it came by itself. */
  readonly place: { readonly to: 'front' | 'back'; readonly at: number } | null;
  readonly startedAt: number | null;
  readonly finishedAt: number | null;
}

export interface JobContext {
  readonly spec: JobSpec;
  readonly run: JobRun;
}

export type Event = Stamped<JobEvent>;
export type EventOf<T extends JobEvent['type']> = Extract<Event, { type: T }>;

export interface Args {
  readonly context: JobContext;
  readonly event: Event;
}

/** XState re-runs this without input at every transition: it must be pure and make a new object. */
export const freshContext = ({ input }: { input: JobSpec }): JobContext => ({
  spec: input,
  run: {
    plan: 'free',
    graceMs: 0,
    filesKeptDays: 0,
    attempt: 1,
    lease: null,
    adoptable: null,
    cutOff: [],
    failedOn: [],
    tookDown: [],
    ending: null,
    cancelledBy: null,
    failure: null,
    outputs: [],
    chargedMt: null,
    runMs: null,
    submittedAt: 0,
    batch: null,
    place: null,
    startedAt: null,
    finishedAt: null,
  },
});

/** What one attempt may take. Of jobs that share a call each may have to wait for all. */
export const limitMsOf = ({ spec, run }: JobContext, batch = run.batch): number =>
  spec.timeLimitMs * (batch?.size ?? 1);

// --- money: see pricing/settlement.ts ---------------------------------------------------------------

export const cancelTermsOf = ({ spec, run }: JobContext): CancelTerms => ({
  graceMs: run.graceMs,
  secondMt: spec.secondMt,
  costMt: spec.costMt,
});

/** Of a job that ends, or has ended: the same for ever. */
export function settlementOf(context: JobContext): Settlement {
  const { spec, run } = context;
  const { startedAt, finishedAt } = run;
  return settle({
    ending: run.ending ?? 'succeeded',
    by: run.cancelledBy ?? 'person',
    asked: spec,
    came: run.outputs,
    terms: cancelTermsOf(context),
    ranMs: startedAt === null || finishedAt === null ? null : Math.max(0, finishedAt - startedAt),
  });
}

// --- changes: each returns the part of `run` that it changes ----------------------------------------

type Change = (args: Args) => Partial<JobRun>;

export const noteSubmitted: Change = ({ event }) => ({ submittedAt: event.at });

export const notePlan: Change = ({ event }) => {
  const { plan, graceMs, filesKeptDays } = event as EventOf<'hold.granted'>;
  return { plan, graceMs, filesKeptDays };
};

export const notePlace: Change = ({ event }) => {
  const { to, at } = event as EventOf<'job.moveRequested'>;
  return { place: to === 'own' ? null : { to, at } };
};

/** To the back it may go again: others have come since. */
export const isElsewhere = ({ context: { run }, event }: Args): boolean => {
  const { to } = event as EventOf<'job.moveRequested'>;
  return to === 'back' || to !== (run.place?.to ?? 'own');
};

export const takeLease: Change = ({ context: { run }, event }) => {
  const { worker, epoch, batch = null } = event as EventOf<'job.dispatched'>;
  return {
    lease: { attempt: run.attempt, worker, epoch, acknowledged: false },
    batch,
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
const charged =
  (end: Change): Change =>
  (args) => {
    const { spec, run } = args.context;
    const ended = end(args);
    return { ...ended, chargedMt: settlementOf({ spec, run: { ...run, ...ended } }).chargedMt };
  };

export const endSucceeded: Change = charged(({ event }) => {
  const { outputs, runMs } = event as EventOf<'run.finished'>;
  return { outputs, runMs, lease: null, failure: null, finishedAt: event.at };
});

export const endFailed: Change = (args) => ({
  ...countFailure(args),
  ...endedUncharged(args),
  attempt: args.context.run.attempt,
  startedAt: args.context.run.startedAt,
  ending: 'failed',
  ...(isPoison(args) ? { failure: { code: 'poisoned', message: '' } } : {}),
});

export const endCancelled: Change = charged((args) => ({
  ...endedUncharged(args),
  ending: 'cancelled',
  cancelledBy: (args.event as EventOf<'job.cancelRequested'>).by ?? 'person',
}));

export const endExpired: Change = (args) => ({
  ...endedUncharged(args),
  ending: 'expired',
  failure: { code: 'deadlineExceeded', message: '' },
});

export const isRefused = ({ event }: Args): boolean =>
  (event as EventOf<'run.finished'>).refused !== undefined;

/** It is kept, and shown to nobody: an appeal may find that it can be. */
export const endRefused: Change = (args) => {
  const { outputs, runMs, refused = '' } = args.event as EventOf<'run.finished'>;
  return {
    ...endedUncharged(args),
    outputs,
    runMs,
    ending: 'refused',
    failure: { code: 'contentRefused', message: refused },
  };
};
