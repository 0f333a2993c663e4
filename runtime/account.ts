// An account as it stands now, from the store.
import { allowancesOf } from '../machines/contract/plans.ts';
import { findFilesGoing } from '../db/queries/blobs.ts';
import { quotaRef } from '../machines/contract/ids.ts';
import type { AccountView } from '../machines/contract/views.ts';
import { restore } from './actor.ts';
import type { Host } from './host.ts';
import { accountView } from './views.ts';

/** So long before files are deleted, their person is told. */
const NOTICE_MS = 3 * 86_400_000;

/** As its person sees it: with the results that will soon be gone. */
export async function showAccount(host: Host, accountId: string): Promise<AccountView> {
  const [account, going] = await Promise.all([
    readAccount(host, accountId),
    findFilesGoing(host.pool, accountId, NOTICE_MS),
  ]);
  const firstAt = going && new Date(going.firstAt).toISOString();
  return { ...account, files_going: going && { count: going.count, first_at: firstAt! } };
}

export async function readAccount(
  { store, clock, plans }: Pick<Host, 'store' | 'clock' | 'plans'>,
  accountId: string,
): Promise<AccountView> {
  const [row] = await store.load([quotaRef(accountId)]);
  return accountView(accountId, row ? restore(row) : null, clock.now(), allowancesOf(plans));
}
