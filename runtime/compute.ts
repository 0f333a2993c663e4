// The turns of a batch, computed in memory before anything is written. An event that cannot be applied
// takes nobody else with it.
import type { ActorEvent } from '../machines/contract/events.ts';
import { refKey, type ActorRef } from '../machines/contract/ids.ts';
import { persist, type Actor } from './actor.ts';
import type { Batch } from './batch.ts';
import { cascade } from './cascade.ts';
import { Component } from './component.ts';
import type { Mail } from './mailbox.ts';
import { Parked, Poison, parking } from './parking.ts';
import { wasCommitted } from './recovery.ts';
import { NotResident, Residents } from './residents.ts';
import type { TurnSeams } from './turn.ts';

/** Gives waiting work to workers, within the batch that brought either. */
export interface Assigner {
  /** Told what was computed; answers what to give to whom. Its mails carry the fence of a lease. */
  assign(turned: readonly Actor[]): readonly Mail[];
  /** Whom it would give work to next, if there were so many more slots. */
  upcoming(count: number): readonly ActorRef[];
  /** Some of what it was told will not be committed, or not like this. */
  withdrawn(components: readonly Component[]): void;
}

/**
 * Jobs read together when the next in line is not in memory. A long line is used from its front, so the one that
 * is needed is always the one that has been in memory longest and had to leave; so it would be for each.
 */
const READ_AHEAD = 64;

/** Adds the events to the batch; later ones see what earlier ones changed. Then gives work away. */
export async function compute(
  mails: readonly Mail[],
  batch: Batch,
  seams: TurnSeams,
): Promise<void> {
  await computeAll(mails, batch, seams);
  for (;;) {
    const assignments = seams.assigner.assign(batch.takeNews());
    if (assignments.length === 0) return;
    try {
      await computeAll(assignments, batch, seams, () => seams.assigner.upcoming(READ_AHEAD));
    } catch (error) {
      for (const mail of batch.without(assignments)) mail.fail(error as Error);
      throw error;
    }
  }
}

/** @param upcoming what will be wanted soon; asked when something has to be read anyway */
async function computeAll(
  mails: readonly Mail[],
  batch: Batch,
  seams: TurnSeams,
  upcoming: () => readonly ActorRef[] = () => [],
): Promise<void> {
  const isMissing = (ref: ActorRef) => !batch.get(refKey(ref)) && !seams.residents.has(refKey(ref));
  const missing = mails.flatMap(Residents.wantedBy).filter(isMissing);
  if (missing.length > 0) await seams.residents.load([...missing, ...upcoming().filter(isMissing)]);
  for (const mail of mails) {
    const component = await applied(mail, batch, seams);
    if (component) batch.add(component);
  }
}

/** @returns null when the caller has been told already */
async function applied(mail: Mail, batch: Batch, seams: TurnSeams): Promise<Component | null> {
  const { residents, clock, ids } = seams;
  delete mail.failure;
  if (mail.doubts.length > 0 && (await wasCommitted(mail, seams))) {
    // Applied by a commit whose outcome was unknown: its caller is told how things are now.
    const component = new Component(mail);
    await residents.load([mail.to]);
    const actor = component.read(mail.to, (ref, key) => residents.read(ref, key, false));
    mail.outcome = { ok: true, actor, changed: true };
    return component;
  }
  const isNew = mail.tries === 0 && mail.event.type === 'job.submitRequested';
  const newKey = isNew ? refKey(mail.to) : null;
  const read = (ref: ActorRef, key: string) =>
    batch.get(key) ?? residents.read(ref, key, key === newKey);
  for (;;) {
    try {
      const component = cascade(mail, read, clock.now(), residents.registry);
      if (mail.tries > 0) mustFit(component);
      return component;
    } catch (error) {
      if (error instanceof NotResident) await residents.load([error.ref]);
      else if (error instanceof Poison) {
        return parking(mail, error, ids.uuid());
      } else if (error instanceof Parked) {
        mail.fail(error);
        return null;
      } else throw error;
    }
  }
}

/**
 * The writer finds a snapshot that is too large when it makes the rows, and tries the events of its component
 * again; here it turns out which of them is to blame.
 */
function mustFit({ turned, journal, reads }: Component): void {
  for (const { after } of turned.values())
    try {
      persist(after);
    } catch (error) {
      const last = journal.findLast(({ ref }) => refKey(ref) === after.key)!;
      throw new Poison(after.ref, JSON.parse(last.event) as ActorEvent, error, reads);
    }
}
