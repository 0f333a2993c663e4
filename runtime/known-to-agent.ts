// What the agent at the other end of one connection is known to have: attempts, and whose they are, and
// orders to load. Kept here so that nothing depends on how fresh this runtime's view of the fleet is.
import type { AttemptName } from '../machines/contract/events.ts';
import type { RuntimeFrame } from '../machines/contract/worker-protocol.ts';
import type { Slot, WorkerContext } from '../machines/worker/context.ts';
import type { OrderPayload } from './worker-orders.ts';

export interface KnownAttempt extends Pick<Slot, 'accountId' | 'phase'> {
  /** The order that gave it, if that was given on this connection. */
  readonly order: string | null;
  /** The agent has it: it said so, in its hello or by acknowledging the order. */
  readonly isAgents: boolean;
}

export class KnownToAgent {
  /** Attempts that the agent was given or brought along. */
  readonly #attempts = new Map<string, KnownAttempt>();
  /** Models whose load was ordered here, and the agent has the order. */
  readonly #loading = new Set<string>();

  /** Of what it names in its hello, that which its worker's chart still counts as its own. */
  broughtAlong(attempts: readonly AttemptName[], { slots }: WorkerContext['run']): void {
    for (const { job, attempt } of attempts) {
      const slot = slots[job];
      if (slot?.attempt === attempt)
        this.#attempts.set(nameOf({ job, attempt }), { ...slot, order: null, isAgents: true });
    }
  }

  sent(frame: RuntimeFrame, accountId: string | null): void {
    if (frame.type === 'load') this.#loading.delete(frame.model);
    if (!('attempt' in frame)) return;
    const name = nameOf(frame);
    const known = this.#attempts.get(name);
    if (frame.type === 'settled') this.#attempts.delete(name);
    else if (frame.type === 'cancel' && known)
      this.#attempts.set(name, { ...known, phase: 'cancelling' });
    // It was settled, perhaps after it was ordered anew: what the agent answers frees the slot that waits for it.
    else if (frame.type === 'cancel' && accountId !== null)
      this.#attempts.set(name, {
        accountId,
        phase: 'cancelling',
        order: frame.id,
        isAgents: false,
      });
    // Sent once more, it is still the same order, and the agent may have it already.
    else if (frame.type === 'run' && accountId !== null && known?.order !== frame.id)
      this.#attempts.set(name, { accountId, phase: 'live', order: frame.id, isAgents: false });
  }

  acknowledged({ frame, accountId }: OrderPayload): void {
    if (frame.type === 'load') this.#loading.add(frame.model);
    if ((frame.type !== 'run' && frame.type !== 'cancel') || accountId === null) return;
    const known = this.#attempts.get(nameOf(frame));
    if (known && known.order === frame.id)
      this.#attempts.set(nameOf(frame), { ...known, isAgents: true });
  }

  attempt(name: AttemptName): KnownAttempt | null {
    return this.#attempts.get(nameOf(name)) ?? null;
  }

  isToLoad(model: string): boolean {
    return this.#loading.has(model);
  }
}

export const nameOf = ({ job, attempt }: AttemptName): string => `${job} ${attempt}`;
