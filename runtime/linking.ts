// One person, one account: two accounts become one, part again, and an identity leaves. What the tokens do is
// decided by the quotas, in one commit; who speaks for which account follows from rows that are written after it.
// Each step may be said again, so that whoever died half way is brought to the end by the next try.
import { accountInUse, listJoined, noteJoined, noteParted } from '../db/queries/joined-accounts.ts';
import { listIdentities, moveOut, type IdentityRow } from '../db/queries/identities.ts';
import { deletePasskey } from '../db/queries/passkeys.ts';
import { quotaRef } from '../machines/contract/ids.ts';
import type { QuotaEvent } from '../machines/contract/events.ts';
import { readAccount } from './account.ts';
import type { Host } from './host.ts';
import { Refused, refusedBy } from './refusals.ts';

type Parts = Pick<Host, 'pool' | 'store' | 'clock' | 'ids' | 'turns' | 'plans'>;

const DAY_MS = 86_400_000;
/** So long a joined account gets back what it brought. After that it may still part, with nothing. */
export const RETURNS_FOR_MS = 30 * DAY_MS;

export interface Sides {
  /** The account that is left over. */
  readonly stays: string;
  readonly joins: string;
}

/** Who asked for the code stays, unless only the other one has a plan: that would be lost. */
export async function sidesOf(host: Parts, asked: string, confirms: string): Promise<Sides> {
  const [own, other] = await Promise.all([readAccount(host, asked), readAccount(host, confirms)]);
  const isTurned = own.plan === 'free' && other.plan !== 'free';
  return isTurned ? { stays: confirms, joins: asked } : { stays: asked, joins: confirms };
}

/**
 * @param hash of the code by which both sides said so; null where both were proven otherwise
 * @throws Refused
 */
export async function joinAccounts(
  host: Parts,
  { stays, joins }: Sides,
  { by, hash }: { readonly by: string; readonly hash: Buffer | null },
): Promise<void> {
  await told(host, joins, { type: 'account.joinRequested', into: stays });
  await noteJoined(host.pool, { accountId: joins, into: stays, hash, by });
}

/** @param accountId one that is part of another. @throws Refused */
export async function partAccount(host: Parts, accountId: string, by: string): Promise<void> {
  const into = await accountInUse(host.pool, accountId);
  const known = (await listJoined(host.pool, into)).find((each) => each.accountId === accountId);
  if (!known) return;
  const isInTime = host.clock.now() - known.joinedAt < RETURNS_FOR_MS;
  await told(host, accountId, { type: 'account.partRequested', holder: isInTime ? into : null });
  await noteParted(host.pool, { accountId, by });
}

/**
 * The identity opens an account of its own from now on: the one it had before it was linked, or a new one that is
 * granted its first day tomorrow. So no day is granted to more accounts than there were in its morning.
 * @throws Refused
 */
export async function unlinkIdentity(
  host: Parts,
  accountId: string,
  identity: IdentityRow,
  by: string,
): Promise<void> {
  const all = await listIdentities(host.pool, accountId);
  const { provider, subject } = identity;
  if (all.length > 1 && provider === 'passkey') {
    await deletePasskey(host.pool, { accountId, id: subject, by });
    return;
  }
  const isAlone = all.filter((each) => each.accountId === identity.accountId).length === 1;
  const joined = await listJoined(host.pool, accountId);
  const isHolder = joined.some(({ into }) => into === identity.accountId);
  if (identity.accountId !== accountId && isAlone && !isHolder)
    return partAccount(host, identity.accountId, by);
  if (all.length === 1)
    throw new Refused(
      409,
      'last_way_in',
      'This is the only way into the account. Link another one first.',
    );
  const newAccountId = host.ids.make('acc', host.clock.now());
  await told(host, newAccountId, { type: 'account.openedApart' });
  const from = identity.accountId;
  await moveOut(host.pool, { provider, subject, accountId: from, newAccountId, by });
}

async function told(host: Parts, accountId: string, event: QuotaEvent): Promise<void> {
  const outcome = await host.turns.post(quotaRef(accountId), event);
  if (!outcome.ok) throw refusedBy(outcome.refusal);
}
