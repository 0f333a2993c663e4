// Which charts this code knows, by kind and version. Every stored actor names the chart that wrote it.
//
// A job keeps the chart it began with: earlier ones stay in the code (`machines/job/versions/v1.ts`, …) until
// no job that began with them can be alive, that is for the longest deadline after the deploy; ended ones are
// brought forward when they are read. Accounts and workers never end: their snapshots are brought forward,
// one version at a time, when they are loaded, and are written so with their next turn.
import type { AnyMachineSnapshot, AnyStateMachine } from 'xstate';
import type { StoredActor } from '../db/store.ts';
import { refKey, type ActorKind, type ActorRef } from '../machines/contract/ids.ts';
import type { ActorEvent, JobSpec } from '../machines/contract/events.ts';
import { jobMachine } from '../machines/job/machine.ts';
import { allowancesOf, type PlanTable } from '../machines/contract/plans.ts';
import { quotaMachine, quotaMachineFor } from '../machines/quota/machine.ts';
import { subscriptionMachine } from '../machines/subscription/machine.ts';
import { workerMachine } from '../machines/worker/machine.ts';
import type { Timers } from './actor.ts';

export interface Chart {
  readonly machine: AnyStateMachine;
  readonly version: number;
}

/** What an actor is at rest, besides its envelope. */
export interface AtRest {
  readonly value: AnyMachineSnapshot['value'];
  readonly context: AnyMachineSnapshot['context'];
  readonly status: 'active' | 'done';
  readonly timers: Timers;
}

/** Pure, from one version to the next. Timers of `after` are seen to by `upcast.ts`; any others here. */
export type Upcast = (stored: AtRest) => AtRest & {
  /** Delayed raises that the next version would have under way here. */
  readonly arm?: readonly {
    readonly id: string;
    readonly event: string;
    readonly delayMs: number;
  }[];
};

export interface Charts {
  /** What new actors begin with. */
  readonly current: Chart;
  /** A kind whose actors end: charts that those of earlier versions go on with. */
  readonly pinned?: readonly Chart[];
  /** By the version they lead on from. Of a kind that ends, only ended actors take them: for readers. */
  readonly upcasts?: Readonly<Record<number, Upcast>>;
  /** Input of a new actor, or null when this event does not bring one into being. */
  readonly inputFor: (ref: ActorRef, event: ActorEvent) => object | null;
}

export type Registry = Readonly<Record<ActorKind, Charts>>;

/** Raise a version with every change of its chart: `ops/golden-testing.ts` says when, and how. */
export const REGISTRY: Registry = {
  job: {
    current: { machine: jobMachine, version: 1 },
    pinned: [],
    inputFor: (_, event): JobSpec | null =>
      event.type === 'job.submitRequested' ? event.spec : null,
  },
  worker: {
    current: { machine: workerMachine, version: 1 },
    inputFor: (ref, event) => (event.type === 'worker.connected' ? { id: ref.id } : null),
  },
  quota: {
    current: { machine: quotaMachine, version: 1 },
    inputFor: (ref): { accountId: string } => ({
      accountId: ref.accountId,
    }),
  },
  subscription: {
    current: { machine: subscriptionMachine, version: 1 },
    inputFor: (ref): { accountId: string } => ({ accountId: ref.accountId }),
  },
};

/** The charts where the operator's plans give something else than usual. */
export function registryFor(plans: PlanTable): Registry {
  const { quota } = REGISTRY;
  const machine = quotaMachineFor(allowancesOf(plans));
  return { ...REGISTRY, quota: { ...quota, current: { ...quota.current, machine } } };
}

/** Newer code wrote it, or code that is no longer here. It is left alone: another runtime may run it. */
export class UnknownVersion extends Error {
  override readonly name = 'UnknownVersion';
}

/** The chart that a stored actor goes on with, and the steps that bring it there. */
export function wayForward(
  { ref, machine, version }: Pick<StoredActor, 'ref' | 'machine' | 'version'>,
  hasEnded: boolean,
  registry: Registry,
): { readonly chart: Chart; readonly steps: readonly Upcast[] } {
  const { current, pinned, upcasts = {} } = registry[ref.kind];
  if (machine === current.machine.id) {
    const chart = [current, ...(pinned ?? [])].find((each) => each.version === version);
    if (chart) return { chart, steps: [] };
    const steps = stepsBetween(version, current.version, upcasts);
    if (steps && (pinned === undefined || hasEnded)) return { chart: current, steps };
  }
  throw new UnknownVersion(
    `${refKey(ref)} was written by ${machine}@${version}; ` +
      `this runtime knows ${current.machine.id}@${current.version}.`,
  );
}

function stepsBetween(from: number, to: number, upcasts: NonNullable<Charts['upcasts']>) {
  const steps: Upcast[] = [];
  for (let at = from; at < to; at++) {
    const step = upcasts[at];
    if (!step) return null;
    steps.push(step);
  }
  return from < to ? steps : null;
}
