// For operators: any actor as it is stored, and what it went through. Looking changes nothing and spends
// nothing; the one thing to be done is to set a parked one going again.
import { z } from 'zod';
import { listActors } from '../../../db/queries/actors.ts';
import { listParked, listTimers } from '../../../db/queries/journal.ts';
import {
  actorKind,
  actorListView,
  actorView,
  journalView,
  type ActorView,
} from '../../../machines/contract/admin-views.ts';
import type { ActorRef } from '../../../machines/contract/ids.ts';
import type { Host } from '../../host.ts';
import { linksOf } from '../../inspector/links.ts';
import { refOf } from '../../inspector/subscription.ts';
import { releaseActor } from '../../release.ts';
import { callerOf } from '../access.ts';
import type { App } from '../app.ts';
import { pageQuery } from '../pages.ts';
import { refuse } from '../problems.ts';

const PARKED_MAX = 100;

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
const parse = (text: string) => JSON.parse(text) as Record<string, unknown>;

export function adminRoutes(app: App, host: Host): void {
  const { pool, inspector } = host;
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
    async handler(request) {
      const row = await inspector.history.find(named(request.params, request.query.account));
      if (!row) throw refuse('not_found', 'There is no such actor.');
      const { ref, snapshot, createdAt, updatedAt, ...rest } = row;
      const [timers, parked] = await Promise.all([
        listTimers(pool, ref),
        row.parked ? listParked(pool, ref, PARKED_MAX) : [],
      ]);
      const { value, context, status } = parse(snapshot) as Pick<
        ActorView,
        'value' | 'context' | 'status'
      >;
      return {
        object: 'actor' as const,
        account: ref.accountId,
        kind: ref.kind,
        id: ref.id,
        chart: `${row.machine}@${row.version}`,
        ...rest,
        ...{ value, context, status },
        tags: [...row.tags],
        timers: timers.map(({ name, armingId, dueAt }) => ({
          ...{ name, revision: armingId, due_at: iso(dueAt) },
        })),
        parked_events: parked.map(({ id, event, reason, at }) => ({
          ...{ id, event: parse(event), reason, at: iso(at) },
        })),
        links: linksOf(ref, context).map(({ why, to }) => ({
          ...{ why, account: to.accountId, kind: to.kind, id: to.id },
        })),
        created_at: iso(createdAt),
        updated_at: iso(updatedAt),
      };
    },
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
        after: z
          .string()
          .regex(/^\d{1,15}$/, 'is not a revision')
          .transform(Number)
          .default(0)
          .describe('The last revision that is not wanted any more'),
        limit: pageQuery.shape.limit,
      }),
      response: { 200: journalView },
    },
    async handler(request) {
      const { after, limit } = request.query;
      const ref = named(request.params, request.query.account);
      const [row, turns] = await Promise.all([
        inspector.history.find(ref),
        inspector.history.rows(ref, after, limit + 1),
      ]);
      if (!row) throw refuse('not_found', 'There is no such actor.');
      const page = turns.slice(0, limit);
      return {
        object: 'list' as const,
        data: page.map(({ revision, at, event, from, to, patch, effects, batchId }) => ({
          ...{ revision, at: iso(at), event: parse(event), from: from === '-' ? null : from, to },
          ...{ patch: parse(patch), effects: parse(effects), batch: batchId },
        })),
        next_after: turns.length > limit ? page.at(-1)!.revision : null,
      };
    },
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
