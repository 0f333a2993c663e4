// Sends what is due, and tries again for more than a day. Any runtime may do it: a delivery that is taken is nobody
// else's for a while, and a runtime that dies with it only makes it late.
import type { DatabasePool } from 'slonik';
import { Webhook } from 'standardwebhooks';
import {
  claimDeliveries,
  deleteOldDeliveries,
  disableWebhook,
  fanOut,
  recordOutcome,
  type DueDelivery,
  type Outcome,
} from '../../db/queries/webhooks.ts';
import type { Clock, Ids } from '../clock.ts';
import type { Egress } from './egress.ts';
import { JOB_EVENTS } from './events.ts';

const LOOK_MS = 1_000;
const SLICE = 500;
const AT_ONCE = 16;
/** Longer than a call may take. */
const HOLD_MS = 60_000;
const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;
const DAY_MS = 24 * HOUR_MS;
/** After the first try, the second and so on: 27 hours in all. */
export const PAUSES_MS = [
  ...[5_000, 5 * MINUTE_MS, 30 * MINUTE_MS, 2 * HOUR_MS],
  ...[5 * HOUR_MS, 9 * HOUR_MS, 10 * HOUR_MS],
];
/** So that what failed together does not come again together. */
const JITTER = 0.2;
const GIVES_UP_MS = 5 * DAY_MS;
const KEPT_MS = 30 * DAY_MS;
const LOOKS_PER_SWEEP = 600;
const GONE = 410;

interface Seams {
  readonly pool: DatabasePool;
  readonly clock: Clock;
  readonly ids: Pick<Ids, 'random'>;
  readonly egress: Pick<Egress, 'post'>;
  readonly log: (message: string) => void;
}

export class Deliveries {
  readonly #seams: Seams;
  readonly #stop = new AbortController();
  #loop: Promise<void> = Promise.resolve();

  constructor(seams: Seams) {
    this.#seams = seams;
  }

  start(): void {
    this.#loop = this.#run();
  }

  async #run(): Promise<void> {
    const { clock, pool, log } = this.#seams;
    const { signal } = this.#stop;
    for (let looks = 1; ; looks++) {
      await clock.sleep(LOOK_MS, signal);
      if (signal.aborted) return;
      const sweep = looks % LOOKS_PER_SWEEP === 0;
      await this.runOnce()
        .then(() => (sweep ? deleteOldDeliveries(pool, KEPT_MS, SLICE) : 0))
        .catch((error: Error) => log(`webhooks: ${error.message}`)); // looked at again soon
    }
  }

  /** Resolves when everything that was due has been tried once. */
  async runOnce(): Promise<void> {
    const { pool } = this.#seams;
    for (let seen: number | null = SLICE; seen === SLICE && !this.#stop.signal.aborted;)
      seen = await fanOut(pool, JOB_EVENTS, SLICE);
    for (let taken = AT_ONCE; taken === AT_ONCE && !this.#stop.signal.aborted;) {
      const due = await claimDeliveries(pool, { limit: AT_ONCE, holdMs: HOLD_MS });
      await Promise.all(due.map((delivery) => this.#deliver(delivery)));
      taken = due.length;
    }
  }

  async #deliver(due: DueDelivery): Promise<void> {
    const { pool } = this.#seams;
    const outcome = await this.#outcomeOf(due);
    await recordOutcome(pool, due, outcome, GIVES_UP_MS);
    if (outcome.status === GONE) await disableWebhook(pool, due, 'The receiver answered 410 Gone.');
  }

  async #outcomeOf(due: DueDelivery): Promise<Outcome> {
    try {
      const status = await this.#seams.egress.post(due.url, due.payload, this.#signed(due));
      if (status >= 200 && status < 300) return { status, error: null, againMs: null };
      const error =
        status >= 300 && status < 400
          ? `It answered ${status}; redirects are not followed.`
          : `It answered ${status}.`;
      return { status, error, againMs: status === GONE ? null : this.#againMs(due.attempts) };
    } catch (error) {
      return {
        ...{ status: null, error: (error as Error).message.slice(0, 300) },
        againMs: this.#againMs(due.attempts),
      };
    }
  }

  /** @param attempts how many there were */
  #againMs(attempts: number): number | null {
    const pauseMs = PAUSES_MS[attempts - 1];
    const jitter = 1 + JITTER * (2 * this.#seams.ids.random() - 1);
    return pauseMs === undefined ? null : Math.round(pauseMs * jitter);
  }

  /** Signed anew for each try: a receiver refuses what is older than five minutes. */
  #signed({ id, payload, secret, previousSecret }: DueDelivery): Record<string, string> {
    const at = new Date(this.#seams.clock.now());
    const secrets = previousSecret === null ? [secret] : [secret, previousSecret];
    return {
      'content-type': 'application/json',
      'user-agent': 'Tessera',
      'webhook-id': id,
      'webhook-timestamp': String(Math.floor(at.getTime() / 1000)),
      'webhook-signature': secrets.map((each) => new Webhook(each).sign(id, at, payload)).join(' '),
    };
  }

  async stop(): Promise<void> {
    this.#stop.abort();
    await this.#loop;
  }
}
