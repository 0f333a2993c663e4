// The turns of a batch, computed in memory before anything is written. An event that cannot be applied
// takes nobody else with it.
import { refKey, type ActorRef } from '../machines/contract/ids.ts';
import { cascade } from './cascade.ts';
import { Batch, Component } from './component.ts';
import type { Mail } from './mailbox.ts';
import { Parked, Poison, parking } from './parking.ts';
import { wasCommitted } from './recovery.ts';
import { NotResident, Residents } from './residents.ts';
import type { TurnSeams } from './turn.ts';

const isSubmit = ({ event }: Mail): boolean => event.type === 'job.submitRequested';

/** Later events see what earlier ones of the batch changed. */
export async function compute(mails: readonly Mail[], seams: TurnSeams): Promise<Batch> {
  const { residents, store, clock } = seams;
  await residents.load(mails.flatMap(Residents.wantedBy));
  const batch = new Batch();
  const at = clock.now();
  for (const mail of mails) {
    delete mail.failure;
    const component =
      mail.doubts.length > 0 && (await wasCommitted(store, clock, mail))
        ? await readOnly(mail, seams)
        : await computeOne(mail, mails, batch, at, seams);
    if (component) batch.add(component);
  }
  return batch;
}

/** The event was applied by a commit whose outcome was unknown: its caller is told how things are now. */
async function readOnly(mail: Mail, { residents }: TurnSeams): Promise<Component> {
  await residents.load([mail.to]);
  mail.outcome = { ok: true, actor: residents.read(mail.to, false), changed: true };
  return new Component(mail);
}

/** @returns null when the caller has been told already */
async function computeOne(
  mail: Mail,
  mails: readonly Mail[],
  batch: Batch,
  at: number,
  { residents, ids, log }: TurnSeams,
): Promise<Component | null> {
  let isNew = mail.tries === 0 && isSubmit(mail);
  const read = (ref: ActorRef) =>
    batch.read(ref) ?? residents.read(ref, isNew && refKey(ref) === refKey(mail.to));
  for (;;) {
    try {
      const component = cascade(mail, read, at, residents.registry);
      if (!isNew || mail.outcome!.ok) return component;
      // Turned down as a new job, and nothing will be written that could be lost: perhaps it is an old one.
      isNew = false;
      await residents.load(mails.filter(isSubmit).map(({ to }) => to));
    } catch (error) {
      if (error instanceof NotResident) await residents.load([error.ref]);
      else if (error instanceof Poison) {
        log(`parked: ${error.message}`);
        return parking(mail, error, ids.uuid());
      } else if (error instanceof Parked) {
        mail.fail(error);
        return null;
      } else throw error;
    }
  }
}
