// Browsers sign in here. Without an identity provider there is one local person, and only programs on
// this machine get as far as this (local-guard.ts).
import type { FastifyReply } from 'fastify';
import { z } from 'zod';
import { ensureAccount } from '../../../db/queries/accounts.ts';
import { createSession, deleteSession } from '../../../db/queries/sessions.ts';
import { accountView as accountShape } from '../../../machines/contract/views.ts';
import { readAccount } from '../../account.ts';
import type { Host } from '../../host.ts';
import { hashSecret, makeSessionSecret } from '../../keys.ts';
import type { App } from '../app.ts';
import { refuseCrossSite } from '../origin-check.ts';
import { LOCAL_ACCOUNT, SESSION_COOKIE, type Principals } from '../principals.ts';
import { refuse } from '../problems.ts';

const SESSION_S = 30 * 86_400;

const tags = ['session'];
// Both work on what the request carries itself; neither needs somebody to be signed in.
const config = { access: 'public' } as const;

export function sessionRoutes(app: App, host: Host, principals: Principals): void {
  const { isLocalMode, publicUrl } = host.config;
  const secure = publicUrl?.startsWith('https:') ?? false;

  app.route({
    method: 'POST',
    url: '/v1/session',
    config,
    schema: {
      tags,
      summary: 'Sign in on this machine',
      description: 'Joins the one local account and sets the session cookie.',
      security: [],
      response: { 200: accountShape, 201: accountShape },
    },
    async handler(request, reply) {
      refuseCrossSite(request.method, request.headers);
      if (!isLocalMode)
        throw refuse('sign_in_required', 'Sign in with an account: this Tessera is a public one.');
      const known = await principals.bySession(request.headers);
      if (known) return readAccount(host, known.accountId);
      await ensureAccount(host.pool, LOCAL_ACCOUNT);
      const secret = makeSessionSecret();
      await createSession(host.pool, {
        accountId: LOCAL_ACCOUNT,
        hash: hashSecret(secret),
        ttlMs: SESSION_S * 1000,
      });
      setCookie(reply, secret, SESSION_S, secure);
      reply.code(201);
      return readAccount(host, LOCAL_ACCOUNT);
    },
  });

  app.route({
    method: 'DELETE',
    url: '/v1/session',
    config,
    schema: { tags, summary: 'Sign out', response: { 204: z.undefined() } },
    async handler(request, reply) {
      refuseCrossSite(request.method, request.headers);
      const known = await principals.bySession(request.headers);
      if (known?.sessionHash) {
        await deleteSession(host.pool, known.sessionHash);
        principals.forget(known.sessionHash);
      }
      setCookie(reply, '', 0, secure);
      reply.code(204);
    },
  });
}

function setCookie(reply: FastifyReply, value: string, maxAgeS: number, secure: boolean): void {
  const parts = [`${SESSION_COOKIE}=${value}`, 'Path=/', `Max-Age=${maxAgeS}`, 'HttpOnly'];
  reply.header('set-cookie', [...parts, 'SameSite=Lax', ...(secure ? ['Secure'] : [])].join('; '));
}
