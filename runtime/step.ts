// The pure step: what `transition()` of xstate does, with one scope per machine instead of a throw-away
// actor per call, which would cost as much as the transition itself. `step.test.ts` compares the two.
// And the pure beginning. Both are bounded: a chart that never comes to rest throws.
import {
  createActor,
  type AnyActorScope,
  type AnyMachineSnapshot,
  type AnyStateMachine,
  type EventObject,
} from 'xstate';
import type { PlannedAction } from './plan.ts';

type Scope = Omit<AnyActorScope, 'actionExecutor'> & {
  actionExecutor: (action: PlannedAction) => void;
};

/** More than any chart takes from one stable state to the next; without it `always` may go round for ever. */
const MICROSTEPS_MAX = 1_000;

const scopes = new WeakMap<AnyStateMachine, Scope>();

function scopeOf(machine: AnyStateMachine): Scope {
  const known = scopes.get(machine);
  if (known) return known;
  machine.options = { ...machine.options, maxIterations: MICROSTEPS_MAX };
  const self = createActor(machine);
  const nothing = () => undefined;
  const scope: Scope = {
    self,
    system: self.system,
    id: '',
    sessionId: '',
    logger: nothing,
    defer: nothing,
    emit: nothing,
    stopChild: nothing,
    actionExecutor: nothing,
  };
  scopes.set(machine, scope);
  return scope;
}

/** A new actor's first snapshot, and the actions of its initial state. */
export function begin(
  machine: AnyStateMachine,
  input: object,
): readonly [AnyMachineSnapshot, readonly PlannedAction[]] {
  const scope = scopeOf(machine);
  const actions: PlannedAction[] = [];
  scope.actionExecutor = (action) => void actions.push(action);
  const snapshot = machine.getInitialSnapshot(scope as AnyActorScope, input) as AnyMachineSnapshot;
  // Here xstate does not throw what went wrong, but keeps it.
  if (snapshot.status === 'error') throw snapshot.error;
  return [snapshot, actions];
}

/** Runs nothing: the actions come back as data, their params resolved. Throws what a chart throws. */
export function step(
  machine: AnyStateMachine,
  snapshot: AnyMachineSnapshot,
  event: EventObject,
): readonly [AnyMachineSnapshot, readonly PlannedAction[]] {
  const scope = scopeOf(machine);
  const actions: PlannedAction[] = [];
  scope.actionExecutor = (action) => void actions.push(action);
  const next = machine.transition(snapshot, event, scope as AnyActorScope);
  return [next as AnyMachineSnapshot, actions];
}
