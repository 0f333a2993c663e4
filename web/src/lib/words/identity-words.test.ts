import { describe, expect, it } from 'vitest';
import type { LinkOfferView } from '../../../../machines/contract/identity-views.ts';
import { browserName, identityName, offerSentences, signInProblem } from './identity-words.ts';

describe('the words about oneself', () => {
  it.each([
    ['Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0', 'Firefox on Linux'],
    ['Mozilla/5.0 (Windows NT 10.0) Chrome/140.0 Safari/537.36 Edg/140.0', 'Edge on Windows'],
    ['Mozilla/5.0 (Linux; Android 16) Chrome/140.0 Mobile Safari/537.36', 'Chrome on Android'],
    ['Mozilla/5.0 (Macintosh; Intel Mac OS X 15) Version/19 Safari/605', 'Safari on macOS'],
    ['curl/8', 'A browser'],
    [null, 'A browser'],
  ])('tell browsers apart: %s', (agent, words) => expect(browserName(agent)).toBe(words));

  it('name an identity, or show its end', () => {
    expect(identityName({ id: 'telegram:123456', name: null })).toBe('…3456');
    expect(identityName({ id: 'telegram:123456', name: 'Ann' })).toBe('Ann');
  });

  it('say what a link does: who stays, what moves, until when it can be undone', () => {
    const offer: LinkOfferView = {
      ...{ object: 'link_offer', expires_at: '2026-01-01T00:00:00Z', stays: 'other' },
      other: { identities: [{ provider: 'discord', hint: 'Ann' }] },
      ...{
        moves_millitokens: 7000,
        stays_behind_millitokens: 1,
        returns_until: '2026-01-31T12:00:00Z',
      },
    };
    expect(offerSentences(offer).join(' ')).toMatch(
      /Discord \(Ann\).*yours becomes part.*7 tokens that were bought.*31/,
    );
    const mine = { ...offer, stays: 'yours' as const, moves_millitokens: 0 };
    expect(offerSentences(mine).join(' ')).toMatch(/Your account stays/);
  });

  it('say nothing where nothing went wrong', () => {
    expect(signInProblem('')).toBeNull();
    expect(signInProblem('sign_in_failed')).toMatch(/could not be proven/);
  });
});
