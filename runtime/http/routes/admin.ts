// For operators: any actor as it is stored. Looking changes nothing and spends nothing.
import { z } from 'zod';
import { quotaRef, SYSTEM_ACCOUNT, type ActorRef } from '../../../machines/contract/ids.ts';
import type { Host } from '../../host.ts';
import type { App } from '../app.ts';
import { refuse } from '../problems.ts';

const name = z.string().regex(/^[\w.-]{1,64}$/);

const actorView = z.object({
  object: z.literal('actor'),
  account: z.string(),
  kind: z.enum(['job', 'worker', 'quota']),
  id: z.string(),
  machine: z.string(),
  version: z.number().int(),
  revision: z.number().int(),
  state: z.string(),
  tags: z.array(z.string()),
  parked: z.boolean(),
  /** As the chart left it: `value`, `context`, `status`, `timers`. */
  snapshot: z.record(z.string(), z.unknown()),
  created_at: z.iso.datetime(),
  updated_at: z.iso.datetime(),
});

export function adminRoutes(app: App, host: Host): void {
  app.route({
    method: 'GET',
    url: '/v1/admin/actors/:kind/:id',
    config: { access: 'admin' },
    schema: {
      tags: ['admin'],
      summary: 'One actor as it is stored',
      params: z.strictObject({ kind: z.enum(['job', 'worker', 'quota']), id: name }),
      querystring: z.strictObject({
        account: name.optional().describe('Whose job it is; workers and quotas need none.'),
      }),
      response: { 200: actorView },
    },
    async handler(request) {
      const [row] = await host.store.load([refOf(request.params, request.query.account)]);
      if (!row) throw refuse('not_found', 'There is no such actor.');
      const { ref, createdAt, updatedAt, snapshot, ...rest } = row;
      return {
        object: 'actor' as const,
        account: ref.accountId,
        kind: ref.kind,
        id: ref.id,
        ...rest,
        tags: [...row.tags],
        snapshot: JSON.parse(snapshot) as Record<string, unknown>,
        created_at: new Date(createdAt).toISOString(),
        updated_at: new Date(updatedAt).toISOString(),
      };
    },
  });
}

function refOf({ kind, id }: Pick<ActorRef, 'kind' | 'id'>, account: string | undefined): ActorRef {
  if (kind === 'worker') return { accountId: SYSTEM_ACCOUNT, kind, id };
  if (kind === 'quota') return quotaRef(id);
  if (account !== undefined) return { accountId: account, kind, id };
  throw refuse('invalid_request', 'Say whose job it is: ?account=acc_…', {
    errors: [{ at: '/account', reason: 'is missing' }],
  });
}
