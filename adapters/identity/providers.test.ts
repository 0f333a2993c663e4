// Both providers, against fakes that are as strict as they are: what is proven, and what is not.
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { SignInFailed, type SignInProvider } from '../../machines/contract/sign-in.ts';
import { discord, telegram } from './providers.ts';
import { CLIENT, FakeProviders, type Lies } from './providers-testing.ts';

const redirectUri = 'http://localhost:8000/v1/session/callback/x';
const secretsOf = (seed: string) => ({
  ...{ redirectUri, state: `s${seed}`.padEnd(43, '0'), nonce: `n${seed}`.padEnd(43, '0') },
  verifier: `v${seed}`.padEnd(43, '0'),
});

let fake: FakeProviders;
let providers: Record<'discord' | 'telegram', SignInProvider>;
beforeAll(async () => {
  fake = await FakeProviders.start([redirectUri]);
  const settings = { ...CLIENT, base: fake.base };
  providers = { discord: discord(settings), telegram: telegram(settings) };
});
afterAll(() => fake.stop());
beforeEach(() => {
  fake.lies = {};
  fake.user = { id: '42', name: 'Ann' };
});

/** To the provider and back, as a browser goes. */
async function goAndReturn(provider: SignInProvider, secrets = secretsOf('1')): Promise<URL> {
  const answer = await fetch(await provider.begin(secrets), { redirect: 'manual' });
  expect(answer.status).toBe(302);
  return new URL(answer.headers.get('location')!);
}

describe.each(['discord', 'telegram'] as const)('%s', (id) => {
  it('says who somebody is, by their number', async () => {
    const callback = await goAndReturn(providers[id]);
    expect(await providers[id].finish(callback, secretsOf('1'))).toEqual({
      ...{ subject: '42', name: 'Ann' },
    });
  });

  it('keeps numbers whole that JavaScript would round', async () => {
    fake.user = { id: id === 'discord' ? '1234567890123456789' : 8_000_000_000, name: 'Ann' };
    const callback = await goAndReturn(providers[id]);
    const { subject } = await providers[id].finish(callback, secretsOf('1'));
    expect(subject).toBe(String(fake.user.id));
  });

  it.each<[string, (callback: URL) => void, string]>([
    ['another state', (url) => url.searchParams.set('state', 'x'.repeat(43)), '1'],
    ['no state', (url) => url.searchParams.delete('state'), '1'],
    ['two states', (url) => url.searchParams.append('state', secretsOf('1').state), '1'],
    ['another code', (url) => url.searchParams.set('code', 'made-up'), '1'],
    ['no code', (url) => url.searchParams.delete('code'), '1'],
    [
      'a person who would rather not',
      (url) => (url.search = `?error=access_denied&state=${secretsOf('1').state}`),
      '1',
    ],
  ])('proves nothing by %s', async (_, change) => {
    const callback = await goAndReturn(providers[id]);
    change(callback);
    const finished = providers[id].finish(callback, secretsOf('1'));
    await expect(finished).rejects.toBeInstanceOf(SignInFailed);
  });

  it('proves nothing with another verifier', async () => {
    const callback = await goAndReturn(providers[id]);
    const secrets = { ...secretsOf('1'), verifier: secretsOf('2').verifier };
    await expect(providers[id].finish(callback, secrets)).rejects.toBeInstanceOf(SignInFailed);
  });

  it('takes a code once', async () => {
    const callback = await goAndReturn(providers[id]);
    await providers[id].finish(callback, secretsOf('1'));
    const again = providers[id].finish(callback, secretsOf('1'));
    await expect(again).rejects.toBeInstanceOf(SignInFailed);
  });

  it('proves nobody where the provider names no number', async () => {
    fake.lies = { namesNobody: true };
    const callback = await goAndReturn(providers[id]);
    await expect(providers[id].finish(callback, secretsOf('1'))).rejects.toThrow('named nobody');
  });

  it('proves nothing while the provider cannot be reached', async () => {
    const settings = { ...CLIENT, base: 'http://127.0.0.1:9' };
    const away = id === 'discord' ? discord(settings) : telegram(settings);
    const callback = await goAndReturn(providers[id]);
    await expect(away.finish(callback, secretsOf('1'))).rejects.toBeInstanceOf(SignInFailed);
  });
});

describe('what Telegram signs', () => {
  it.each<[string, Lies]>([
    ['for another sign-in', { nonce: 'another' }],
    ['for another site', { audience: '1' }],
    ['as somebody else', { issuer: 'https://evil.example' }],
    ['long ago', { expiresInS: -3600 }],
    ['with a key that is not its own', { signedByAnother: true }],
  ])('%s is not taken', async (_, lies) => {
    fake.lies = lies;
    const callback = await goAndReturn(providers.telegram);
    const finished = providers.telegram.finish(callback, secretsOf('1'));
    await expect(finished).rejects.toBeInstanceOf(SignInFailed);
  });
});
