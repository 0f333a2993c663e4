// What the pages about oneself say: platforms, sign-ins that failed, what a link would do.
import type { IdentityView, LinkOfferView } from '../../../../machines/contract/identity-views.ts';
import { tokens } from './tokens.ts';

const PLATFORMS: Readonly<Record<string, string>> = {
  telegram: 'Telegram',
  discord: 'Discord',
  passkey: 'Passkey',
};

export const platform = (provider: string): string => PLATFORMS[provider] ?? provider;

/** "Ann", or the end of a number nobody knows by heart. */
export const identityName = ({ id, name }: Pick<IdentityView, 'id' | 'name'>): string =>
  name ?? `…${id.slice(-4)}`;

/** `discord:42`, as a session keeps it. */
export const signedInBy = (identity: string | null): string =>
  identity === null ? 'On this machine' : `By ${platform(identity.split(':')[0]!)}`;

/** "Firefox on Linux": enough to tell one's browsers apart. */
export function browserName(agent: string | null): string {
  if (agent === null) return 'A browser';
  const find = (names: readonly string[]) => names.find((name) => agent.includes(name));
  const browser = find(['Firefox', 'Edg', 'OPR', 'Chrome', 'Safari']);
  const system = find(['Windows', 'Android', 'iPhone', 'iPad', 'Mac OS', 'Linux']);
  const named = { Edg: 'Edge', OPR: 'Opera' }[browser ?? ''] ?? browser ?? 'A browser';
  return system === undefined ? named : `${named} on ${system === 'Mac OS' ? 'macOS' : system}`;
}

/** Of the code behind the # of the sign-in page. */
export const signInProblem = (code: string): string | null =>
  code === ''
    ? null
    : code === 'join_refused'
      ? 'The accounts could not be joined now: jobs are under way, or both have a plan.'
      : 'Who you are could not be proven. Begin anew.';

export function offerSentences(offer: LinkOfferView): readonly string[] {
  const others = offer.other.identities
    .map(({ provider, hint }) => `${platform(provider)} (${hint})`)
    .join(', ');
  const day = new Date(offer.returns_until).toLocaleDateString([], {
    day: 'numeric',
    month: 'long',
  });
  return [
    `You and ${others || 'the other account'} will be one person with one balance.`,
    offer.stays === 'other'
      ? 'The other account stays; yours becomes part of it.'
      : 'Your account stays, for it has the plan; the other becomes part of it.',
    offer.moves_millitokens > 0
      ? `${tokens(offer.moves_millitokens)} that were bought move along. Tokens of the day do not add up.`
      : 'Tokens of the day do not add up.',
    `Until ${day} this can be undone with everything that moved.`,
  ];
}
