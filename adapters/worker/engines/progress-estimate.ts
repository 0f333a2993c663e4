// Progress of work that tells none: a guess by time. It rises quickly while it is likely to be right, ever slower
// after that, and never reaches the end before the work does.
import type { Timers } from '../seams.ts';

const EVERY_MS = 1000;
/** At the expected end it stands at about two thirds. */
const HIGHEST = 0.98;

export async function withEstimate<T>(
  work: Promise<T>,
  expectedMs: number,
  timers: Timers,
  report: (fraction: number) => void,
): Promise<T> {
  const startedAt = timers.now();
  let callOff: () => void;
  const tick = () => {
    callOff = timers.after(EVERY_MS, () => {
      report(HIGHEST * (1 - Math.exp((startedAt - timers.now()) / expectedMs)));
      tick();
    });
  };
  tick();
  try {
    return await work;
  } finally {
    callOff!();
  }
}
