// An actor in memory, and its way to and from a row. The only place that knows the snapshot's JSON.
import type { AnyMachineSnapshot } from 'xstate';
import type { StoredActor } from '../db/store.ts';
import { stateName } from '../machines/chart-reading.ts';
import { refKey, type ActorRef } from '../machines/contract/ids.ts';
import type { ActorEvent } from '../machines/contract/events.ts';
import type { PlannedAction } from './plan.ts';
import { begin } from './step.ts';
import { upcast } from './upcast.ts';
import { REGISTRY, wayForward, type AtRest, type Chart, type Registry } from './versions.ts';

/** By timer name: the revision that armed it, and the event it stands for. */
export type Timers = Readonly<Record<string, readonly [armingId: number, event: string]>>;

/** Immutable: a turn makes a new one. */
export interface Actor {
  readonly ref: ActorRef;
  readonly key: string;
  /** The chart it is written back with. */
  readonly chart: Chart;
  readonly snapshot: AnyMachineSnapshot;
  /** Committed turns; 0 for an actor that exists only in a draft so far. */
  readonly revision: number;
  readonly timers: Timers;
  readonly parked: boolean;
  /** Born or brought forward in memory: the next turn writes it, whatever it does, with these actions. */
  readonly owed: readonly PlannedAction[] | null;
}

/** A new actor as its first event finds it; null when this event does not bring one into being. */
export function bear(
  ref: ActorRef,
  event: ActorEvent,
  registry: Registry = REGISTRY,
): Actor | null {
  const { current: chart, inputFor } = registry[ref.kind];
  const input = inputFor(ref, event);
  if (input === null) return null;
  const [snapshot, actions] = begin(chart.machine, input);
  return {
    ref,
    key: refKey(ref),
    chart,
    snapshot,
    revision: 0,
    timers: {},
    parked: false,
    owed: actions,
  };
}

/** @throws UnknownVersion, and whatever a damaged row makes of itself */
export function restore(row: StoredActor, registry: Registry = REGISTRY): Actor {
  const stored = JSON.parse(row.snapshot) as AtRest;
  const { value, context, status, timers } = stored;
  const { chart, steps } = wayForward(row, status === 'done', registry);
  const { ref, revision, parked } = row;
  const actor = { ref, key: refKey(ref), chart, revision, timers, parked };
  if (steps.length === 0) {
    const snapshot = chart.machine.resolveState({ value, context, status }) as AnyMachineSnapshot;
    return { ...actor, snapshot, owed: null };
  }
  const { snapshot, actions } = upcast(stored, chart, steps);
  return { ...actor, snapshot, owed: actions };
}

/** Stands for a row that cannot be read here, so that its events find somebody who takes no turns. */
export const unreadable = ({ ref, revision }: StoredActor): Actor => ({
  ref,
  key: refKey(ref),
  revision,
  chart: null as never,
  snapshot: null as never,
  timers: {},
  parked: true,
  owed: null,
});

/** What an actor may be at rest. One that gathers more gathers without end, which is a programmer error. */
export const SNAPSHOT_BYTES_MAX = 64 * 1024;

/** @throws when there is too much of it to be stored */
export function persist({ key, snapshot, timers }: Actor): string {
  const { value, context, status } = snapshot;
  const text = JSON.stringify({ value, context, status, timers });
  // No character has more than three bytes here, so most texts need not be counted.
  if (text.length * 3 > SNAPSHOT_BYTES_MAX && Buffer.byteLength(text) > SNAPSHOT_BYTES_MAX)
    throw new Error(
      `The snapshot of ${key} has ${Buffer.byteLength(text)} bytes, and may have ${SNAPSHOT_BYTES_MAX}.`,
    );
  return text;
}

export { stateName };

export const tagsOf = (actor: Actor): string[] => [...actor.snapshot.tags].sort();

export const isSettled = (actor: Actor): boolean => actor.snapshot.status === 'done';

/** Written by other code: it takes no turns here, but it may elsewhere. */
export const isUnreadable = (actor: Actor): boolean => actor.snapshot === null;
