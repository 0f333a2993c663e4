// When a new place in the line is worth a message. Somebody at place 505 who sees no change asks again; somebody who is
// told each of 505 changes is told nothing, for the platform stops us. So: often near the front, seldom far behind.
const STEPS = [0, 1, 2, 3, 5, 8, 12, 20, 30, 50, 75, 100, 150, 200, 300, 500, 750, 1000];
/** An estimate is told anew when it is so many times another. */
const ETA_FACTOR = 1.5;
const ETA_MIN_S = 15;

export interface Outlook {
  readonly position: number | null;
  /** The later bound. */
  readonly etaS: number | null;
}

const stepOf = (position: number | null): number =>
  position === null ? -1 : STEPS.findLastIndex((step) => position >= step);

export function isWorthTelling(told: Outlook, now: Outlook): boolean {
  if (stepOf(told.position) !== stepOf(now.position)) return true;
  if (told.etaS === null || now.etaS === null) return told.etaS !== now.etaS;
  const [less, more] = [told.etaS, now.etaS].sort((a, b) => a - b) as [number, number];
  return more - less >= ETA_MIN_S && more >= less * ETA_FACTOR;
}
