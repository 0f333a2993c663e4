// What operators have paused. Who did it is written down in the same statement.
import { type DatabasePool, sql } from 'slonik';
import { z } from 'zod';
import { SYSTEM_ACCOUNT } from '../../machines/contract/ids.ts';
import { PAUSE_SCOPES, type Pause, type PauseTarget } from '../../machines/contract/pauses.ts';

type Said = PauseTarget & { readonly by: string };

const pauseRow = z.object({
  scope: z.enum(PAUSE_SCOPES),
  name: z.string(),
  by: z.string(),
  at: z.number(),
});
const count = z.object({ changed: z.number() });

const noted = ({ scope, name, by }: Said, action: string) => sql.fragment`
  insert into audit (account_id, done_by, action, details)
  select account_id, ${by}, ${action},
    json_build_object('scope', ${scope}::text, 'name', ${name}::text)::text from changed`;

/** @returns false when it was paused before */
export async function insertPause(pool: DatabasePool, said: Said): Promise<boolean> {
  const { scope, name, by } = said;
  const { changed } = await pool.one(sql.type(count)`
    with changed as (
      insert into pauses (account_id, scope, name, paused_by)
      values (${SYSTEM_ACCOUNT}, ${scope}, ${name}, ${by})
      on conflict do nothing returning account_id
    ), noted as (${noted(said, 'queue.paused')})
    select count(*) as changed from changed`);
  return changed > 0;
}

/** @returns false when it was not paused */
export async function deletePause(pool: DatabasePool, said: Said): Promise<boolean> {
  const { scope, name } = said;
  const { changed } = await pool.one(sql.type(count)`
    with changed as (
      delete from pauses
      where account_id = ${SYSTEM_ACCOUNT} and scope = ${scope} and name = ${name}
      returning account_id
    ), noted as (${noted(said, 'queue.resumed')})
    select count(*) as changed from changed`);
  return changed > 0;
}

export const listPauses = (pool: DatabasePool): Promise<readonly Pause[]> =>
  pool.any(sql.type(pauseRow)`
    select scope, name, paused_by as by, paused_at as at from pauses
    where account_id = ${SYSTEM_ACCOUNT} order by paused_at, scope, name`);
