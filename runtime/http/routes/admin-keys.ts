// For operators: tokens for new workers, the keys of the house, and what was done and refused.
import { z } from 'zod';
import { listApiKeys, revokeApiKey } from '../../../db/queries/api-keys.ts';
import { listAudit } from '../../../db/queries/audit.ts';
import { insertEnrolment } from '../../../db/queries/enrolments.ts';
import { SYSTEM_ACCOUNT } from '../../../machines/contract/ids.ts';
import type { Host } from '../../host.ts';
import { ENROLMENT_TTL_MS, makeEnrolment, workerIdOf } from '../../keys.ts';
import { callerOf } from '../access.ts';
import type { App } from '../app.ts';
import { pageQuery } from '../pages.ts';
import { refuse } from '../problems.ts';
import type { Revocations } from '../revocations.ts';
import { workerName } from './enrolment.ts';

const time = z.iso.datetime();
const iso = (at: number) => new Date(at).toISOString();
const isoOrNull = (at: number | null) => (at === null ? null : iso(at));

const enrolmentView = z.object({
  object: z.literal('enrolment'),
  id: z.string(),
  /** Told this once. */
  token: z.string(),
  name: z.string().nullable(),
  expires_at: time,
});

const keyListView = z.object({
  object: z.literal('list'),
  data: z.array(
    z.object({
      object: z.literal('key'),
      id: z.string(),
      kind: z.string(),
      name: z.string(),
      /** Of a worker's key: which worker that is. */
      worker: z.string().nullable(),
      created_at: time,
      last_used_at: time.nullable(),
      revoked_at: time.nullable(),
    }),
  ),
});

const auditView = z.object({
  object: z.literal('list'),
  data: z.array(
    z.object({
      position: z.number().int(),
      at: time,
      by: z.string(),
      action: z.string(),
      details: z.record(z.string(), z.unknown()),
    }),
  ),
});

export function adminKeyRoutes(app: App, host: Host, revocations: Revocations): void {
  const { pool } = host;
  const config = { access: 'admin' } as const;
  const tags = ['admin'];

  app.route({
    method: 'POST',
    url: '/v1/admin/enrolments',
    config,
    schema: {
      tags,
      summary: 'Make a token by which one worker gets its key',
      description: 'It holds for 15 minutes. On the worker: `tessera worker enrol TOKEN`.',
      body: z.strictObject({
        name: workerName.optional().describe('What the worker will be called'),
      }),
      response: { 201: enrolmentView },
    },
    async handler(request, reply) {
      const { name = null } = request.body;
      const { id, token, hash } = makeEnrolment();
      const { expiresAt } = await insertEnrolment(pool, {
        ...{ accountId: SYSTEM_ACCOUNT, id, hash, name, ttlMs: ENROLMENT_TTL_MS },
        by: callerOf(request).id,
      });
      reply.code(201);
      return { object: 'enrolment' as const, id, token, name, expires_at: iso(expiresAt) };
    },
  });

  app.route({
    method: 'GET',
    url: '/v1/admin/keys',
    config,
    schema: {
      tags,
      summary: 'The keys of workers, frontends and administrators',
      response: { 200: keyListView },
    },
    async handler() {
      const keys = await listApiKeys(pool, SYSTEM_ACCOUNT);
      return {
        object: 'list' as const,
        data: keys.map(({ id, kind, name, createdAt, lastUsedAt, revokedAt }) => ({
          ...{ object: 'key' as const, id, kind, name },
          worker: kind === 'worker' ? workerIdOf(id) : null,
          created_at: iso(createdAt),
          last_used_at: isoOrNull(lastUsedAt),
          revoked_at: isoOrNull(revokedAt),
        })),
      };
    },
  });

  app.route({
    method: 'POST',
    url: '/v1/admin/keys/:id/revoke',
    config,
    schema: {
      tags,
      summary: 'Revoke a key',
      description: 'Whoever uses it is out within five seconds, from open sockets, too.',
      params: z.strictObject({ id: z.string().regex(/^key_\w{1,60}$/) }),
      response: { 200: z.object({ object: z.literal('key'), id: z.string() }) },
    },
    async handler(request) {
      const { id } = request.params;
      if (!(await revokeApiKey(pool, { id, by: callerOf(request).id })))
        throw refuse('not_found', 'There is no such key, or it was revoked before.');
      await revocations.runOnce();
      return { object: 'key' as const, id };
    },
  });

  app.route({
    method: 'GET',
    url: '/v1/admin/audit',
    config,
    schema: {
      tags,
      summary: 'What was done and what was refused, newest first',
      querystring: z.strictObject({
        before: z
          .string()
          .regex(/^\d{1,15}$/, 'is not a position')
          .transform(Number)
          .optional()
          .describe('The last position that was seen'),
        limit: pageQuery.shape.limit,
      }),
      response: { 200: auditView },
    },
    async handler({ query: { before = null, limit } }) {
      const rows = await listAudit(pool, SYSTEM_ACCOUNT, { before, limit });
      return {
        object: 'list' as const,
        data: rows.map(({ at, details, ...rest }) => ({
          ...{ ...rest, at: iso(at), details: JSON.parse(details) as Record<string, unknown> },
        })),
      };
    },
  });
}
