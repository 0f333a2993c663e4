// The brake on stopping runs for their refunds: who gives up many a day has less of a grace, then fewer jobs at once.
// It counts runs that a person's cancel or deadline ended after the engine had begun; a new UTC day starts anew.
//
//   stopped today   grace      jobs at once
//   0 to 9          5 s        as the plan says
//   10 to 19        none       as the plan says
//   20 and more     none       4
//
// An account under watch (`limited`) is where the last row is, whatever it did today.
import { GRACE_MS } from './settlement.ts';

export const STOPS_FREE = 10;
export const STOPS_MANY = 20;
export const JOBS_MAX_BRAKED = 4;

export interface Brake {
  readonly graceMs: number;
  readonly jobsMax: number;
}

export const brakeOf = (stopped: number, isLimited: boolean, jobsMax: number): Brake => ({
  graceMs: isLimited || stopped >= STOPS_FREE ? 0 : GRACE_MS,
  jobsMax: isLimited || stopped >= STOPS_MANY ? Math.min(jobsMax, JOBS_MAX_BRAKED) : jobsMax,
});

/** Null while it is not felt. */
export function brakeWords(stopped: number, isLimited: boolean): string | null {
  if (isLimited)
    return `This account is under watch: ${JOBS_MAX_BRAKED} jobs at once, and a cancelled run costs what it used.`;
  if (stopped < STOPS_FREE) return null;
  const costs = `${stopped} runs were stopped today, so until the day turns a cancelled run costs what it used from its first second`;
  return stopped < STOPS_MANY
    ? `${costs}.`
    : `${costs}, and ${JOBS_MAX_BRAKED} jobs may be under way at once.`;
}
