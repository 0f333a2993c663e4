// Signing in with somebody who can say who one is: Discord, Telegram, a Mini App. There and back in one browser;
// what comes back is proven by the adapter (adapters/identity). Signed in already, it links one more identity.
import { createHash } from 'node:crypto';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { z } from 'zod';
import { ensureAccountOf, findAccountOf } from '../../../db/queries/accounts.ts';
import { addIdentity, noteName } from '../../../db/queries/identities.ts';
import { useProof } from '../../../db/queries/sign-ins.ts';
import { SYSTEM_ACCOUNT } from '../../../machines/contract/ids.ts';
import { signInBegunView, waysView } from '../../../machines/contract/identity-views.ts';
import { SignInFailed, type Person } from '../../../machines/contract/sign-in.ts';
import { accountView as accountShape } from '../../../machines/contract/views.ts';
import { readAccount } from '../../account.ts';
import type { Host } from '../../host.ts';
import { joinAccounts, sidesOf } from '../../linking.ts';
import { Refused } from '../../refusals.ts';
import type { App } from '../app.ts';
import { beginAttempt, endAttempt } from '../attempts.ts';
import { refuseCrossSite } from '../origin-check.ts';
import type { Principals } from '../principals.ts';
import { refuse } from '../problems.ts';
import type { Sessions } from '../sessions.ts';

const tags = ['session'];
const config = { access: 'public' } as const;
const provider = z.enum(['discord', 'telegram']);
/** A path of this site, and nothing that a browser could take for another one. */
const path = z
  .string()
  .max(200)
  .regex(/^\/(?![/\\])[\w\-./?=&%#]*$/);

export function signInRoutes(
  app: App,
  host: Host,
  { principals, sessions }: { principals: Principals; sessions: Sessions },
): void {
  const { pool, signIn } = host;
  const { publicUrl, isLocalMode } = host.config;

  const providerOf = (id: string) => {
    const found = signIn.providers.find((each) => each.id === id);
    if (!found || publicUrl === null)
      throw refuse('not_found', 'Nobody signs in this way on this Tessera.');
    const redirectUri = `${publicUrl.replace(/\/$/, '')}/v1/session/callback/${id}`;
    return { found, redirectUri };
  };

  /** Their account, made at first sight; the session is a new one. */
  async function enter(
    request: FastifyRequest,
    reply: FastifyReply,
    id: string,
    { subject, name }: Person,
  ): Promise<string> {
    const identity = { provider: id, subject };
    const accountId = await ensureAccountOf(pool, identity, host.ids.make('acc', host.clock.now()));
    await noteName(pool, identity, name);
    await sessions.open(request, reply, accountId, `${id}:${subject}`);
    return accountId;
  }

  /** One more way into the account of whoever began it; an account that it had becomes part of that one. */
  async function link(
    request: FastifyRequest,
    reply: FastifyReply,
    { accountId, id }: { accountId: string; id: string },
    { subject, name }: Person,
  ): Promise<void> {
    const caller = await principals.bySession(request.headers);
    if (caller?.accountId !== accountId)
      throw refuse('sign_in_failed', 'You are signed in as somebody else by now. Begin anew.');
    const identity = { provider: id, subject };
    const by = caller.id;
    await addIdentity(pool, { ...identity, accountId, by });
    const other = await findAccountOf(pool, identity);
    if (other !== null && other !== accountId)
      await joinAccounts(host, await sidesOf(host, accountId, other), { by, hash: null });
    await noteName(pool, identity, name);
    principals.forgetAll();
    await sessions.rotate(request, reply);
  }

  app.route({
    method: 'GET',
    url: '/v1/session/ways',
    config,
    schema: { tags, summary: 'How one can sign in', security: [], response: { 200: waysView } },
    handler: () => ({
      object: 'ways' as const,
      local: isLocalMode,
      providers: signIn.providers.map(({ id, title }) => ({ id, title })),
      passkey: signIn.passkeys !== null,
    }),
  });

  app.route({
    method: 'POST',
    url: '/v1/session/attempts',
    config,
    schema: {
      tags,
      summary: 'Begin to sign in with a provider',
      description:
        'Send the browser to `url`. With `link` whoever is signed in gets one more way into their account.',
      security: [],
      body: z.strictObject({
        provider,
        return_to: path.default('/'),
        link: z.boolean().default(false),
      }),
      response: { 201: signInBegunView },
    },
    async handler(request, reply) {
      refuseCrossSite(request.method, request.headers);
      const { provider: id, return_to: returnTo, link: isLink } = request.body;
      const { found, redirectUri } = providerOf(id);
      const caller = isLink ? await principals.bySession(request.headers) : null;
      if (isLink && !caller) throw refuse('sign_in_failed', 'Sign in before you link anything.');
      const accountId = caller?.accountId ?? SYSTEM_ACCOUNT;
      const { state, attempt } = await beginAttempt(host, reply, {
        ...{ accountId, provider: id, returnTo },
      });
      reply.code(201);
      const url = await found.begin({ redirectUri, state, ...attempt });
      return { object: 'sign_in' as const, url };
    },
  });

  app.route({
    method: 'GET',
    url: '/v1/session/callback/:provider',
    config,
    schema: {
      tags,
      summary: 'Where a provider sends the browser back to',
      security: [],
      params: z.strictObject({ provider }),
    },
    async handler(request, reply) {
      const { provider: id } = request.params;
      const { found, redirectUri } = providerOf(id);
      const callback = new URL(redirectUri);
      callback.search = request.url.split('?')[1] ?? '';
      const state = callback.searchParams.get('state') ?? '';
      let page = '/sign-in';
      try {
        const attempt = await endAttempt(host, request, reply, { state, provider: id });
        const { accountId, returnTo } = attempt;
        // Who wanted one more way in is signed in already.
        if (accountId !== SYSTEM_ACCOUNT) page = returnTo.replace(/#.*/, '');
        const person = await found
          .finish(callback, { redirectUri, state, ...attempt })
          .catch((error: unknown) => {
            throw told(request, error);
          });
        if (accountId === SYSTEM_ACCOUNT) await enter(request, reply, id, person);
        else await link(request, reply, { accountId, id }, person);
        return await reply.redirect(returnTo, 303);
      } catch (error) {
        // Whoever comes back sees a page, not a document: it says what went wrong by its code.
        if (!(error instanceof Refused)) throw error;
        return reply.redirect(`${page}#${error.code}`, 303);
      }
    },
  });

  app.route({
    method: 'POST',
    url: '/v1/session/telegram',
    config,
    schema: {
      tags,
      summary: 'Sign in from a Telegram Mini App',
      description: 'With the init data that Telegram hands its page: once, within an hour.',
      security: [],
      body: z.strictObject({ init_data: z.string().min(1).max(8192) }),
      response: { 201: accountShape },
    },
    async handler(request, reply) {
      refuseCrossSite(request.method, request.headers);
      const apps = signIn.miniApps;
      if (!apps) throw refuse('not_found', 'Nobody signs in this way on this Tessera.');
      const { person, proof } = await Promise.resolve()
        .then(() => apps.verify(request.body.init_data, host.clock.now()))
        .catch((error: unknown) => {
          throw told(request, error);
        });
      const hash = createHash('sha256').update(proof).digest();
      // Twice its age: the clocks of whoever made it and of whoever keeps it may differ.
      if (!(await useProof(pool, { hash, ttlMs: 2 * apps.maxAgeMs })))
        throw refuse('sign_in_failed', 'This was used before. Open the app anew.');
      const accountId = await enter(request, reply, 'telegram', person);
      reply.code(201);
      return readAccount(host, accountId);
    },
  });
}

/** The log hears why; whoever asked hears that it was not proven. */
export function told(request: FastifyRequest, error: unknown): unknown {
  if (!(error instanceof SignInFailed)) return error;
  request.log.warn({ err: error }, 'A sign-in failed');
  return refuse('sign_in_failed', 'Who you are could not be proven. Begin anew.');
}
