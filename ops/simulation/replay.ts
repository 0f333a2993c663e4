// The journal alone gives every actor as it is stored: its events are folded by its charts, from its birth.
import type { AnyMachineSnapshot } from 'xstate';
import type { ActorEvent } from '../../machines/contract/events.ts';
import { refKey } from '../../machines/contract/ids.ts';
import { bear } from '../../runtime/actor.ts';
import { step } from '../../runtime/step.ts';
import { NEWER, OLDER } from './deploy.ts';
import type { World } from './world.ts';

interface Stored {
  readonly value: unknown;
  readonly context: Record<string, unknown>;
  readonly status: string;
}

/** Whoever was brought forward by the deploy says so in its context, from the first turn after it. */
function withoutMark({ value, context, status }: Stored): string {
  const { broughtForward: _, ...rest } = context;
  return JSON.stringify({ value, context: sorted(rest), status });
}

/** A record has no order, so two that were filled in another order are the same. */
const sorted = (value: unknown): unknown =>
  Array.isArray(value)
    ? value.map(sorted)
    : typeof value === 'object' && value !== null
      ? Object.fromEntries(
          Object.entries(value)
            .filter(([, each]) => each !== undefined)
            .sort(([one], [other]) => (one < other ? -1 : 1))
            .map(([key, each]) => [key, sorted(each)]),
        )
      : value;

export function checkReplay(world: World): void {
  const journals = Map.groupBy(world.memory.tables.journal, ({ ref }) => refKey(ref));
  for (const [key, rows] of journals) {
    const row = world.memory.tables.actors.get(key);
    if (!row) continue;
    const ordered = [...rows].sort((one, other) => one.revision - other.revision);
    const events = ordered.map(({ event }) => JSON.parse(event) as ActorEvent & { at: number });
    const born = bear(row.ref, events[0]!, row.version === 1 ? OLDER : NEWER);
    if (!born) continue;
    const { machine } = born.chart;
    let snapshot: AnyMachineSnapshot = born.snapshot;
    for (const event of events) [snapshot] = step(machine, snapshot, event);
    const { value, context, status } = snapshot;
    const folded = JSON.parse(JSON.stringify({ value, context, status })) as Stored;
    const stored = JSON.parse(row.snapshot) as Stored;
    world.check(
      'I13 replay',
      withoutMark(folded) === withoutMark(stored),
      () => `${key}: its journal gives ${withoutMark(folded)}; stored is ${withoutMark(stored)}.`,
    );
  }
}
