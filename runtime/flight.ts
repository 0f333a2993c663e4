// One batch on its way into the store: one commit, and what follows from it. What is written is kept in
// memory, told to whoever has to know, and answered, in this order; what is not written comes back.
import { StoreUnavailable, UnknownOutcome } from '../db/store.ts';
import { refKey } from '../machines/contract/ids.ts';
import { rowsOf, type Batch } from './batch.ts';
import type { Component } from './component.ts';
import { Overloaded, type Mail } from './mailbox.ts';
import { lookUp } from './recovery.ts';
import type { TurnSeams } from './turn.ts';

/** Events that were not applied, and why. */
export interface Failure {
  readonly components: readonly Component[];
  readonly mails: readonly Mail[];
  readonly error: Error;
}

export interface Flight {
  isOver: boolean;
  /** Null: all of it is written. Never rejects. */
  readonly landed: Promise<Failure | null>;
}

export const NO_FLIGHT: Flight = { isOver: true, landed: Promise.resolve(null) };

export function send(batch: Batch, seams: TurnSeams): Flight {
  const flight: Flight = {
    isOver: false,
    landed: commit([...batch.components], seams).finally(() => (flight.isOver = true)),
  };
  return flight;
}

async function commit(components: readonly Component[], seams: TurnSeams): Promise<Failure | null> {
  const { residents } = seams;
  let error: Error = new Overloaded('Others changed this too often.');
  const lost = await write(components, seams).catch((refused: Error) => {
    error = refused;
    return new Set(components);
  });
  for (const component of components) if (!lost.has(component)) settle(component, seams);
  for (const component of lost) residents.evict(component.reads.keys());
  residents.endBatch();
  if (lost.size === 0) return null;
  return { components: [...lost], mails: [...lost].flatMap(({ mails }) => mails), error };
}

/** It is written: now everything may leave that waited for it. */
function settle(component: Component, { residents, committed, log }: TurnSeams): void {
  for (const { after } of component.turned.values()) residents.put(after);
  for (const { ref, reason } of component.parked) {
    residents.evict([refKey(ref)]);
    log(`parked: ${reason}`);
  }
  committed(component);
  for (const mail of component.mails)
    if (mail.failure) mail.fail(mail.failure);
    else mail.settle(mail.outcome!);
}

/** @returns the components that were not written */
async function write(components: readonly Component[], seams: TurnSeams): Promise<Set<Component>> {
  const { store, clock, ids, published } = seams;
  const batchId = ids.uuid();
  try {
    const result = await store.commit(rowsOf(components, batchId));
    clock.sync(result.at);
    if (result.published) published(result.published);
    return new Set(result.lost.map((index) => components[index]!));
  } catch (error) {
    if (error instanceof UnknownOutcome) return lookUp(batchId, components, seams);
    if (error instanceof StoreUnavailable || components.length === 1) throw error;
    return writeOneByOne(components, seams);
  }
}

/** The store refused the batch for a reason that retrying cannot mend: find whose fault it is. */
async function writeOneByOne(
  components: readonly Component[],
  seams: TurnSeams,
): Promise<Set<Component>> {
  const lost = new Set<Component>();
  for (const component of components) {
    const own = await write([component], seams).catch((error: Error) => {
      for (const mail of component.mails) mail.cause = error;
      return [component];
    });
    for (const each of own) lost.add(each);
  }
  return lost;
}
