// How long nothing new is taken from somebody whose requests were turned down again and again. Two are nobody's fault;
// from the third on each takes longer, and a week later all is forgotten.

const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;
const DAY_MS = 24 * HOUR_MS;

export const FORGOTTEN_MS = 7 * DAY_MS;
const FORGIVEN = 2;
const LASTS_MS = [10 * MINUTE_MS, HOUR_MS, DAY_MS, FORGOTTEN_MS];

/**
 * @param strikes when each was, oldest first
 * @returns when it ends; null: there is none
 */
export function timeOutUntil(strikes: readonly number[], now: number): number | null {
  const counted = strikes.filter((at) => at > now - FORGOTTEN_MS);
  const last = counted.at(-1);
  if (last === undefined || counted.length <= FORGIVEN) return null;
  const until = last + LASTS_MS[Math.min(counted.length - FORGIVEN, LASTS_MS.length) - 1]!;
  return until > now ? until : null;
}
