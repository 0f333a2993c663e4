// What was done, and what was refused, with who did it. Rows are only inserted. A privileged act writes its row
// in its own statement; this is for what changes nothing else.
import { type DatabasePool, sql } from 'slonik';
import { z } from 'zod';

export interface AuditEntry {
  readonly accountId: string;
  /** An API key's or a worker's id, `operator` at the command line, or an address that nobody is known by. */
  readonly by: string;
  readonly action: string;
  readonly details: Readonly<Record<string, string | number | null>>;
}

const auditRow = z.object({
  position: z.number(),
  at: z.number(),
  by: z.string(),
  action: z.string(),
  details: z.string(),
});
export type AuditRow = z.infer<typeof auditRow>;

export async function insertAudit(pool: DatabasePool, entry: AuditEntry): Promise<void> {
  await pool.query(sql.type(z.object({}))`
    insert into audit (account_id, done_by, action, details)
    values (${entry.accountId}, ${entry.by}, ${entry.action}, ${JSON.stringify(entry.details)})`);
}

/** Newest first. */
export const listAudit = (
  pool: DatabasePool,
  accountId: string,
  { limit, before = null }: { readonly limit: number; readonly before?: number | null },
): Promise<readonly AuditRow[]> =>
  pool.any(sql.type(auditRow)`
    select position, at, done_by as by, action, details from audit
    where account_id = ${accountId} and (${before}::int8 is null or position < ${before}::int8)
    order by position desc limit ${limit}`);
