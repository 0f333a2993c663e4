// What counts against somebody, and the time-out that follows. Looked up once in a few seconds for each account.
import type { DatabasePool } from 'slonik';
import { insertStrike, listStrikes } from '../../db/queries/strikes.ts';
import { FORGOTTEN_MS, timeOutUntil } from '../../machines/content/time-out.ts';
import type { Clock } from '../clock.ts';
import { Remembered } from '../http/remembered.ts';
import { Refused } from '../refusals.ts';

const REMEMBER_MS = 2_000;

export class Strikes {
  readonly #pool: DatabasePool;
  readonly #clock: Clock;
  readonly #known: Remembered<readonly number[]>;

  constructor(pool: DatabasePool, clock: Clock) {
    this.#pool = pool;
    this.#clock = clock;
    const look = (accountId: string) => listStrikes(pool, accountId, FORGOTTEN_MS);
    this.#known = new Remembered(look, () => clock.now(), REMEMBER_MS);
  }

  async add(accountId: string, rule: string): Promise<void> {
    await insertStrike(this.#pool, { accountId, rule, jobId: null });
    this.#known.forget(accountId);
  }

  async whyNot(accountId: string): Promise<Refused | null> {
    const now = this.#clock.now();
    const until = timeOutUntil(await this.#known.get(accountId), now);
    if (until === null) return null;
    const ends = new Date(until).toISOString();
    return new Refused(
      403,
      'suspended',
      `Too much of what this account asked for lately is not made here, so it can start nothing new until ${ends}. ` +
        'What is under way goes on. Each further request of that kind makes it longer; a week without one, and it ' +
        'is forgotten.',
      { until: ends },
    );
  }
}
