// A person's receipts: one line per posting, with what it changed and what was left. Spendable is the
// day's allowance and the top-ups together; held is set aside for open jobs.
import { type DatabasePool, sql } from 'slonik';
import { z } from 'zod';
import { decodeCursor, type Page, pageOf } from './cursor.ts';

const change = z.object({
  posting: z.number(),
  at: z.number(),
  reason: z.string(),
  jobId: z.string().nullable(),
  charged: z.number(),
  availableChange: z.number(),
  heldChange: z.number(),
});
const balances = z.object({ available: z.number(), held: z.number() });
const listPlace = z.tuple([z.number().int().positive()]);

export type LedgerRow = z.infer<typeof change> & {
  readonly availableAfter: number;
  readonly heldAfter: number;
};

/** Newest first. Throws `InvalidCursor`. Postings between our own books only are not a person's lines. */
export async function listLedger(
  pool: DatabasePool,
  accountId: string,
  { limit, cursor = null }: { readonly limit: number; readonly cursor?: string | null },
): Promise<Page<LedgerRow>> {
  const [before] = cursor === null ? [null] : decodeCursor(cursor, listPlace);
  const older = before === null ? sql.fragment`` : sql.fragment`and posting < ${before}`;
  const lines = await pool.any(sql.type(change)`
    select posting, min(at) as at, min(reason) as reason, min(job_id) as "jobId",
      coalesce(sum(amount_mt) filter (where book = 'system:spent'), 0)::bigint as charged,
      coalesce(sum(amount_mt) filter (where book in ('allowance', 'topUp')), 0)::bigint
        as "availableChange",
      coalesce(sum(amount_mt) filter (where book = 'held'), 0)::bigint as "heldChange"
    from ledger where account_id = ${accountId} ${older}
    group by posting having bool_or(book not like 'system:%') order by posting desc limit ${limit + 1}`);
  const [newest] = lines;
  if (newest === undefined) return { rows: [], nextCursor: null };
  // The recorded balances after the newest line; from there each older one follows from the changes.
  let { available, held } = await balancesAt(pool, accountId, newest.posting);
  const rows = lines.map((line) => {
    const row = { ...line, availableAfter: available, heldAfter: held };
    available -= line.availableChange;
    held -= line.heldChange;
    return row;
  });
  return pageOf(rows, limit, (last) => [last.posting]);
}

async function balancesAt(
  pool: DatabasePool,
  accountId: string,
  posting: number,
): Promise<z.infer<typeof balances>> {
  const last = (book: string) => sql.fragment`coalesce((
    select balance_mt from ledger
    where account_id = ${accountId} and posting <= ${posting} and book = ${book}
    order by posting desc, leg desc limit 1), 0)`;
  return pool.one(sql.type(balances)`
    select ${last('allowance')} + ${last('topUp')} as available, ${last('held')} as held`);
}
