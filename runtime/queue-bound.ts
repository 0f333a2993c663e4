// How long the line of a tier may get, and whether there is room for one more. A soft bound: two that come at the
// same moment may both get the last place.
import type { Plan } from '../machines/contract/events.ts';
import type { Backlog } from './backlog.ts';

/** A known worker, as far as it matters for how long a line takes. */
export interface Lane {
  readonly models: ReadonlyMap<string, unknown>;
  readonly slots: number;
  readonly isHere: boolean;
}

interface Newcomer {
  readonly accountId: string;
  readonly model: string;
  readonly plan: Plan;
  readonly runMs: number;
}

export interface Full {
  /** Whose work it is that leaves no room. */
  readonly by: 'tier' | 'person';
  readonly waitingMs: number;
  readonly boundMs: number;
  /** When there should be room. */
  readonly retryAfterMs: number;
}

const TIERS = ['free', 'starter', 'pro'] as const satisfies Plan[];
/** Of a tier's line, what one person may take: else one could close it to all others. */
const PERSON_SHARE = 0.5;

/** Those that are here; while nobody is, those that are expected back. */
function lanesFor(model: string, lanes: readonly Lane[]): readonly Lane[] {
  const having = lanes.filter(({ models }) => models.has(model));
  const here = having.filter(({ isHere }) => isHere);
  return here.length > 0 ? here : having;
}

const slotsOf = (lanes: readonly Lane[]): number =>
  lanes.reduce((slots, lane) => slots + lane.slots, 0);

/**
 * What a tier's jobs of all models keep the workers of this model busy with, where the line is shortest. The work of
 * a model counts for each of its workers by their slots.
 */
function lineMs(waiting: Backlog['models'][Plan], model: string, lanes: readonly Lane[]): number {
  const [load, hosts] = [new Map<Lane, number>(), lanesFor(model, lanes)];
  for (const name of waiting.names) {
    const others = name === model ? hosts : lanesFor(name, lanes);
    const perSlotMs = waiting.of(name) / Math.max(1, slotsOf(others));
    for (const lane of others) load.set(lane, (load.get(lane) ?? 0) + perSlotMs);
  }
  return hosts.length === 0 ? 0 : Math.min(...hosts.map((lane) => load.get(lane) ?? 0));
}

/** Can it matter at all which plan the person has? Cheap: asked with every job. */
export const isNearBound = (
  backlog: Backlog,
  runMs: number,
  boundsMs: Readonly<Record<Plan, number>>,
): boolean => TIERS.some((plan) => backlog.ofPlan(plan) + runMs > boundsMs[plan] * PERSON_SHARE);

/** Null: there is room. A job of any size may wait where nothing waits before it. */
export function whyFull(
  { accountId, model, plan, runMs }: Newcomer,
  backlog: Backlog,
  lanes: readonly Lane[],
  boundsMs: Readonly<Record<Plan, number>>,
): Full | null {
  const tierBoundMs = boundsMs[plan];
  const slots = Math.max(1, slotsOf(lanesFor(model, lanes)));
  const full = (by: Full['by'], waitingMs: number, boundMs: number): Full | null => {
    if (waitingMs === 0 || waitingMs + runMs / slots <= boundMs) return null;
    // Those of higher tiers go first; then as much of this one has to be done as is too much.
    const aheadMs = TIERS.slice(TIERS.indexOf(plan) + 1)
      .map((tier) => lineMs(backlog.models[tier], model, lanes))
      .reduce((sum, ms) => sum + ms, 0);
    const excessMs = Math.min(waitingMs, waitingMs + runMs / slots - boundMs);
    return { by, waitingMs, boundMs, retryAfterMs: aheadMs + excessMs };
  };
  return (
    full('tier', lineMs(backlog.models[plan], model, lanes), tierBoundMs) ??
    full('person', backlog.ofPerson(accountId) / slots, tierBoundMs * PERSON_SHARE)
  );
}
