// Actors as an operator looks for them: by kind, by whose they are, by what is the matter with them.
import { type DatabasePool, sql } from 'slonik';
import { z } from 'zod';

const listedActor = z.object({
  accountId: z.string(),
  kind: z.enum(['job', 'worker', 'quota', 'subscription']),
  id: z.string(),
  state: z.string(),
  tags: z.array(z.string()),
  revision: z.number(),
  parked: z.boolean(),
  updatedAt: z.number(),
});
export type ListedActor = z.infer<typeof listedActor>;

export type Condition = 'open' | 'settled' | 'parked';

export interface ActorQuery {
  readonly kind?: ListedActor['kind'] | undefined;
  readonly accountId?: string | undefined;
  readonly id?: string | undefined;
  readonly condition?: Condition | undefined;
  readonly limit: number;
}

const CONDITIONS = {
  open: sql.fragment`not settled`,
  settled: sql.fragment`settled`,
  parked: sql.fragment`parked_at is not null`,
} as const;

/**
 * The latest turned first. A look around and no export: there is no second page. What was archived is not here,
 * but is found by its name.
 */
export function listActors(
  pool: DatabasePool,
  { kind, accountId, id, condition, limit }: ActorQuery,
): Promise<readonly ListedActor[]> {
  const wanted = [
    sql.fragment`true`,
    ...(kind === undefined ? [] : [sql.fragment`kind = ${kind}`]),
    ...(accountId === undefined ? [] : [sql.fragment`account_id = ${accountId}`]),
    ...(id === undefined ? [] : [sql.fragment`id = ${id}`]),
    ...(condition === undefined ? [] : [CONDITIONS[condition]]),
  ];
  return pool.any(sql.type(listedActor)`
    select account_id as "accountId", kind, id, state, tags, revision,
      parked_at is not null as parked, updated_at as "updatedAt"
    from actors where ${sql.join(wanted, sql.fragment` and `)}
    order by updated_at desc, id limit ${limit}`);
}
