// All customers of a run. Whoever has spent the day's tokens makes room for somebody new, whose first job
// is an account's first turn.
import { setTimeout as delay } from 'node:timers/promises';
import { issueKey } from '../cli/issue-key.ts';
import { Customer } from './customer.ts';
import type { Dice } from './dice.ts';
import type { History } from './history.ts';
import type { Stage } from './stage.ts';

export interface HouseOptions {
  readonly stage: Stage;
  readonly history: History;
  readonly chance: Dice;
  readonly customers: number;
  readonly openMax: number;
  readonly onUnexpected: (sentence: string) => void;
}

interface Guest {
  readonly account: string;
  readonly customer: Customer;
}

export class House {
  readonly #options: HouseOptions;
  readonly #guests: Guest[] = [];
  #asking: Guest[] = [];

  constructor(options: HouseOptions) {
    this.#options = options;
  }

  async open(): Promise<void> {
    const { customers } = this.#options;
    await Promise.all(Array.from({ length: customers }, () => this.#letIn()));
  }

  async #letIn(): Promise<void> {
    const { stage, chance, history, openMax, onUnexpected } = this.#options;
    const { key, account } = await issueKey(stage.postgres.url, {
      ...{ kind: 'user', name: 'crash', account: null, platform: null },
    });
    const own = chance.split(`customer ${this.#guests.length}`);
    const customer = new Customer({
      ...{ account, key, history, openMax, onUnexpected, chance: own },
      ...{ runtimes: stage.addresses, front: stage.front },
    });
    this.#guests.push({ account, customer });
    this.#asking.push(this.#guests.at(-1)!);
  }

  async replaceBroke(): Promise<void> {
    for (const guest of this.#asking.filter(({ customer }) => customer.isBroke)) {
      // The database may be away right now; then there is another time.
      const isIn = await this.#letIn().then(
        () => true,
        () => false,
      );
      if (isIn) this.#asking = this.#asking.filter((each) => each !== guest);
    }
  }

  /** Every question is answered and every promised job has been seen to end, or time is over. */
  async finish(isOver: () => boolean): Promise<void> {
    await Promise.all(this.#guests.map(({ customer }) => customer.finish()));
    while (!isOver()) {
      const open = this.#guests.flatMap(({ customer }) =>
        customer.openJobs.map((job) => ({ customer, job })),
      );
      if (open.length === 0) return;
      for (const { customer, job } of open) await customer.look(job);
      await delay(300);
    }
  }

  hasSeen(newest: ReadonlyMap<string, number>): boolean {
    return this.#guests.every(
      ({ account, customer }) => customer.lastSeq >= (newest.get(account) ?? 0),
    );
  }

  /** Grows with whatever goes well: a promise, or an ending that was seen. */
  get progress(): number {
    return this.#options.history.promised + this.#options.history.ended;
  }

  /** For the line of progress. */
  told(): string {
    const promised = this.#options.history.promised;
    const open = this.#guests.reduce((sum, { customer }) => sum + customer.openJobs.length, 0);
    return `${promised} jobs acknowledged, ${open} open`;
  }

  close(): void {
    for (const { customer } of this.#guests) customer.leave();
  }
}
