// One's own sessions: where one is signed in, and ending it from elsewhere.
import { z } from 'zod';
import { endSession, listSessions } from '../../../db/queries/sessions.ts';
import { sessionListView } from '../../../machines/contract/identity-views.ts';
import type { Host } from '../../host.ts';
import { callerOf } from '../access.ts';
import type { App } from '../app.ts';
import type { Principals } from '../principals.ts';
import { refuse } from '../problems.ts';

const tags = ['account'];
const config = { access: 'owner' } as const;
const iso = (at: number) => new Date(at).toISOString();

export function accountSessionRoutes(app: App, host: Host, principals: Principals): void {
  app.route({
    method: 'GET',
    url: '/v1/account/sessions',
    config,
    schema: { tags, summary: 'Where one is signed in', response: { 200: sessionListView } },
    async handler(request) {
      const { accountId, sessionHash = null } = callerOf(request);
      const rows = await listSessions(host.pool, accountId, sessionHash);
      return {
        object: 'list' as const,
        data: rows.map((row) => ({
          ...{ object: 'session' as const, id: row.id, identity: row.identity, agent: row.agent },
          is_this: row.isThis,
          created_at: iso(row.createdAt),
          last_seen_at: iso(row.lastSeenAt),
          expires_at: iso(row.expiresAt),
        })),
      };
    },
  });

  app.route({
    method: 'DELETE',
    url: '/v1/account/sessions/:id',
    config,
    schema: {
      tags,
      summary: 'End a session',
      description: 'Whoever uses it is out within five seconds.',
      params: z.strictObject({ id: z.string().regex(/^ses_\w{1,60}$/) }),
      response: { 204: z.undefined() },
    },
    async handler(request, reply) {
      const { accountId, id: by } = callerOf(request);
      if (!(await endSession(host.pool, { accountId, id: request.params.id, by })))
        throw refuse('not_found', 'There is no such session, or it has ended.');
      principals.forgetAll();
      reply.code(204);
    },
  });
}
