// One journal row per turn: what happened, and why, for whoever looks later.
import type { ActorEvent } from '../machines/contract/events.ts';
import { refKey } from '../machines/contract/ids.ts';
import { stateName, type Actor } from './actor.ts';
import { difference, whole, type Context } from '../machines/contract/patch.ts';
import type { Plan } from './plan.ts';

/** A whole context is about 1 KB: this adds 16 bytes to a turn. */
export const WHOLE_EVERY = 64;

export function journalRow(
  before: Actor | null,
  after: Actor,
  event: ActorEvent & { readonly at: number },
  planned: Plan,
) {
  return {
    component: 0,
    ref: after.ref,
    revision: after.revision,
    event: JSON.stringify(event),
    from: before ? stateName(before.snapshot.value) : '-',
    to: stateName(after.snapshot.value),
    patch: JSON.stringify(patchOf(before, after)),
    effects: JSON.stringify(effectsOf(planned)),
  };
}

/**
 * The whole context at birth, when a newer chart took over, and after every so many turns; else what
 * changed. So a long life can be read from its middle, and dropped days are not missed.
 */
function patchOf(before: Actor | null, after: Actor): Context {
  const context = after.snapshot.context as Context;
  if (!before || before.owed || after.revision % WHOLE_EVERY === 1) return whole(context);
  return difference(before.snapshot.context as Context, context);
}

const effectsOf = ({ tells, postings, orders, settles, armed, cancelled }: Plan) => ({
  ...(tells.length && { tell: tells.map(({ to, event }) => [refKey(to), event.type]) }),
  ...(postings.length && { post: postings.map(({ posting, reason }) => [posting, reason]) }),
  ...(orders.length && { order: orders.map(({ order }) => order.type) }),
  ...(settles.length && { settle: settles.map(({ job, attempt }) => [job, attempt]) }),
  ...(armed.length && { arm: armed.map(({ name, delayMs }) => [name, delayMs]) }),
  ...(cancelled.length && { disarm: cancelled }),
});
