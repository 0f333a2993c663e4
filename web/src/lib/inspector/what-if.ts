// An event sent to a copy: what the chart would do, computed here by the machine itself. `transition()` is
// pure, so nothing is told to anybody.
import { transition, type AnyMachineSnapshot, type AnyStateMachine } from 'xstate';
import { stateName, valueOf } from '../../../../machines/chart-reading.ts';
import type { Context } from '../../../../machines/contract/patch.ts';
import { changesBetween, type Change } from './journal.ts';

export interface Outcome {
  readonly state: string;
  readonly moved: boolean;
  readonly changes: readonly Change[];
  /** What it would set off, as the turn would plan it. */
  readonly effects: readonly { readonly type: string; readonly params: unknown }[];
}

/** Events that the chart knows here, those that do something in this state first. */
export function eventsIn(machine: AnyStateMachine, state: string, context: Context): string[] {
  const here = new Set(
    snapshotOf(machine, state, context)._nodes.flatMap((node) => node.ownEvents as string[]),
  );
  const all = machine.events.filter((type) => !type.startsWith('xstate.init'));
  return [...all.filter((type) => here.has(type)), ...all.filter((type) => !here.has(type))];
}

const snapshotOf = (machine: AnyStateMachine, state: string, context: Context) =>
  machine.resolveState({ value: valueOf(state), context }) as AnyMachineSnapshot;

/** @throws what the chart throws: in a turn, the actor would be parked with this event */
export function whatIf(
  machine: AnyStateMachine,
  at: { readonly state: string; readonly context: Context },
  event: { readonly type: string },
): Outcome {
  const [next, actions] = transition(machine, snapshotOf(machine, at.state, at.context), {
    ...event,
    at: Date.now(),
  });
  const state = stateName((next as AnyMachineSnapshot).value);
  return {
    state,
    moved: state !== at.state,
    changes: changesBetween(at.context, (next as AnyMachineSnapshot).context),
    effects: actions.map(({ type, params }) => ({ type, params })),
  };
}
