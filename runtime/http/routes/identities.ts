// Who one is elsewhere, and leaving again: an identity alone, or an account that had become part of this one.
import { z } from 'zod';
import { listIdentities } from '../../../db/queries/identities.ts';
import { listJoined } from '../../../db/queries/joined-accounts.ts';
import { endSessionsOf } from '../../../db/queries/sessions.ts';
import { identityListView } from '../../../machines/contract/identity-views.ts';
import type { Host } from '../../host.ts';
import { partAccount, RETURNS_FOR_MS, unlinkIdentity } from '../../linking.ts';
import { callerOf } from '../access.ts';
import type { App } from '../app.ts';
import type { Principals } from '../principals.ts';
import { refuse } from '../problems.ts';

const tags = ['account'];
const config = { access: 'person' } as const;
const iso = (at: number) => new Date(at).toISOString();

export function identityRoutes(app: App, host: Host, principals: Principals): void {
  const { pool } = host;

  app.route({
    method: 'GET',
    url: '/v1/account/identities',
    config,
    schema: {
      tags,
      summary: 'Who this account is, on which platform',
      response: { 200: identityListView },
    },
    async handler(request) {
      const { accountId } = callerOf(request);
      const [identities, joined] = await Promise.all([
        listIdentities(pool, accountId),
        listJoined(pool, accountId),
      ]);
      return {
        object: 'list' as const,
        data: identities.map(({ provider, subject, name, accountId: opens, createdAt }) => ({
          ...{ object: 'identity' as const, id: `${provider}:${subject}`, provider, name },
          joined_account: opens === accountId ? null : opens,
          linked_at: iso(createdAt),
        })),
        joined: joined.map(({ accountId: account, joinedAt }) => ({
          ...{ account, joined_at: iso(joinedAt), returns_until: iso(joinedAt + RETURNS_FOR_MS) },
        })),
      };
    },
  });

  app.route({
    method: 'DELETE',
    url: '/v1/account/identities/:id',
    config,
    schema: {
      tags,
      summary: 'Unlink an identity',
      description:
        'It opens an account of its own from now on: the one it had before, with what it brought if that is not ' +
        'longer ago than 30 days, or a new one. Neither is granted tokens for a day on which this one was.',
      params: z.strictObject({ id: z.string().regex(/^[a-z]+:[\w.:-]{1,300}$/) }),
      response: { 204: z.undefined() },
    },
    async handler(request, reply) {
      const { accountId, id: by } = callerOf(request);
      const identities = await listIdentities(pool, accountId);
      const identity = identities.find(
        ({ provider, subject }) => `${provider}:${subject}` === request.params.id,
      );
      if (!identity) throw refuse('not_found', 'This account has no such identity.');
      await unlinkIdentity(host, accountId, identity, by);
      await endSessionsOf(pool, request.params.id);
      principals.forgetAll();
      reply.code(204);
    },
  });

  app.route({
    method: 'POST',
    url: '/v1/account/links/undo',
    config,
    schema: {
      tags,
      summary: 'Make an account that is part of this one its own again',
      description:
        'Everybody who came by it has it again. Within 30 days it gets back what is left of the bought tokens ' +
        'that it brought.',
      body: z.strictObject({ account: z.string().regex(/^\w{1,64}$/) }),
      response: { 204: z.undefined() },
    },
    async handler(request, reply) {
      const { accountId, id: by } = callerOf(request);
      const joined = await listJoined(pool, accountId);
      if (!joined.some((each) => each.accountId === request.body.account))
        throw refuse('not_found', 'No such account is part of this one.');
      await partAccount(host, request.body.account, by);
      principals.forgetAll();
      reply.code(204);
    },
  });
}
