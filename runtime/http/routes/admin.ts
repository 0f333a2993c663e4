// For operators: any actor as it is stored, and what it went through. Looking changes nothing and spends
// nothing; the one thing to be done is to set a parked one going again.
import { z } from 'zod';
import { listActors } from '../../../db/queries/actors.ts';
import {
  actorKind,
  actorListView,
  actorView,
  journalView,
} from '../../../machines/contract/admin-views.ts';
import type { ActorRef } from '../../../machines/contract/ids.ts';
import type { Host } from '../../host.ts';
import { actorAt, turnsOf } from '../../inspector/looked-at.ts';
import { refOf } from '../../inspector/subscription.ts';
import { releaseActor } from '../../release.ts';
import { callerOf } from '../access.ts';
import type { App } from '../app.ts';
import { pageQuery, turnsQuery } from '../pages.ts';
import { refuse } from '../problems.ts';

const name = z.string().regex(/^[\w.-]{1,64}$/);

const params = z.strictObject({ kind: actorKind, id: name });
const account = name.optional().describe('Whose job it is; the others need none.');

const releaseView = z.object({
  object: z.literal('release'),
  /** Kept events that were applied now. */
  applied: z.number().int(),
  /** Why it is parked once more; null when it goes on. */
  stopped_by: z.string().nullable(),
});

const iso = (at: number) => new Date(at).toISOString();

export function adminRoutes(app: App, host: Host): void {
  const { pool } = host;
  const config = { access: 'admin' } as const;

  app.route({
    method: 'GET',
    url: '/v1/admin/actors',
    config,
    schema: {
      tags: ['admin'],
      summary: 'Actors that were turned last',
      querystring: z.strictObject({
        kind: actorKind.optional(),
        account,
        id: name.optional().describe('Its name; the account may be left out'),
        condition: z.enum(['open', 'settled', 'parked']).optional(),
        limit: pageQuery.shape.limit,
      }),
      response: { 200: actorListView },
    },
    async handler(request) {
      const { account: accountId, ...query } = request.query;
      const rows = await listActors(pool, { accountId, ...query });
      return {
        object: 'list' as const,
        data: rows.map(({ accountId: account, updatedAt, ...row }) => ({
          ...{ account, ...row, updated_at: iso(updatedAt) },
        })),
      };
    },
  });

  app.route({
    method: 'GET',
    url: '/v1/admin/actors/:kind/:id',
    config,
    schema: {
      tags: ['admin'],
      summary: 'One actor as it is stored, with its timers and what it has to do with',
      params,
      querystring: z.strictObject({ account }),
      response: { 200: actorView },
    },
    handler: (request) => actorAt(host, named(request.params, request.query.account)),
  });

  app.route({
    method: 'GET',
    url: '/v1/admin/actors/:kind/:id/journal',
    config,
    schema: {
      tags: ['admin'],
      summary: "An actor's turns, oldest first",
      params,
      querystring: z.strictObject({
        account,
        ...turnsQuery.shape,
      }),
      response: { 200: journalView },
    },
    handler: ({ params, query: { account, ...page } }) =>
      turnsOf(host, named(params, account), page),
  });

  app.route({
    method: 'POST',
    url: '/v1/admin/actors/:kind/:id/release',
    config,
    schema: {
      tags: ['admin'],
      summary: 'Set a parked actor going again',
      description:
        'Applies the events that were kept for it, in order. Mend first what made it stop: one that ' +
        'cannot be applied parks it once more.',
      params,
      querystring: z.strictObject({ account }),
      response: { 200: releaseView },
    },
    async handler(request) {
      const ref = named(request.params, request.query.account);
      const released = await releaseActor(host, ref, callerOf(request).id);
      if (!released) throw refuse('not_found', 'There is no such actor.');
      const { applied, stoppedBy } = released;
      return { object: 'release' as const, applied, stopped_by: stoppedBy };
    },
  });
}

function named(actor: Pick<ActorRef, 'kind' | 'id'>, account: string | undefined): ActorRef {
  const ref = refOf({ ...actor, account });
  if (ref) return ref;
  throw refuse('invalid_request', 'Say whose job it is: ?account=acc_…', {
    errors: [{ at: '/account', reason: 'is missing' }],
  });
}
