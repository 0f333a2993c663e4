// Reading a chart as a picture of it needs it: its states, what leads from one to another, and what that is
// called. Pure; for the diagrams of `README.md` and for the inspector, which draw the same charts.
import { and, not, or, type AnyStateMachine, type StateValue } from 'xstate';

export type Node = AnyStateMachine['root'];
export type Transition = NonNullable<Node['always']>[number];

export const nameOf = (node: Node) => node.path.join('.') || node.key;
export const idOf = (node: Node) => node.path.join('_') || node.key;
export const childrenOf = (node: Node) => Object.values<Node>(node.states);
export const nodesBelow = (node: Node): Node[] => [node, ...childrenOf(node).flatMap(nodesBelow)];
export const isInside = (inner: Node, outer: Node): boolean =>
  inner === outer || (inner.parent !== undefined && isInside(inner.parent, outer));

interface Combined {
  readonly check?: unknown;
  readonly guards?: readonly unknown[];
}

/** `isFree`, or `isUnderWay and not isLoading`: how the chart itself puts it. */
export function guardName(guard: unknown): string {
  if (typeof guard === 'string') return guard;
  const { check, guards = [] } = guard as Combined;
  if (check === (not('') as Combined).check) return `not ${guardName(guards[0])}`;
  const word = check === (and([]) as Combined).check ? 'and' : 'or';
  if (word === 'or' && check !== (or([]) as Combined).check)
    throw new Error('A guard in a chart needs a name: declare it in setup().');
  return guards.map(guardName).join(` ${word} `);
}

/** A delayed transition carries its delay; XState's types do not say so. */
export function eventName(transition: Transition): string {
  const { delay } = transition as Transition & { readonly delay?: string };
  if (delay !== undefined) return `after ${delay}`;
  return transition.eventType;
}

export const transitionsOf = (node: Node): Transition[] => [
  ...[...node.transitions.values()].flat(),
  ...(node.always ?? []),
];

export const moves = ({ target }: Transition): boolean => target !== undefined;

/** Mermaid cannot draw an arrow from a box into itself: those leave from a bubble inside. */
export const isWithin = (source: Node, target: Node): boolean =>
  childrenOf(source).length > 0 && isInside(target, source);

/** As journals and rows write it: `assigned.executing`; regions of a parallel chart are joined by a space. */
export function stateName(value: StateValue): string {
  if (typeof value === 'string') return value;
  return Object.entries(value)
    .map(([key, child]) => (child === undefined ? key : `${key}.${stateName(child)}`))
    .join(' ');
}

/** The way back from `stateName`: dots lead inwards, a space separates regions. */
export function valueOf(state: string): StateValue {
  const regions = state.split(' ').map((path) => path.split('.'));
  const [first] = regions as [string[], ...string[][]];
  if (first.length === 1) return first[0]!;
  const value: Record<string, StateValue> = {};
  for (const [key, ...rest] of regions) value[key!] = valueOf(rest.join('.'));
  return value;
}
