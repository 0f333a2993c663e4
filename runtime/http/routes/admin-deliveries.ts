// What bots could not bring to anybody, and another try.
import { z } from 'zod';
import { listDeadDeliveries, retryDelivery } from '../../../db/queries/deliveries.ts';
import { deliveryListView } from '../../../machines/contract/frontend-views.ts';
import type { Host } from '../../host.ts';
import { callerOf } from '../access.ts';
import type { App } from '../app.ts';
import { pageQuery } from '../pages.ts';
import { refuse } from '../problems.ts';
import { deliveryViews } from './deliveries.ts';
import { jobId } from './jobs.ts';

const tags = ['admin'];
const config = { access: 'admin' } as const;

export function adminDeliveryRoutes(app: App, host: Host): void {
  app.route({
    method: 'GET',
    url: '/v1/admin/deliveries',
    config,
    schema: {
      tags,
      summary: 'What no bot could bring to anybody, newest first',
      querystring: pageQuery,
      response: { 200: deliveryListView },
    },
    async handler(request) {
      const page = await listDeadDeliveries(host.pool, request.query);
      const data = await deliveryViews(host, page.rows);
      return { object: 'list' as const, data, next_cursor: page.nextCursor };
    },
  });

  app.route({
    method: 'POST',
    url: '/v1/admin/deliveries/:job/retry',
    config,
    schema: {
      tags,
      summary: 'Have its bot try again',
      description: 'The bot looks for such about twice a minute.',
      params: z.strictObject({ job: jobId }),
      response: { 202: z.object({ object: z.literal('delivery'), job: z.string() }) },
    },
    async handler(request, reply) {
      const { job } = request.params;
      if (!(await retryDelivery(host.pool, job, callerOf(request).id)))
        throw refuse('not_found', 'There is no dead delivery of this job.');
      return reply.code(202).send({ object: 'delivery' as const, job });
    },
  });
}
