// Browsers sign in here where there is nobody to prove who one is: then there is one local person, and only
// programs on this machine get as far as this (local-guard.ts). Elsewhere see sign-in.ts.
import { z } from 'zod';
import { ensureAccount } from '../../../db/queries/accounts.ts';
import { accountView as accountShape } from '../../../machines/contract/views.ts';
import { showAccount } from '../../account.ts';
import type { Host } from '../../host.ts';
import type { App } from '../app.ts';
import { refuseCrossSite } from '../origin-check.ts';
import { LOCAL_ACCOUNT, type Principals } from '../principals.ts';
import { refuse } from '../problems.ts';
import type { Sessions } from '../sessions.ts';

const tags = ['session'];
// Both work on what the request carries itself; neither needs somebody to be signed in.
const config = { access: 'public' } as const;

export function sessionRoutes(
  app: App,
  host: Host,
  principals: Principals,
  sessions: Sessions,
): void {
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
      const known = await principals.bySession(request.headers);
      if (known) return showAccount(host, known.accountId);
      if (!host.config.isLocalMode)
        throw refuse('sign_in_required', 'Sign in with an account: this Tessera is a public one.');
      await ensureAccount(host.pool, LOCAL_ACCOUNT);
      await sessions.open(request, reply, LOCAL_ACCOUNT, null);
      reply.code(201);
      return showAccount(host, LOCAL_ACCOUNT);
    },
  });

  app.route({
    method: 'DELETE',
    url: '/v1/session',
    config,
    schema: { tags, summary: 'Sign out', response: { 204: z.undefined() } },
    async handler(request, reply) {
      refuseCrossSite(request.method, request.headers);
      await sessions.end(request, reply);
      reply.code(204);
    },
  });
}
