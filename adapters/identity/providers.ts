// Discord and Telegram as they say who somebody is: OAuth 2.0 and OpenID Connect, each with state, nonce and PKCE.
import * as client from 'openid-client';
import {
  SignInFailed,
  type Person,
  type SignInProvider,
  type SignInSecrets,
} from '../../machines/contract/sign-in.ts';

export interface ClientSettings {
  readonly clientId: string;
  readonly clientSecret: string;
  /** Where the provider is; tests have one of their own. */
  readonly base?: string;
}

/**
 * Sent as it is: by the letter it would be escaped first, which not every provider undoes. Settings let no character
 * through that would be escaped in earnest.
 */
const basic =
  (clientSecret: string): client.ClientAuth =>
  (_server, { client_id: id }, _body, headers) => {
    headers.set('authorization', `Basic ${btoa(`${id}:${clientSecret}`)}`);
  };

const TIMEOUT_S = 10;
const NUMERIC_ID = /^[1-9]\d{0,19}$/;

/** Discord's OAuth 2.0: who it is, is asked with the token. */
export function discord({ clientId, clientSecret, base }: ClientSettings): SignInProvider {
  const site = base ?? 'https://discord.com';
  const config = new client.Configuration(
    {
      issuer: site,
      authorization_endpoint: `${site}/oauth2/authorize`,
      token_endpoint: `${site}/api/oauth2/token`,
    },
    clientId,
    {},
    basic(clientSecret),
  );
  prepare(config, site);
  return {
    id: 'discord',
    title: 'Discord',
    begin: (secrets) => begin(config, secrets, 'identify'),
    finish: (callback, secrets) =>
      proven(async () => {
        const tokens = await redeem(config, callback, secrets, { isOpenId: false });
        const me = new URL(`${site}/api/users/@me`);
        const answer = await client.fetchProtectedResource(config, tokens.access_token, me, 'GET');
        const user = (await answer.json()) as Record<string, unknown>;
        return personOf(user['id'], user['global_name'] ?? user['username']);
      }),
  };
}

/** Telegram's OpenID Connect: who it is, is signed. Its `sub` is another number than the one that bots see. */
export function telegram({ clientId, clientSecret, base }: ClientSettings): SignInProvider {
  const issuer = base ?? 'https://oauth.telegram.org';
  const config = new client.Configuration(
    {
      issuer,
      authorization_endpoint: `${issuer}/auth`,
      token_endpoint: `${issuer}/token`,
      jwks_uri: `${issuer}/.well-known/jwks.json`,
      id_token_signing_alg_values_supported: ['RS256'],
    },
    clientId,
    {},
    basic(clientSecret),
  );
  prepare(config, issuer);
  return {
    id: 'telegram',
    title: 'Telegram',
    begin: (secrets) => begin(config, secrets, 'openid profile'),
    finish: (callback, secrets) =>
      proven(async () => {
        const tokens = await redeem(config, callback, secrets, { isOpenId: true });
        const claims = tokens.claims();
        return personOf(claims?.['id'], claims?.['name'] ?? claims?.['preferred_username']);
      }),
  };
}

function prepare(config: client.Configuration, base: string): void {
  config.timeout = TIMEOUT_S;
  // The signature is checked although the token comes straight from the provider.
  client.enableNonRepudiationChecks(config);
  // eslint-disable-next-line @typescript-eslint/no-deprecated -- marked so to stand out; for tests' providers only
  if (new URL(base).protocol === 'http:') client.allowInsecureRequests(config);
}

async function begin(
  config: client.Configuration,
  { redirectUri, state, nonce, verifier }: SignInSecrets,
  scope: string,
): Promise<string> {
  return client.buildAuthorizationUrl(config, {
    redirect_uri: redirectUri,
    scope,
    state,
    ...(scope.startsWith('openid') ? { nonce } : {}),
    code_challenge: await client.calculatePKCECodeChallenge(verifier),
    code_challenge_method: 'S256',
  }).href;
}

const redeem = (
  config: client.Configuration,
  callback: URL,
  { state, nonce, verifier }: SignInSecrets,
  { isOpenId }: { readonly isOpenId: boolean },
) =>
  client.authorizationCodeGrant(config, callback, {
    pkceCodeVerifier: verifier,
    expectedState: state,
    ...(isOpenId ? { expectedNonce: nonce, idTokenExpected: true } : {}),
  });

/** Whatever the library found wrong, it is one thing to whoever asked: not proven. */
async function proven(find: () => Promise<Person>): Promise<Person> {
  try {
    return await find();
  } catch (error) {
    if (error instanceof SignInFailed) throw error;
    const { message, code } = error as Error & { code?: string };
    throw new SignInFailed(code === undefined ? message : `${code}: ${message}`, { cause: error });
  }
}

function personOf(id: unknown, name: unknown): Person {
  const subject = typeof id === 'number' && Number.isSafeInteger(id) ? String(id) : id;
  if (typeof subject !== 'string' || !NUMERIC_ID.test(subject))
    throw new SignInFailed('The provider named nobody by number.');
  const shown = typeof name === 'string' ? name.trim().slice(0, 80) : '';
  return { subject, name: shown === '' ? null : shown };
}
