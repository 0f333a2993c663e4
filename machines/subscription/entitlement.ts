// What somebody is entitled to, out of what providers last said. Pure, and blind to the order in which it was
// said: of each subscription the latest report counts, and the plan is the best of those that are paid.
import type { Plan } from '../contract/events.ts';
import type { PaidPlan, Rail, SubscriptionReport } from '../contract/payments.ts';
import { withEntry, without } from '../records.ts';

const DAY_MS = 86_400_000;
/** After the end of a paid period, while the provider goes on trying to be paid. */
export const GRACE_MS = 3 * DAY_MS;
/** Where nothing will change by itself it is looked at again, for nothing. */
const LOOK_AGAIN_MS = 30 * DAY_MS;
/** Subscriptions that are remembered; on some rails each month is one of its own. */
export const SOURCES_MAX = 40;

const RANK = { free: 0, starter: 1, pro: 2 } as const satisfies Record<Plan, number>;

/** A subscription as it was last reported. */
export type Source = SubscriptionReport;
export type Sources = Readonly<Record<string, Source>>;

export const keyOf = ({ rail, id }: { readonly rail: Rail; readonly id: string }): string =>
  `${rail}:${id}`;

/** Whether a subscription carries its plan now: paid for, or only out of patience. */
export function coverage(source: Source, at: number): 'paid' | 'grace' | null {
  const { standing, paidUntil, renews } = source;
  if (standing !== 'running') return null;
  if (paidUntil === null || at < paidUntil) return 'paid';
  return renews && at < paidUntil + GRACE_MS ? 'grace' : null;
}

interface Entitlement {
  readonly plan: PaidPlan;
  readonly by: 'paid' | 'grace';
}

/** The best plan that anything carries; of two equal ones the paid one. Null: the free plan. */
export function entitlementOf(sources: Sources, at: number): Entitlement | null {
  let best: Entitlement | null = null;
  for (const source of Object.values(sources)) {
    const by = coverage(source, at);
    if (by === null) continue;
    const isBetter =
      best === null ||
      RANK[source.plan] > RANK[best.plan] ||
      (source.plan === best.plan && best.by === 'grace' && by === 'paid');
    if (isBetter) best = { plan: source.plan, by };
  }
  return best;
}

/** When the passing of time alone may change the entitlement next. */
export function nextChangeAt(sources: Sources, at: number): number {
  const ends = Object.values(sources).flatMap(({ standing, paidUntil, renews }) =>
    standing !== 'running' || paidUntil === null
      ? []
      : [paidUntil, ...(renews ? [paidUntil + GRACE_MS] : [])],
  );
  return Math.min(at + LOOK_AGAIN_MS, ...ends.filter((end) => end > at));
}

/** True once anything was ever paid for, though nothing may be now. */
export const hasPaid = (sources: Sources): boolean =>
  Object.values(sources).some(({ standing }) => standing !== 'pending');

/** With the report, unless one as late is known; null when that changes nothing. */
export function withReport(sources: Sources, report: Source, at: number): Sources | null {
  const key = keyOf(report);
  const known = sources[key];
  if (known && known.asOf >= report.asOf) return null;
  const next = withEntry(sources, key, report);
  if (Object.keys(next).length <= SOURCES_MAX) return next;
  const [oldest] = Object.entries(next).sort(
    ([, a], [, b]) =>
      Number(coverage(a, at) !== null) - Number(coverage(b, at) !== null) ||
      (a.paidUntil ?? Infinity) - (b.paidUntil ?? Infinity),
  );
  return oldest![0] === key ? null : without(next, oldest![0]);
}
