// Pure: which states and arrows of a drawing are lit by a turn.
import type { DrawnArrow, Drawing } from './drawing.ts';

/** `assigned.executing` -> `assigned`, `assigned.executing`; regions are separated by a space. */
export function activePaths(state: string): Set<string> {
  const paths = state.split(' ').flatMap((region) => {
    const keys = region.split('.');
    return keys.map((_, index) => keys.slice(0, index + 1).join('.'));
  });
  return new Set(paths);
}

/** A bubble "in any state" stands for the state around it. */
const isLeft = ({ from }: DrawnArrow, active: ReadonlySet<string>): boolean =>
  from.endsWith('*') ? from === '*' || active.has(from.slice(0, -1)) : active.has(from);

/**
 * The arrows that a turn went along: the one of its event, then those that lead on at once. Empty for a turn
 * that stayed where it was.
 */
export function arrowsOf(
  { arrows }: Pick<Drawing, 'arrows'>,
  turn: { readonly from: string | null; readonly to: string; readonly event: string },
): Set<DrawnArrow> {
  const [before, after] = [activePaths(turn.from ?? ''), activePaths(turn.to)];
  const taken = new Set<DrawnArrow>();
  if (turn.from === turn.to) return taken;
  const byEvent = arrows.filter(
    (arrow) => isLeft(arrow, before) && arrow.events.some(({ type }) => type === turn.event),
  );
  // Guards decide between several; where they led to is what tells.
  for (const first of byEvent) for (const arrow of way(arrows, first, after)) taken.add(arrow);
  return taken;
}

/** From an arrow on to where the turn ended, by arrows that are taken at once; empty if it does not lead there. */
function way(
  arrows: readonly DrawnArrow[],
  first: DrawnArrow,
  after: ReadonlySet<string>,
  seen: ReadonlySet<DrawnArrow> = new Set(),
): DrawnArrow[] {
  if (after.has(first.to)) return [first];
  for (const next of arrows) {
    const isAtOnce = next.from === first.to && next.events.some(({ type }) => type === '');
    if (!isAtOnce || seen.has(next)) continue;
    const rest = way(arrows, next, after, new Set([...seen, first]));
    if (rest.length > 0) return [first, ...rest];
  }
  return [];
}
