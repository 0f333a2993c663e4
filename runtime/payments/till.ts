// The till: news of a provider -> a look at its object -> what was found, told to the account's subscription.
//
// Each event is taken down before anything is done about it, and tried until it has acted. Acting twice changes
// nothing: the subscription goes by the time of the look. So a process may die at any point, and whoever comes
// next does it again.
import { createHash } from 'node:crypto';
import type { DatabasePool } from 'slonik';
import { accountExists, ensureAccountOf } from '../../db/queries/accounts.ts';
import {
  accountOfCustomer,
  accountOfPayment,
  keepCustomer,
  markApplied,
  notePayment,
} from '../../db/queries/payments.ts';
import { hasActed, hasFailed, takeDown, type EventRow } from '../../db/queries/provider-events.ts';
import type { SubscriptionEvent } from '../../machines/contract/events.ts';
import { subscriptionRef } from '../../machines/contract/ids.ts';
import {
  RAILS,
  type Finding,
  type News,
  type Payment,
  type PaymentRail,
  type Rail,
  type Thing,
} from '../../machines/contract/payments.ts';
import { keyOf } from '../../machines/subscription/entitlement.ts';
import type { SubscriptionContext } from '../../machines/subscription/machine.ts';
import { base32, type Clock, type Ids } from '../clock.ts';
import type { Turns } from '../turn.ts';
import { contextOf } from '../views.ts';

const MINUTE_MS = 60_000;
/** After the first try, the second and so on; then the last again and again, for an operator may mend it. */
const PAUSES_MS = [2_000, 15_000, MINUTE_MS, 10 * MINUTE_MS, 60 * MINUTE_MS, 360 * MINUTE_MS];

export interface TillSeams {
  readonly pool: DatabasePool;
  readonly clock: Clock;
  readonly ids: Ids;
  readonly post: Turns['post'];
  /** Those that the operator has set up. */
  readonly rails: Partial<Readonly<Record<Rail, PaymentRail>>>;
  readonly log: (message: string) => void;
}

/** It cannot act, and a person has to see why. */
export class Stuck extends Error {
  override readonly name = 'Stuck';
}

/** The same payment is the same row, whoever notes it. */
export const paymentId = (rail: Rail, providerId: string): string =>
  `pay_${base32(createHash('sha256').update(`${rail}\u0000${providerId}`).digest())}`;

export class Till {
  readonly #seams: TillSeams;

  constructor(seams: TillSeams) {
    this.#seams = seams;
  }

  get rails(): readonly PaymentRail[] {
    return RAILS.flatMap((name) => this.#seams.rails[name] ?? []);
  }

  rail(name: Rail): PaymentRail | null {
    return this.#seams.rails[name] ?? null;
  }

  /**
   * Resolves when the event is taken down, and acted upon if that could be done at once: what could not is
   * tried again later.
   */
  async hear(rail: PaymentRail, news: News): Promise<void> {
    const event = await takeDown(this.#seams.pool, rail.rail, news);
    if (event) await this.act(rail, event);
  }

  /** Tries an event that was taken down. Never throws what went wrong: it is written down. */
  async act(rail: PaymentRail, event: EventRow): Promise<void> {
    const { pool, log } = this.#seams;
    const { thingKind: kind, thingId: id } = event;
    try {
      if (kind !== null && id !== null) await this.look(rail, { kind, id });
      await hasActed(pool, event);
    } catch (error) {
      const problem = (error as Error).message.slice(0, 500);
      const againMs = PAUSES_MS[Math.min(event.attempts, PAUSES_MS.length) - 1]!;
      log(`payments: ${event.rail} ${event.type} ${event.id}: ${problem}`);
      await hasFailed(pool, event, problem, againMs);
    }
  }

  /** Looks, and tells the accounts concerned what there is. @throws Stuck, and whatever went wrong */
  async look(rail: PaymentRail, thing: Thing): Promise<readonly string[]> {
    const asOf = this.#seams.clock.now();
    const accounts: string[] = [];
    for (const finding of await rail.look(thing)) {
      const accountId = await this.#accountOf(rail.rail, finding);
      await this.#apply(rail, accountId, finding, asOf);
      await rail.settled?.(finding);
      accounts.push(accountId);
    }
    return accounts;
  }

  async #apply(
    rail: PaymentRail,
    accountId: string,
    { payer, subscription, payment }: Finding,
    asOf: number,
  ): Promise<void> {
    const { pool } = this.#seams;
    const name = rail.rail;
    if (payment) {
      const id = paymentId(name, payment.id);
      await notePayment(pool, {
        ...{ accountId, id, rail: name, live: rail.isLive, asOf, payer, payment },
      });
    }
    if (subscription)
      await this.#tell(accountId, {
        type: 'subscription.reported',
        report: { ...subscription, rail: name, asOf },
      });
    if (!payment) return;
    if (payment.boughtMt > 0) await this.#credit(accountId, name, payment, asOf);
    await markApplied(pool, { accountId, providerId: payment.id, asOf });
  }

  async #credit(accountId: string, rail: Rail, payment: Payment, asOf: number): Promise<void> {
    const { id, paidAt, boughtMt, keptMt, disputed } = payment;
    const why = keptMt === boughtMt ? null : disputed ? 'disputed' : 'refunded';
    const context = await this.#tell(accountId, {
      type: 'purchase.reported',
      report: { rail, id, asOf, paidAt, boughtMt, keptMt, why },
    });
    // It was not news: is that since it is credited, or since it is too old to be known?
    const known = context?.purchases.known[keyOf({ rail, id })];
    if (!known || known.asOf < asOf)
      throw new Stuck(
        `The payment ${id} is older than what the account ${accountId} remembers: credit it by hand.`,
      );
  }

  async #tell(accountId: string, event: SubscriptionEvent): Promise<SubscriptionContext | null> {
    const outcome = await this.#seams.post(subscriptionRef(accountId), event);
    return outcome.ok && outcome.actor ? contextOf<SubscriptionContext>(outcome.actor) : null;
  }

  /** Whose payment it is: who it was noted for before, whose customer paid, whom it was made out to. */
  async #accountOf(rail: Rail, { payer, payment }: Finding): Promise<string> {
    const { pool } = this.#seams;
    const { account, customer, person } = payer;
    const what = payment ? `The payment ${payment.id}` : 'The subscription';
    const known =
      (payment && (await accountOfPayment(pool, rail, payment.id))) ??
      (customer === null ? null : await accountOfCustomer(pool, rail, customer));
    if (known !== null && account !== null && known !== account)
      throw new Stuck(`${what} is made out to ${account}, but its payer is ${known}.`);
    const found = known ?? account ?? (person === null ? null : await this.#ofPerson(rail, person));
    if (found === null) throw new Stuck(`${what} names no account of ours.`);
    if (!(await accountExists(pool, found)))
      throw new Stuck(`${what} is for the account ${found}, which does not exist (any more).`);
    if (customer !== null && known === null) await keepCustomer(pool, found, rail, customer);
    return found;
  }

  #ofPerson(provider: Rail, subject: string): Promise<string> {
    const { pool, ids, clock } = this.#seams;
    return ensureAccountOf(pool, { provider, subject }, ids.make('acc', clock.now()));
  }
}
