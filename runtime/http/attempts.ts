// Attempts to sign in: begun in a browser, used up by the same one, within ten minutes. Whoever only has the state,
// or only the cookie, has nothing.
import type { FastifyReply, FastifyRequest } from 'fastify';
import { insertAttempt, takeAttempt, type SignInAttempt } from '../../db/queries/sign-ins.ts';
import type { Host } from '../host.ts';
import { hashSecret, makeSessionSecret } from '../keys.ts';
import { refuse } from './problems.ts';
import { cookieIn, cookieName, setCookie } from './sessions.ts';

const ATTEMPT_S = 600;
const COOKIE = 'tessera_sign_in';

type Parts = Pick<Host, 'pool' | 'config'>;

/** @returns the state that travels, and what is kept of the attempt */
export async function beginAttempt(
  { pool, config }: Parts,
  reply: FastifyReply,
  wanted: Pick<SignInAttempt, 'accountId' | 'provider' | 'returnTo'> &
    Partial<Pick<SignInAttempt, 'nonce'>>,
): Promise<{ readonly state: string; readonly attempt: SignInAttempt }> {
  const [state, browser] = [makeSessionSecret(), makeSessionSecret()];
  const attempt = { nonce: makeSessionSecret(), ...wanted, verifier: makeSessionSecret() };
  const keys = { hash: hashSecret(state), browser: hashSecret(browser) };
  await insertAttempt(pool, { ...attempt, ...keys, ttlMs: ATTEMPT_S * 1000 });
  setCookie(reply, config, { name: COOKIE, value: browser, maxAgeS: ATTEMPT_S });
  return { state, attempt };
}

/** Uses it up. @throws Refused */
export async function endAttempt(
  { pool, config }: Parts,
  request: FastifyRequest,
  reply: FastifyReply,
  { state, provider }: { readonly state: string; readonly provider: string },
): Promise<SignInAttempt> {
  const browser = cookieIn(request.headers.cookie, cookieName(config, COOKIE));
  setCookie(reply, config, { name: COOKIE, value: '', maxAgeS: 0 });
  const keys = { hash: hashSecret(state), browser: hashSecret(browser ?? '') };
  const attempt = browser ? await takeAttempt(pool, { ...keys, provider }) : null;
  if (attempt) return attempt;
  throw refuse(
    'sign_in_failed',
    'This sign-in was begun elsewhere, used before, or is older than ten minutes. Begin anew.',
  );
}
