// One event and all that it sets off: messages between actors are handled in the same batch, so that
// "hold tokens, queue the job, pick a worker" is one commit.
import type { ActorEvent } from '../machines/contract/events.ts';
import type { ActorRef } from '../machines/contract/ids.ts';
import { bear, isSettled, isUnreadable, type Actor } from './actor.ts';
import { Component } from './component.ts';
import { journalRow } from './journal.ts';
import type { Mail } from './mailbox.ts';
import { LeftAlone, Parked, Poison } from './parking.ts';
import { plan } from './plan.ts';
import { step } from './step.ts';
import { REGISTRY, type Registry } from './versions.ts';

/** Messages one event may set off before it counts as a loop. */
const CASCADE_MAX = 1_000;

interface Delivery {
  readonly to: ActorRef;
  readonly event: ActorEvent;
  /** The actor that told it; null for what comes from outside. */
  readonly from: ActorRef | null;
}

/**
 * Computed in memory, to quiescence; deterministic; writes nothing. Sets the mail's outcome.
 * @param read an actor as of now, null when there is none; may throw `NotResident`
 * @throws Poison when a chart or the plan throws, Parked when an actor takes no turns
 */
export function cascade(
  mail: Mail,
  read: (ref: ActorRef, key: string) => Actor | null,
  at: number,
  registry: Registry = REGISTRY,
): Component {
  const component = new Component(mail);
  const queue: Delivery[] = [{ to: mail.to, event: mail.event, from: null }];
  for (let told = 0; queue.length > 0; told++) {
    const delivery = queue.shift()!;
    const { to } = delivery;
    let { event } = delivery;
    if (told >= CASCADE_MAX)
      throw new Poison(to, event, new Error('The cascade does not end.'), component.reads);
    const found = component.read(to, read);
    let actor = found;
    try {
      actor ??= bear(to, event, registry);
    } catch (error) {
      throw new Poison(to, event, error, component.reads);
    }
    if (actor?.parked) {
      if (isUnreadable(actor)) throw new LeftAlone(to);
      if (!delivery.from || hasCaller(mail)) throw new Parked(to);
      component.keepForOperator(delivery.from, to, event);
      continue;
    }
    if (!actor || isSettled(actor)) {
      queue.push(...bounced(delivery));
      continue;
    }
    const timer = told === 0 ? mail.timer : undefined;
    // The arming id decides, not the name: XState reuses the name on every visit of a state.
    if (timer) {
      const [armingId, type] = actor.timers[timer.name] ?? [];
      if (armingId !== timer.armingId) continue;
      event = { type } as ActorEvent;
    }

    try {
      const stamped = { ...event, at };
      const [snapshot, actions] = step(actor.chart.machine, actor.snapshot, stamped);
      if (snapshot === actor.snapshot && actions.length === 0 && !actor.owed && !timer) continue; // ignored
      const revision = actor.revision + 1;
      const fired = timer ? [{ type: 'xstate.cancel', params: { sendId: timer.name } }] : [];
      const planned = plan([...(actor.owed ?? []), ...fired, ...actions], actor.timers, revision);
      if (planned.refusal) return Component.refused(mail, component, planned.refusal);
      const after: Actor = { ...actor, snapshot, revision, timers: planned.timers, owed: null };
      component.add(found, after, planned, journalRow(found, after, stamped, planned));
      queue.push(...planned.tells.map((tell) => ({ ...tell, from: to })));
    } catch (error) {
      throw new Poison(to, event, error, component.reads);
    }
  }
  mail.outcome = { ok: true, actor: component.read(mail.to, read), changed: !component.isEmpty };
  return component;
}

/**
 * Who asked can be told that an actor is parked, and nothing happens. What a worker or a timer says has
 * happened: it would be said again for ever, and one parked account would hold up a worker's all others.
 */
const hasCaller = ({ to, timer }: Mail): boolean => to.kind !== 'worker' && timer === undefined;

/** Nobody is there any more. A worker has to know, for it keeps a slot for the job. */
const bounced = ({ to, event, from }: Delivery): Delivery[] =>
  from?.kind === 'worker'
    ? [{ to: from, event: { type: 'tell.bounced', from: to.id, event: event.type }, from: null }]
    : [];
