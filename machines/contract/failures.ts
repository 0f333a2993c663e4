// The closed list of operating failures. Engines, agents and charts speak in these codes only; the
// sentence is what a person reads.

export interface FailureRule {
  /** May another attempt succeed? If not, the job fails at once and its hold is released. */
  readonly retryable: boolean;
  readonly sentence: string;
}

export const FAILURES = {
  outOfMemory: {
    retryable: true,
    sentence: 'The graphics card ran out of memory. A smaller size may fit.',
  },
  modelMissing: { retryable: true, sentence: 'The worker no longer has this model.' },
  modelLoadFailed: { retryable: true, sentence: 'The model could not be loaded.' },
  engineCrashed: { retryable: true, sentence: 'The engine stopped while it worked on this job.' },
  engineUnreachable: { retryable: true, sentence: 'The engine could not be reached.' },
  engineError: { retryable: true, sentence: 'The engine reported an error.' },
  timedOut: { retryable: true, sentence: 'The job took longer than a job of its size may take.' },
  outputInvalid: { retryable: true, sentence: 'The result was damaged and was not delivered.' },
  outputMissing: { retryable: true, sentence: 'The result did not arrive.' },
  workerCrashed: { retryable: true, sentence: 'The worker stopped while it worked on this job.' },
  invalidInput: { retryable: false, sentence: 'The engine cannot work with this input.' },
  unsupported: { retryable: false, sentence: 'The engine does not support this request.' },
  poisoned: {
    retryable: false,
    sentence: 'This job took down two workers, so it will not be tried again.',
  },
  contentRefused: { retryable: false, sentence: 'The result may not be shown here.' },
  deadlineExceeded: { retryable: false, sentence: 'The job did not finish before its deadline.' },
} as const satisfies Record<string, FailureRule>;

export type FailureCode = keyof typeof FAILURES;

export const FAILURE_CODES = Object.keys(FAILURES) as [FailureCode, ...FailureCode[]];

export const isRetryable = (code: FailureCode): boolean => FAILURES[code].retryable;
