// What an inspector is told: the shapes of the Stately inspection protocol, as `@statelyai/inspect` sends
// and reads them (`StatelyInspectionEvent`). Microsteps are not told: the journal keeps whole turns, and a
// state that was only passed through leaves no row.
import type { AnyStateMachine } from 'xstate';
import { refKey, type ActorRef } from '../../machines/contract/ids.ts';
import type { InspectedSnapshot, Machine, Step } from './fold.ts';

/** Of the protocol: the release of `@statelyai/inspect` whose shapes these are. */
const VERSION = '0.7.2';

interface Base {
  readonly _version: string;
  /** Unique, and the same whenever the same thing is told again. */
  readonly id: string;
  readonly sessionId: string;
  readonly rootId: string;
  /** Milliseconds since 1970, as text. */
  readonly createdAt: string;
  /** Ours: the turn, to go on from. */
  readonly revision: number;
}

export type InspectionFrame =
  | (Base & {
      readonly type: '@xstate.actor';
      readonly name: string;
      readonly snapshot: InspectedSnapshot | { readonly status: 'active' };
      /** The chart as JSON text. */
      readonly definition: string | undefined;
      readonly parentId: undefined;
    })
  | (Base & {
      readonly type: '@xstate.event';
      readonly event: Step['event'];
      /** The actor that told it, when it was told inside the same commit and that is known. */
      readonly sourceId: string | undefined;
    })
  | (Base & {
      readonly type: '@xstate.snapshot';
      readonly event: Step['event'];
      readonly snapshot: InspectedSnapshot;
    });

const base = (ref: ActorRef, revision: number, what: string, at: number): Base => ({
  _version: VERSION,
  id: `${refKey(ref)}@${revision}/${what}`,
  sessionId: refKey(ref),
  rootId: refKey(ref),
  createdAt: String(Math.trunc(at)),
  revision,
});

/** @param snapshot null for an actor that is about to be born */
export const actorFrame = (
  ref: ActorRef,
  machine: Machine,
  revision: number,
  snapshot: InspectedSnapshot | null,
  at: number,
): InspectionFrame => ({
  type: '@xstate.actor',
  ...base(ref, revision, 'actor', at),
  name: `${ref.kind} ${ref.id}`,
  snapshot: snapshot ?? { status: 'active' },
  definition: machine ? definitionOf(machine) : undefined,
  parentId: undefined,
});

export const stepFrames = (
  ref: ActorRef,
  { revision, event, snapshot }: Step,
  source?: string,
): InspectionFrame[] => [
  {
    type: '@xstate.event',
    ...base(ref, revision, 'event', event.at),
    event,
    sourceId: source,
  },
  { type: '@xstate.snapshot', ...base(ref, revision, 'snapshot', event.at), event, snapshot },
];

const definitions = new WeakMap<AnyStateMachine, string>();

/** As the protocol writes charts: functions stand there by their name. */
function definitionOf(machine: AnyStateMachine): string {
  const known = definitions.get(machine);
  if (known !== undefined) return known;
  const text = JSON.stringify(machine.config, (_, value: unknown) =>
    typeof value === 'function' ? { type: value.name } : value,
  );
  definitions.set(machine, text);
  return text;
}
