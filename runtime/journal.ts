// One journal row per turn: what happened, and why, for whoever looks later.
import type { ActorEvent } from '../machines/contract/events.ts';
import { refKey } from '../machines/contract/ids.ts';
import { stateName, type Actor } from './actor.ts';
import type { Plan } from './plan.ts';

export function journalRow(
  before: Actor | null,
  after: Actor,
  event: ActorEvent & { readonly at: number },
  planned: Plan,
) {
  return {
    ref: after.ref,
    revision: after.revision,
    event: JSON.stringify(event),
    from: before ? stateName(before.snapshot.value) : '-',
    to: stateName(after.snapshot.value),
    patch: JSON.stringify(patch(before?.snapshot.context, after.snapshot.context)),
    effects: JSON.stringify(effectsOf(planned)),
  };
}

type Context = Readonly<Record<string, unknown>>;

const isRecord = (value: unknown): value is Context =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/** Keys that changed, two levels deep: a context is { spec, run } and only `run` moves. */
function patch(before: Context | undefined, after: Context): Context {
  const changed: Record<string, unknown> = {};
  for (const [key, value] of Object.entries(after)) {
    const old = before?.[key];
    if (old === value) continue;
    if (!isRecord(old) || !isRecord(value)) changed[key] = value;
    else changed[key] = Object.fromEntries(Object.entries(value).filter(([k, v]) => old[k] !== v));
  }
  return changed;
}

const effectsOf = ({ tells, postings, orders, settles, armed, cancelled }: Plan) => ({
  ...(tells.length && { tell: tells.map(({ to, event }) => [refKey(to), event.type]) }),
  ...(postings.length && { post: postings.map(({ posting, reason }) => [posting, reason]) }),
  ...(orders.length && { order: orders.map(({ order }) => order.type) }),
  ...(settles.length && { settle: settles.map(({ job, attempt }) => [job, attempt]) }),
  ...(armed.length && { arm: armed.map(({ name, delayMs }) => [name, delayMs]) }),
  ...(cancelled.length && { disarm: cancelled }),
});
