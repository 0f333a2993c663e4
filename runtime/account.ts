// An account as it stands now, from the store.
import { allowancesOf } from '../machines/contract/plans.ts';
import { quotaRef } from '../machines/contract/ids.ts';
import type { AccountView } from '../machines/contract/views.ts';
import { restore } from './actor.ts';
import type { Host } from './host.ts';
import { accountView } from './views.ts';

export async function readAccount(
  { store, clock, plans }: Pick<Host, 'store' | 'clock' | 'plans'>,
  accountId: string,
): Promise<AccountView> {
  const [row] = await store.load([quotaRef(accountId)]);
  return accountView(accountId, row ? restore(row) : null, clock.now(), allowancesOf(plans));
}
