// Real and pretended money are never in one database.
import type { DatabasePool } from 'slonik';
import { hasPaymentsOf } from '../../db/queries/payments.ts';
import { BadConfig } from '../config.ts';
import type { Till } from './till.ts';

const nameOf = (isLive: boolean): string => (isLive ? 'live' : 'test');

/** @throws BadConfig */
export async function refuseOtherMode(pool: DatabasePool, till: Till): Promise<void> {
  for (const { rail, isLive } of till.rails)
    if (await hasPaymentsOf(pool, rail, !isLive))
      throw new BadConfig(
        `The key for ${rail} is of the ${nameOf(isLive)} mode, and this database has payments of the ` +
          `${nameOf(!isLive)} mode. Use the other key, or another database.`,
      );
}
