// Actors that an earlier version of their chart wrote, and that nothing has happened to since.
import { type CommonQueryMethods, sql } from 'slonik';
import { z } from 'zod';
import type { ActorKind, ActorRef } from '../../machines/contract/ids.ts';

const ref = z.object({
  accountId: z.string(),
  kind: z.enum(['job', 'worker', 'quota', 'subscription']),
  id: z.string(),
});

interface Outdated {
  readonly kind: ActorKind;
  readonly version: number;
  /** The last one of the slice before; null at first. */
  readonly after: ActorRef | null;
  readonly limit: number;
}

/** In the order of their keys. Parked ones take no turns anyway. */
export const listOutdated = (
  pool: CommonQueryMethods,
  { kind, version, after, limit }: Outdated,
): Promise<readonly ActorRef[]> =>
  pool.any(sql.type(ref)`
    select account_id as "accountId", kind, id from actors
    where kind = ${kind} and version < ${version} and parked_at is null
      and (account_id, id) > (${after?.accountId ?? ''}, ${after?.id ?? ''})
    order by account_id, kind, id limit ${limit}`);
