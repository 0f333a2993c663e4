// What the tests of the charts share: one step as the turn takes it, and the types of a total table.
// Every step goes through the stored form and back, so what does not survive it shows everywhere.
import {
  initialTransition,
  transition,
  type AnyMachineSnapshot,
  type AnyStateMachine,
  type EventFromLogic,
  type InputFrom,
  type SnapshotFrom,
  type StateMachine,
} from 'xstate';
import { nodesBelow } from './chart-reading.ts';
import type { EffectType, Effects } from './effect.ts';

// --- the types of a total table -----------------------------------------------------------------

/** `assigned.executing` for `{ assigned: 'executing' }`; of parallel regions, each one's. */
export type Leaf<Value> = Value extends string
  ? Value
  : { [Key in keyof Value & string]: `${Key}.${Leaf<Value[Key]>}` }[keyof Value & string];

export type StateOf<Machine extends AnyStateMachine> = Leaf<SnapshotFrom<Machine>['value']>;

/* eslint-disable @typescript-eslint/no-explicit-any -- the other thirteen do not matter here */
/** The names of a chart's delays: each is a timer that may go off, early or late, in any state. */
export type TimerOf<Machine> =
  Machine extends StateMachine<
    any,
    any,
    any,
    any,
    any,
    any,
    infer Delay,
    any,
    any,
    any,
    any,
    any,
    any,
    any
  >
    ? Delay
    : never;
/* eslint-enable @typescript-eslint/no-explicit-any */

export type ColumnOf<Machine extends AnyStateMachine> =
  EventFromLogic<Machine>['type'] | TimerOf<Machine>;

/** No cell may be left out. A state's own name means: handled in place. */
export type TotalTable<Machine extends AnyStateMachine> = Record<
  StateOf<Machine>,
  Record<ColumnOf<Machine>, StateOf<Machine> | 'ignored'>
>;

// --- one step -----------------------------------------------------------------------------------

/** What a step says to the outside, in order; timers without XState's own words. */
export type Said =
  | { [T in EffectType]: readonly [T, Effects[T]] }[EffectType]
  | readonly ['arm', name: string, delayMs: number]
  | readonly ['disarm', name: string];

export interface Step<Machine extends AnyStateMachine> {
  readonly snapshot: SnapshotFrom<Machine>;
  readonly said: readonly Said[];
  /** The same snapshot and not a word: the turn writes nothing. */
  readonly isIgnored: boolean;
}

export function deepFreeze<T>(value: T): T {
  if (typeof value !== 'object' || value === null || Object.isFrozen(value)) return value;
  Object.freeze(value);
  for (const each of Object.values(value)) deepFreeze(each);
  return value;
}

/** Objects and arrays that both hold, at any depth. */
export function sharedObjects(one: object, other: object): object[] {
  const inside = (value: unknown): object[] =>
    typeof value === 'object' && value !== null
      ? [value, ...Object.values(value).flatMap(inside)]
      : [];
  const known = new Set(inside(one));
  return inside(other).filter((each) => known.has(each));
}

/** As it comes back from the database. */
export function restored<Machine extends AnyStateMachine>(
  machine: Machine,
  snapshot: SnapshotFrom<Machine>,
): SnapshotFrom<Machine> {
  const { value, context, status } = snapshot as AnyMachineSnapshot;
  const stored = JSON.parse(JSON.stringify({ value, context, status })) as object;
  return machine.resolveState(stored as never) as SnapshotFrom<Machine>;
}

/** Takes one step from what was stored. Frozen, so a step that edits its input throws. */
export function take<Machine extends AnyStateMachine>(
  machine: Machine,
  from: SnapshotFrom<Machine>,
  event: object,
): Step<Machine> {
  const before = restored(machine, from) as AnyMachineSnapshot;
  deepFreeze([before.value, before.context]);
  const [snapshot, actions] = transition(machine, before as never, deepFreeze(event) as never);
  return {
    snapshot,
    said: actions.map(sayOf),
    isIgnored: (snapshot as unknown) === before && actions.length === 0,
  };
}

/** Takes the steps one after the other; `said` is what was said in all of them. */
export function takeAll<Machine extends AnyStateMachine>(
  machine: Machine,
  from: SnapshotFrom<Machine>,
  events: readonly object[],
): Step<Machine> {
  let step: Step<Machine> = { snapshot: from, said: [], isIgnored: true };
  for (const event of events) {
    const next = take(machine, step.snapshot, event);
    step = {
      snapshot: next.snapshot,
      said: [...step.said, ...next.said],
      isIgnored: step.isIgnored && next.isIgnored,
    };
  }
  return step;
}

export function begin<Machine extends AnyStateMachine>(
  machine: Machine,
  input: InputFrom<Machine>,
): Step<Machine> {
  const [snapshot, actions] = initialTransition(machine, deepFreeze(input) as never);
  return {
    snapshot,
    said: actions.map(sayOf),
    isIgnored: false,
  };
}

function sayOf({ type, params }: { readonly type: string; readonly params?: unknown }): Said {
  if (type === 'xstate.raise') {
    const { id, delay } = params as { id: string; delay: number };
    return ['arm', id, delay];
  }
  if (type === 'xstate.cancel') return ['disarm', (params as { sendId: string }).sendId];
  return [type, params] as unknown as Said;
}

/** Only what was said to the outside by effects of one kind. */
export const effectsOf = <T extends EffectType>(said: readonly Said[], type: T): Effects[T][] =>
  said.flatMap(([each, params]) => (each === type ? [params as Effects[T]] : []));

/** The events told to others, in order. */
export const toldBy = (said: readonly Said[]): string[] =>
  effectsOf(said, 'actor.tell').map(({ event }) => event.type);

// --- ways ---------------------------------------------------------------------------------------

interface Place<Walker> {
  readonly walker: Walker;
  readonly next: Map<object, Place<Walker>>;
}

interface Way {
  readonly steps: readonly { readonly event: object }[];
}

/** Walks many ways of `xstate/graph`; what they share at their beginnings is walked once. */
export function walkAll<Walker>(
  ways: readonly Way[],
  start: Walker,
  step: (from: Walker, event: object) => Walker,
  arrive: (walker: Walker, way: string) => void,
): void {
  const root: Place<Walker> = { walker: start, next: new Map() };
  for (const { steps } of ways) {
    // The first step is XState's own: it leads to the initial state.
    const events = steps.slice(1).map(({ event }) => event);
    let place = root;
    for (const event of events) {
      const next = place.next.get(event) ?? { walker: step(place.walker, event), next: new Map() };
      place.next.set(event, next);
      place = next;
    }
    arrive(place.walker, events.map((event) => (event as { type: string }).type).join(' > '));
  }
}

// --- names --------------------------------------------------------------------------------------

/** Every leaf the chart has, by the names that `StateOf` knows. */
export const leavesOf = (machine: AnyStateMachine): string[] =>
  nodesBelow(machine.root)
    .filter((node) => node.type === 'atomic' || node.type === 'final')
    .map((node) => node.path.join('.'));

/** `assigned.executing`; of parallel regions, each one's. */
export function leavesIn(value: unknown, prefix = ''): string[] {
  if (typeof value === 'string') return [prefix + value];
  return Object.entries(value as object).flatMap(([key, child]) =>
    leavesIn(child, `${prefix}${key}.`),
  );
}

/** The event that a delay raises. Each delay belongs to one state, so its name is enough. */
export function timerEvent(machine: AnyStateMachine, delay: string): string {
  const events = nodesBelow(machine.root)
    .flatMap((node) => node.after)
    .filter((transition) => transition.delay === delay)
    .map((transition) => transition.eventType);
  const [event, ...others] = [...new Set(events)];
  if (event === undefined || others.length > 0)
    throw new Error(`${machine.id}: the delay ${delay} must belong to exactly one state.`);
  return event;
}
