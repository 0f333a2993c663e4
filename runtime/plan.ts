// Pure: the actions of one transition -> what the turn must write, tell and answer. An effect that is
// not listed here is a programmer error and stops the turn.
import type { ActorEvent } from '../machines/contract/events.ts';
import type { ActorRef } from '../machines/contract/ids.ts';
import type { Effects, EffectType, Posting, Refusal } from '../machines/effect.ts';
import type { Timers } from './actor.ts';

/** An action as `transition()` returns it; its params are already resolved. */
export interface PlannedAction {
  readonly type: string;
  readonly params?: unknown;
}

export interface Plan {
  readonly tells: { readonly to: ActorRef; readonly event: ActorEvent }[];
  readonly postings: Posting[];
  readonly orders: Effects['worker.order'][];
  readonly settles: Effects['worker.settle'][];
  readonly armed: { readonly name: string; readonly delayMs: number }[];
  readonly cancelled: string[];
  /** Timers of the actor after this turn. */
  timers: Timers;
  refusal: Refusal | null;
}

/** XState's own two actions that a persisted chart may produce: `after` and delayed `raise`. */
interface Raise {
  readonly event: { readonly type: string };
  readonly id: string;
  readonly delay?: number;
}

const EFFECTS: { [T in EffectType]: (plan: Plan, params: Effects[T]) => void } = {
  'actor.tell': (plan, params) => void plan.tells.push(params),
  'ledger.post': (plan, params) => void plan.postings.push(params),
  'worker.order': (plan, params) => void plan.orders.push(params),
  'worker.settle': (plan, params) => void plan.settles.push(params),
  'caller.refuse': (plan, params) => void (plan.refusal = params),
};

/**
 * @param timers the actor's timers before the turn
 * @param revision the turn's own revision: the arming id of what it arms
 */
export function plan(actions: readonly PlannedAction[], timers: Timers, revision: number): Plan {
  const result: Plan = {
    tells: [],
    postings: [],
    orders: [],
    settles: [],
    armed: [],
    cancelled: [],
    timers,
    refusal: null,
  };
  for (const { type, params } of actions) {
    if (type === 'xstate.raise') arm(result, params as Raise, revision);
    else if (type === 'xstate.cancel') disarm(result, (params as { sendId: string }).sendId);
    else if (Object.hasOwn(EFFECTS, type))
      (EFFECTS[type as EffectType] as (plan: Plan, params: unknown) => void)(result, params);
    else throw new Error(`Nothing is planned for the action ${type}.`);
  }
  return result;
}

/** XState reuses a timer's name on every visit of a state, so each arming gets an id of its own. */
function arm(result: Plan, { event, id, delay }: Raise, revision: number): void {
  if (delay === undefined) throw new Error(`${event.type} was raised without a delay.`);
  disarm(result, id);
  result.timers = { ...result.timers, [id]: [revision, event.type] };
  result.armed.push({ name: id, delayMs: Math.max(0, Math.ceil(delay)) });
}

function disarm(result: Plan, name: string): void {
  const armedNow = result.armed.findIndex((each) => each.name === name);
  if (armedNow >= 0) result.armed.splice(armedNow, 1);
  if (!(name in result.timers)) return;
  const { [name]: _, ...rest } = result.timers;
  result.timers = rest;
  if (!result.cancelled.includes(name)) result.cancelled.push(name);
}
