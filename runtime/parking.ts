// What happens to an event that cannot be applied: the actor is parked with it, everybody else goes on.
// A parked actor takes no turns until an operator has looked at it; nothing is dropped or reset.
import type { ActorEvent } from '../machines/contract/events.ts';
import { refKey, type ActorRef } from '../machines/contract/ids.ts';
import { Component } from './component.ts';
import type { Mail } from './mailbox.ts';

/** A programmer error: a guard, an assign or the plan threw on this event. */
export class Poison extends Error {
  override readonly name = 'Poison';
  readonly ref: ActorRef;
  readonly event: ActorEvent;
  /** What the turn was computed on. If any of it was old, the event may be sound. */
  readonly reads: Component['reads'];

  constructor(ref: ActorRef, event: ActorEvent, cause: unknown, reads: Component['reads']) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    super(`${refKey(ref)} could not take ${event.type}: ${reason}`, { cause });
    this.ref = ref;
    this.event = event;
    this.reads = reads;
  }
}

export class Parked extends Error {
  override readonly name: string = 'Parked';
  readonly ref: ActorRef;

  constructor(ref: ActorRef, why = 'is parked until an operator has looked at it.') {
    super(`${refKey(ref)} ${why}`);
    this.ref = ref;
  }
}

/** Not this runtime's to run: see `reader.ts`. Asked again, a newer runtime may answer. */
export class LeftAlone extends Parked {
  override readonly name = 'LeftAlone';

  constructor(ref: ActorRef) {
    super(ref, 'was written by a version that this runtime does not know.');
  }
}

/** Replaces the component of a poisoned event: one row, and the caller is told. */
export function parking(mail: Mail, poison: Poison, id: string): Component {
  const component = new Component(mail);
  const { ref, event, reads } = poison;
  for (const [key, read] of reads) component.reads.set(key, read);
  component.parked.push({
    component: 0,
    ref,
    id,
    event: JSON.stringify(event),
    reason: poison.message,
  });
  mail.failure = poison;
  return component;
}
