// Brings a stored actor forward to a newer chart, with its timers. XState arms a timer when a state is
// entered and never when it is restored, so an `after` that a deploy added to the state an actor rests in
// would never go off, and one that was taken away would go off for nothing.
import assert from 'node:assert/strict';
import type { AnyMachineSnapshot, AnyStateMachine } from 'xstate';
import type { PlannedAction } from './plan.ts';
import type { AtRest, Chart, Upcast } from './versions.ts';

/** What XState calls the timers of `after`, and no others. */
const AFTER = 'xstate.after.';

type Node = AnyMachineSnapshot['_nodes'][number];

interface Delayed {
  /** Also the name of its timer. */
  readonly eventType: string;
  readonly delay: string | number;
}

/** The `after`s of the states that a snapshot is in. */
export const activeAfters = (snapshot: AnyMachineSnapshot): readonly Delayed[] => {
  const all = snapshot._nodes.flatMap((node: Node) => node.after as readonly Delayed[]);
  return [...new Map(all.map((each) => [each.eventType, each])).values()];
};

/**
 * @returns the actor as the chart knows it, and what its next turn has to write besides: timers to arm and
 * to disarm, as actions, so that they pass through `plan` like any others
 */
export function upcast(
  stored: AtRest,
  { machine }: Chart,
  steps: readonly Upcast[],
): { readonly snapshot: AnyMachineSnapshot; readonly actions: readonly PlannedAction[] } {
  const armed = new Map<string, PlannedAction>();
  let now: AtRest = stored;
  for (const step of steps) {
    const { arm = [], ...next } = step(now);
    now = next;
    for (const { id, event, delayMs } of arm) armed.set(id, raise(id, event, delayMs));
  }
  const { value, context, status } = now;
  const snapshot = machine.resolveState({ value, context, status }) as AnyMachineSnapshot;
  // What a later step takes away again, an earlier one need not arm.
  const wanted = status === 'done' ? [] : activeAfters(snapshot);
  const names = new Set(wanted.map(({ eventType }) => eventType));
  const gone = Object.keys(stored.timers).filter(
    (name) =>
      status === 'done' || (name.startsWith(AFTER) ? !names.has(name) : !(name in now.timers)),
  );
  for (const each of wanted)
    if (!(each.eventType in now.timers) || !(each.eventType in stored.timers))
      armed.set(
        each.eventType,
        raise(each.eventType, each.eventType, delayOf(each, machine, snapshot)),
      );
  checkTimers(machine, names, [
    ...Object.keys(stored.timers).filter((name) => !gone.includes(name)),
    ...armed.keys(),
  ]);
  return {
    snapshot,
    actions: [
      ...gone.map((sendId) => ({ type: 'xstate.cancel', params: { sendId } })),
      ...armed.values(),
    ],
  };
}

/** Each `after` of an active state has its timer, and no other has one (I12). */
function checkTimers(machine: AnyStateMachine, wanted: Set<string>, all: readonly string[]): void {
  const armed = new Set(all.filter((name) => name.startsWith(AFTER)));
  assert.deepEqual([...armed].sort(), [...wanted].sort(), `${machine.id}: timers after an upcast`);
}

const raise = (id: string, type: string, delay: number): PlannedAction => ({
  type: 'xstate.raise',
  params: { id, event: { type }, delay },
});

/** As XState would find it on entering the state. */
function delayOf(
  { delay }: Delayed,
  machine: AnyStateMachine,
  snapshot: AnyMachineSnapshot,
): number {
  if (typeof delay === 'number') return delay;
  const named = machine.implementations.delays[delay] as
    number | ((args: object, params: undefined) => number) | undefined;
  const ms =
    typeof named === 'function'
      ? named({ context: snapshot.context as object, event: { type: 'upcast' } }, undefined)
      : (named ?? Number(delay));
  if (!Number.isFinite(ms)) throw new Error(`${machine.id} has no delay ${delay}.`);
  return ms;
}
