// Pure: an actor's journal -> the snapshots it went through. The journal holds what each turn changed;
// folded together, that is what the actor is (a test compares the two for every actor of a whole run).
import type { AnyStateMachine, StateValue } from 'xstate';
import type { JournalWrite } from '../../db/store.ts';
import { valueOf } from '../../machines/chart-reading.ts';
import { patched, type Context } from '../../machines/contract/patch.ts';

/** As much of a journal row as tells the story. */
export type Row = Pick<JournalWrite, 'revision' | 'event' | 'to' | 'patch'>;

export interface InspectedSnapshot {
  readonly status: 'active' | 'done';
  readonly value: StateValue;
  readonly context: Context;
  readonly tags: readonly string[];
}

export interface Step {
  readonly revision: number;
  readonly event: { readonly type: string; readonly at: number };
  readonly snapshot: InspectedSnapshot;
}

export interface Folded {
  /** Begins with the first turn whose context is known. */
  readonly steps: readonly Step[];
  /** After the last row; undefined while it is not known. */
  readonly context: Context | undefined;
}

/** The chart that an actor's states are of; null when this code knows it no more. */
export type Machine = AnyStateMachine | null;

/** @param rows of one actor, in order, without a gap. @param base the context before the first of them */
export function fold(machine: Machine, rows: readonly Row[], base?: Context): Folded {
  const steps: Step[] = [];
  let context = base;
  let last: number | null = null;
  for (const { revision, event, to, patch } of rows) {
    if (last !== null && revision !== last + 1)
      throw new Error(`The journal goes from turn ${last} to ${revision}.`);
    last = revision;
    context = patched(context, JSON.parse(patch) as Context);
    if (context === undefined) continue;
    const snapshot = snapshotOf(machine, to, context);
    steps.push({ revision, event: JSON.parse(event) as Step['event'], snapshot });
  }
  return { steps, context };
}

/** What the chart says of a state. A state that it does not have, or no more, is shown all the same. */
export function snapshotOf(machine: Machine, state: string, context: Context): InspectedSnapshot {
  const value = valueOf(state);
  try {
    const { status, tags } = machine!.resolveState({ value, context });
    return { status: status as 'active' | 'done', value, context, tags: [...tags].sort() };
  } catch {
    return { status: 'active', value, context, tags: [] };
  }
}
