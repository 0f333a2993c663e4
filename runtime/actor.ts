// An actor in memory, and its way to and from a row. The only place that knows the snapshot's JSON.
import { initialTransition, type AnyMachineSnapshot, type AnyStateMachine } from 'xstate';
import type { StoredActor } from '../db/store.ts';
import { refKey, type ActorKind, type ActorRef } from '../machines/contract/ids.ts';
import type { ActorEvent, JobSpec } from '../machines/contract/events.ts';
import { jobMachine } from '../machines/job/machine.ts';
import { quotaMachine } from '../machines/quota/machine.ts';
import { workerMachine } from '../machines/worker/machine.ts';

/** By timer name: the revision that armed it, and the event it stands for. */
export type Timers = Readonly<Record<string, readonly [armingId: number, event: string]>>;

/** Immutable: a turn makes a new one. */
export interface Actor {
  readonly ref: ActorRef;
  readonly key: string;
  readonly snapshot: AnyMachineSnapshot;
  /** Committed turns; 0 for an actor that exists only in a draft so far. */
  readonly revision: number;
  readonly timers: Timers;
  readonly parked: boolean;
}

interface Chart {
  readonly machine: AnyStateMachine;
  /** Raise it with a change that older snapshots do not survive, and add an upcast. */
  readonly version: number;
  /** Input of a new actor, or null when this event does not bring one into being. */
  readonly inputFor: (ref: ActorRef, event: ActorEvent) => object | null;
}

export const CHARTS: Readonly<Record<ActorKind, Chart>> = {
  job: {
    machine: jobMachine,
    version: 1,
    inputFor: (_, event): JobSpec | null =>
      event.type === 'job.submitRequested' ? event.spec : null,
  },
  worker: {
    machine: workerMachine,
    version: 1,
    inputFor: (ref, event) => (event.type === 'worker.connected' ? { id: ref.id } : null),
  },
  quota: {
    machine: quotaMachine,
    version: 1,
    inputFor: (ref): { accountId: string } => ({
      accountId: ref.accountId,
    }),
  },
};

/** A new actor as its first event finds it, with the timers of its initial state. */
export function bear(ref: ActorRef, event: ActorEvent) {
  const { machine, inputFor } = CHARTS[ref.kind];
  const input = inputFor(ref, event);
  if (input === null) return null;
  const [snapshot, actions] = initialTransition(machine, input);
  const actor: Actor = {
    ref,
    key: refKey(ref),
    snapshot: snapshot as AnyMachineSnapshot,
    revision: 0,
    timers: {},
    parked: false,
  };
  return { actor, actions };
}

export class UnknownVersion extends Error {
  override readonly name = 'UnknownVersion';
}

export function restore(row: StoredActor): Actor {
  const chart = CHARTS[row.ref.kind];
  if (row.machine !== chart.machine.id || row.version !== chart.version)
    throw new UnknownVersion(
      `${refKey(row.ref)} was written by ${row.machine}@${row.version}; ` +
        `this runtime knows ${chart.machine.id}@${chart.version}.`,
    );
  const { value, context, status, timers } = JSON.parse(row.snapshot) as Persisted;
  return {
    ref: row.ref,
    key: refKey(row.ref),
    snapshot: chart.machine.resolveState({ value, context, status }) as AnyMachineSnapshot,
    revision: row.revision,
    timers,
    parked: row.parked,
  };
}

interface Persisted {
  readonly value: AnyMachineSnapshot['value'];
  readonly context: AnyMachineSnapshot['context'];
  readonly status: 'active' | 'done';
  readonly timers: Timers;
}

export function persist({ snapshot, timers }: Actor): string {
  const { value, context, status } = snapshot;
  return JSON.stringify({ value, context, status, timers });
}

/** `assigned.executing`; regions of a parallel chart are joined by a space. */
export function stateName(value: AnyMachineSnapshot['value']): string {
  if (typeof value === 'string') return value;
  return Object.entries(value)
    .map(([key, child]) => (child === undefined ? key : `${key}.${stateName(child)}`))
    .join(' ');
}

export const tagsOf = (actor: Actor): string[] => [...actor.snapshot.tags].sort();

export const isSettled = (actor: Actor): boolean => actor.snapshot.status === 'done';

/** Written by other code: it takes no turns here, but it may elsewhere. */
export const isUnreadable = (actor: Actor): boolean => actor.snapshot === null;
