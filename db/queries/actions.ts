// What a chat's buttons mean. Kept for ever: a button works after a year.
import { type DatabasePool, sql } from 'slonik';
import { z } from 'zod';

const actionRow = z.object({ accountId: z.string(), id: z.string(), meaning: z.string() });
export type ActionRow = z.infer<typeof actionRow>;

/** The ids are made of the meanings, so one that is there already means the same. */
export async function insertActions(
  pool: DatabasePool,
  accountId: string,
  platform: string,
  actions: readonly Pick<ActionRow, 'id' | 'meaning'>[],
): Promise<void> {
  await pool.query(sql.type(z.object({}))`
    insert into actions (account_id, id, meaning, platform)
    select ${accountId}, a.id, a.meaning, ${platform}
    from ${sql.unnest(
      actions.map(({ id, meaning }) => [id, meaning]),
      ['text', 'text'],
    )} as a (id, meaning)
    on conflict do nothing`);
}

/** Whoever presses it; a bot of another platform does not find it. */
export const findAction = (
  pool: DatabasePool,
  platform: string,
  id: string,
): Promise<ActionRow | null> =>
  pool.maybeOne(sql.type(actionRow)`
    select account_id as "accountId", id, meaning from actions
    where id = ${id} and platform = ${platform}`);
