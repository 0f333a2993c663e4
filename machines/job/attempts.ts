// Whose report counts, and whether an attempt that failed may be followed by another. Pure, like context.ts.
import type { AttemptKey } from '../contract/events.ts';
import { isRetryable, type FailureCode } from '../contract/failures.ts';
import type { Args, Event } from './context.ts';

/** Attempts that may fail before the job does. */
export const ATTEMPTS_MAX = 3;
/** Different workers a job may take down before it counts as poison. */
export const WORKERS_DOWN_MAX = 2;

// --- the fence: job, attempt, worker and epoch must all match -----------------------------------

export const matches = (key: AttemptKey | null, event: Event): boolean =>
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

export function failureOf(event: Event): { code: FailureCode; message: string } {
  if (event.type === 'run.failed') return { code: event.code, message: event.message };
  if (event.type === 'worker.crashed') return { code: 'workerCrashed', message: '' };
  return { code: 'timedOut', message: '' };
}

export const including = (list: readonly string[], item: string) =>
  list.includes(item) ? list : [...list, item];

export const workersDown = ({ context: { run }, event }: Args): readonly string[] =>
  event.type === 'worker.crashed' ? including(run.tookDown, event.worker) : run.tookDown;

export const isPoison = (args: Args) => workersDown(args).length >= WORKERS_DOWN_MAX;

export const mayTryAgain = (args: Args) =>
  args.context.run.attempt < ATTEMPTS_MAX &&
  isRetryable(failureOf(args.event).code) &&
  !isPoison(args);
