// What the writer does when a commit does not simply succeed.
import { StoreUnavailable } from '../db/store.ts';
import type { Component } from './component.ts';
import type { Mail } from './mailbox.ts';
import type { TurnSeams } from './turn.ts';

const LOOK_UP_PAUSE_MS = 100;

/**
 * The connection broke after the commit was sent. Asks the store, for as long as it takes, which
 * components it wrote; the others come back as lost. Their events remember the doubt, because the
 * broken commit may still be on its way and win the race against a second one.
 */
export async function lookUp(
  batchId: string,
  components: readonly Component[],
  seams: TurnSeams,
): Promise<Set<Component>> {
  const lost = new Set<Component>();
  for (const component of components) {
    const [turned] = component.turned.values();
    if (!turned) {
      lost.add(component); // only parked rows: writing them twice does no harm
      continue;
    }
    const { ref, revision } = turned.after;
    if (await isWritten({ batchId, ref, revision }, seams)) continue;
    lost.add(component);
    for (const mail of component.mails) mail.doubts.push({ batchId, ref, revision });
  }
  return lost;
}

/** Did an earlier commit with this event arrive after all? Then it must not be applied again. */
export async function wasCommitted(mail: Mail, seams: TurnSeams): Promise<boolean> {
  for (const doubt of mail.doubts) if (await isWritten(doubt, seams)) return true;
  return false;
}

/** @throws StoreUnavailable only when there is no more time to ask: then nobody is told that it was done */
async function isWritten(
  { batchId, ref, revision }: Mail['doubts'][number],
  { store, clock, giveUp }: TurnSeams,
): Promise<boolean> {
  for (;;) {
    try {
      return await store.committed(batchId, ref, revision);
    } catch (error) {
      if (!(error instanceof StoreUnavailable) || giveUp.aborted) throw error;
      await clock.sleep(LOOK_UP_PAUSE_MS, giveUp);
    }
  }
}
