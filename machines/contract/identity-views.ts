// Who somebody is on which platform, and how two accounts of one person become one: the shapes of those answers.
import { z } from 'zod';

const time = z.iso.datetime();

export const identityView = z.object({
  object: z.literal('identity'),
  /** `telegram:42`: what it is unlinked by. */
  id: z.string(),
  provider: z.string(),
  /** What they are called there, where that is known. */
  name: z.string().nullable(),
  /** The account that it had before it was linked; null: it always belonged to this one. */
  joined_account: z.string().nullable(),
  linked_at: time,
});
export type IdentityView = z.infer<typeof identityView>;

export const identityListView = z.object({
  object: z.literal('list'),
  data: z.array(identityView),
  /** Accounts that are part of this one. Each can be made its own again. */
  joined: z.array(
    z.object({
      account: z.string(),
      joined_at: time,
      /** Until then it gets back what is left of the bought tokens that it brought. */
      returns_until: time,
    }),
  ),
});
export type IdentityListView = z.infer<typeof identityListView>;

/** A code, told this once. */
export const linkView = z.object({
  object: z.literal('link'),
  code: z.string(),
  /** Of this site's page that confirms it; null where no public address is configured. */
  url: z.string().nullable(),
  expires_at: time,
});
export type LinkView = z.infer<typeof linkView>;

/** What confirming a code would do. */
export const linkOfferView = z.object({
  object: z.literal('link_offer'),
  expires_at: time,
  /** Who asked for the code. */
  other: z.object({ identities: z.array(z.object({ provider: z.string(), hint: z.string() })) }),
  /** Whose account is left over. */
  stays: z.enum(['yours', 'other']),
  /** Bought tokens that move to it. */
  moves_millitokens: z.number().int(),
  /** Of the other account's day: it does not move, and comes back only if it is undone on the same day. */
  stays_behind_millitokens: z.number().int(),
  returns_until: time,
});
export type LinkOfferView = z.infer<typeof linkOfferView>;

export const joinedView = z.object({
  object: z.literal('joined_account'),
  /** The account that is left over. */
  account: z.string(),
  joined: z.string(),
  returns_until: time,
});
export type JoinedView = z.infer<typeof joinedView>;

export const waysView = z.object({
  object: z.literal('ways'),
  /** Nobody needs to prove anything: one local person. */
  local: z.boolean(),
  providers: z.array(z.object({ id: z.enum(['discord', 'telegram']), title: z.string() })),
  passkey: z.boolean(),
});
export type WaysView = z.infer<typeof waysView>;

export const signInBegunView = z.object({ object: z.literal('sign_in'), url: z.string() });
export type SignInBegunView = z.infer<typeof signInBegunView>;

export const passkeyBegunView = z.object({
  object: z.literal('passkey_options'),
  /** Comes back with the authenticator's response. */
  attempt: z.string(),
  /** For `navigator.credentials`, in WebAuthn's JSON form. */
  options: z.looseObject({}),
});
export type PasskeyBegunView = z.infer<typeof passkeyBegunView>;

export const passkeyView = z.object({
  object: z.literal('passkey'),
  id: z.string(),
  name: z.string(),
  created_at: time,
  last_used_at: time.nullable(),
});
export type PasskeyView = z.infer<typeof passkeyView>;
export const passkeyListView = z.object({ object: z.literal('list'), data: z.array(passkeyView) });
export type PasskeyListView = z.infer<typeof passkeyListView>;

export const sessionListView = z.object({
  object: z.literal('list'),
  data: z.array(
    z.object({
      object: z.literal('session'),
      id: z.string(),
      /** By whom one signed in (`discord:42`); null: the local person. */
      identity: z.string().nullable(),
      /** What the browser called itself. */
      agent: z.string().nullable(),
      is_this: z.boolean(),
      created_at: time,
      last_seen_at: time,
      expires_at: time,
    }),
  ),
});
export type SessionListView = z.infer<typeof sessionListView>;
