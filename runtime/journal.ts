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

/** What differs, key by key, as in a JSON merge patch (RFC 7396): a key that went away is null. */
function patch(before: unknown, after: Context): Context {
  if (!isRecord(before)) return after;
  const changed: Record<string, unknown> = {};
  for (const key of Object.keys(after)) {
    const [old, now] = [before[key], after[key]];
    if (old !== now) changed[key] = isRecord(old) && isRecord(now) ? patch(old, now) : now;
  }
  for (const key of Object.keys(before)) if (!(key in after)) changed[key] = null;
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
