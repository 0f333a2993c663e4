// What the writer does when a commit does not simply succeed.
import { StoreUnavailable, type Store } from '../db/store.ts';
import type { Clock } from './clock.ts';
import type { Component } from './component.ts';
import type { Mail } from './mailbox.ts';

const LOOK_UP_PAUSE_MS = 100;

/**
 * The connection broke after the commit was sent. Asks the store, for as long as it takes, which
 * components it wrote; the others come back as lost. Their events remember the doubt, because the
 * broken commit may still be on its way and win the race against a second one.
 */
export async function lookUp(
  store: Store,
  clock: Clock,
  batchId: string,
  components: readonly Component[],
): Promise<Set<Component>> {
  const lost = new Set<Component>();
  for (const component of components) {
    const [turned] = component.turned.values();
    if (!turned) {
      lost.add(component); // only parked rows: writing them twice does no harm
      continue;
    }
    const { ref, revision } = turned.after;
    if (await persistently(clock, () => store.committed(batchId, ref, revision))) continue;
    lost.add(component);
    for (const mail of component.mails) mail.doubts.push({ batchId, ref, revision });
  }
  return lost;
}

/** Did an earlier commit with this event arrive after all? Then it must not be applied again. */
export async function wasCommitted(store: Store, clock: Clock, mail: Mail): Promise<boolean> {
  for (const { batchId, ref, revision } of mail.doubts)
    if (await persistently(clock, () => store.committed(batchId, ref, revision))) return true;
  return false;
}

async function persistently<T>(clock: Clock, ask: () => Promise<T>): Promise<T> {
  for (;;) {
    try {
      return await ask();
    } catch (error) {
      if (!(error instanceof StoreUnavailable)) throw error;
      await clock.sleep(LOOK_UP_PAUSE_MS);
    }
  }
}
