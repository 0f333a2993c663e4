// Writes down who was refused what on the doors of workers and operators. Bounded: a flood of refusals becomes a
// few rows a minute, of which the next says how many were left out.
import type { FastifyRequest } from 'fastify';
import { findKeyEvenRevoked } from '../../db/queries/api-keys.ts';
import { insertAudit } from '../../db/queries/audit.ts';
import { SYSTEM_ACCOUNT } from '../../machines/contract/ids.ts';
import type { Host } from '../host.ts';
import { hashSecret } from '../keys.ts';
import type { Refused } from '../refusals.ts';
import type { Access } from './access.ts';
import { PerMinute } from './per-minute.ts';

const ROWS_PER_MINUTE = 5;

type Details = Readonly<Record<string, string | number | null>>;

export class RefusalAudit {
  readonly #host: Pick<Host, 'pool' | 'clock'>;
  readonly #rows: PerMinute;

  constructor(host: Pick<Host, 'pool' | 'clock'>) {
    this.#host = host;
    this.#rows = new PerMinute(() => host.clock.now(), ROWS_PER_MINUTE);
  }

  /** Somebody with a key that does not open this door; whose it is or was, where that is known. */
  readonly atTheDoor = async (
    { ip, headers, routeOptions }: FastifyRequest,
    access: Access,
    { code }: Refused,
  ): Promise<void> => {
    const key = headers.authorization?.replace(/^Bearer +/i, '') ?? '';
    const known = await findKeyEvenRevoked(this.#host.pool, hashSecret(key)).catch(() => null);
    await this.note(known?.id ?? ip, `${access}.refused`, { code, route: routeOptions.url ?? '' });
  };

  /**
   * Never fails: what is refused stays refused while the database is away.
   * @param by a key's or a worker's id; the address of one who is nobody
   */
  async note(by: string, action: string, details: Details): Promise<void> {
    const { isWithin, leftOut } = this.#rows.take(`${action} ${by}`);
    if (!isWithin) return;
    const told = leftOut === 0 ? details : { ...details, left_out: leftOut };
    const entry = { accountId: SYSTEM_ACCOUNT, by, action, details: told };
    await insertAudit(this.#host.pool, entry).catch(() => undefined);
  }
}
