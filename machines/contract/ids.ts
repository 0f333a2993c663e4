// Names of things. Ids are opaque text: a prefix that says the kind, then 26 base-32 characters.

export type ActorKind = 'job' | 'worker' | 'quota' | 'subscription';

/** Where an actor lives. `accountId` comes first because every table is distributed on it. */
export interface ActorRef {
  readonly accountId: string;
  readonly kind: ActorKind;
  readonly id: string;
}

/** Workers, and everything else that belongs to nobody in particular, live here. */
export const SYSTEM_ACCOUNT = 'system';

export const jobRef = (accountId: string, id: string): ActorRef => ({ accountId, kind: 'job', id });

export const workerRef = (id: string): ActorRef => ({
  accountId: SYSTEM_ACCOUNT,
  kind: 'worker',
  id,
});

/** One quota per account, so the account's id is the quota's id. */
export const quotaRef = (accountId: string): ActorRef => ({
  accountId,
  kind: 'quota',
  id: accountId,
});

/** What an account has paid for: one per account, too. */
export const subscriptionRef = (accountId: string): ActorRef => ({
  accountId,
  kind: 'subscription',
  id: accountId,
});

/** A key for maps. Ids hold no slash. */
export const refKey = (ref: ActorRef): string => `${ref.accountId}/${ref.kind}/${ref.id}`;
