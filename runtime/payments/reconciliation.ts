// Finds what was paid and not credited: events that could not act yet, and what a provider's own record has that
// nobody told us. Any runtime may do it; what two find acts once.
import {
  claimEvents,
  deleteOldEvents,
  keepCursor,
  readCursor,
} from '../../db/queries/provider-events.ts';
import type { PaymentRail } from '../../machines/contract/payments.ts';
import type { Till, TillSeams } from './till.ts';

const LOOK_MS = 2_000;
const AT_ONCE = 20;
/** Between two readings of a provider's own record. */
const RECONCILE_MS = 5 * 60_000;
/** Longer than any provider repeats itself, or lets its record be read. */
const KEPT_MS = 90 * 86_400_000;
const SLICE = 500;

export class Reconciliation {
  readonly #seams: Pick<TillSeams, 'pool' | 'clock' | 'log'> & { readonly till: Till };
  readonly #stop = new AbortController();
  #loop: Promise<void> = Promise.resolve();
  #reconciledAt = -Infinity;

  constructor(seams: Pick<TillSeams, 'pool' | 'clock' | 'log'> & { readonly till: Till }) {
    this.#seams = seams;
  }

  start(): void {
    if (this.#seams.till.rails.length > 0) this.#loop = this.#run();
  }

  async #run(): Promise<void> {
    const { clock, log } = this.#seams;
    const { signal } = this.#stop;
    for (;;) {
      await clock.sleep(LOOK_MS, signal);
      if (signal.aborted) return;
      await this.runOnce().catch((error: Error) => log(`payments: ${error.message}`));
    }
  }

  /** Tries what is due; now and then reads what the providers have themselves. */
  async runOnce(): Promise<void> {
    const { clock } = this.#seams;
    await this.#tryAgain();
    if (clock.now() - this.#reconciledAt < RECONCILE_MS) return;
    this.#reconciledAt = clock.now();
    await this.reconcile();
  }

  async #tryAgain(): Promise<void> {
    const { pool, till } = this.#seams;
    const names = till.rails.map(({ rail }) => rail);
    for (let taken = AT_ONCE; taken === AT_ONCE && !this.#stop.signal.aborted;) {
      const due = await claimEvents(pool, names, AT_ONCE);
      await Promise.all(due.map((event) => till.act(till.rail(event.rail)!, event)));
      taken = due.length;
    }
  }

  async reconcile(): Promise<void> {
    const { pool, till, log } = this.#seams;
    for (const rail of till.rails)
      await this.#read(rail).catch((error: Error) =>
        log(`payments: the record of ${rail.rail} cannot be read: ${error.message}`),
      );
    await deleteOldEvents(pool, KEPT_MS, SLICE);
  }

  /** The cursor is kept after everything before it is taken down. */
  async #read(rail: PaymentRail): Promise<void> {
    const { pool, till } = this.#seams;
    const before = await readCursor(pool, rail.rail);
    const { news, cursor } = await rail.since(before);
    for (const each of news) {
      if (this.#stop.signal.aborted) return;
      await till.hear(rail, each);
    }
    if (cursor !== before) await keepCursor(pool, rail.rail, cursor);
  }

  async stop(): Promise<void> {
    this.#stop.abort();
    await this.#loop;
  }
}
