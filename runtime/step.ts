// The pure step: what `transition()` of xstate does, with one scope per machine instead of a throw-away
// actor per call, which would cost as much as the transition itself. `step.test.ts` compares the two.
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

const scopes = new WeakMap<AnyStateMachine, Scope>();

function scopeOf(machine: AnyStateMachine): Scope {
  const known = scopes.get(machine);
  if (known) return known;
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
