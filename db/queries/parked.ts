// Setting a parked actor going again: what an operator does once the cause is mended.
import { type DatabasePool, sql } from 'slonik';
import { z } from 'zod';
import type { ActorRef } from '../../machines/contract/ids.ts';

const nothing = z.object({});
const released = z.object({ revision: z.number() });

const isActor = ({ accountId, kind, id }: ActorRef) => sql.fragment`
  account_id = ${accountId} and kind = ${kind} and id = ${id}`;

export interface Release {
  readonly ref: ActorRef;
  /** As the operator saw it: one that has moved on since is left as it is. */
  readonly revision: number;
  readonly by: string;
}

/** Lets the actor take turns again, and writes down who said so; answers whether it did. */
export async function releaseParked(
  pool: DatabasePool,
  { ref, revision, by }: Release,
): Promise<boolean> {
  const rows = await pool.any(sql.type(released)`
    with going as (
      update actors set parked_at = null
      where ${isActor(ref)} and revision = ${revision} and parked_at is not null
      returning revision
    ),
    noted as (
      insert into audit (account_id, done_by, action, details)
      select ${ref.accountId}, ${by}, 'actor.released',
        json_build_object('kind', ${ref.kind}::text, 'id', ${ref.id}::text, 'revision', revision)::text
      from going
    )
    select revision from going`);
  return rows.length > 0;
}

/** It has been applied, or lies here again under another id. */
export async function deleteParked(
  pool: DatabasePool,
  accountId: string,
  id: string,
): Promise<void> {
  await pool.query(sql.type(nothing)`
    delete from parked where account_id = ${accountId} and id = ${id}`);
}

/** Behind whatever was parked since, in the same order. */
export async function moveParkedBack(
  pool: DatabasePool,
  accountId: string,
  ids: readonly string[],
): Promise<void> {
  await pool.query(sql.type(nothing)`
    update parked p set at = clock_timestamp() + later.n * interval '1 microsecond'
    from (select id, row_number() over () as n
      from ${sql.unnest(
        ids.map((id) => [id]),
        ['text'],
      )} as given (id)) as later
    where p.account_id = ${accountId} and p.id = later.id`);
}
