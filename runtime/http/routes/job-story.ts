// A person looks into their own job: its chart's state and every turn it took, without what is the house's.
import { z } from 'zod';
import { actorView, journalView } from '../../../machines/contract/admin-views.ts';
import { jobRef } from '../../../machines/contract/ids.ts';
import type { Host } from '../../host.ts';
import { actorAt, actorForOwner, turnsForOwner, turnsOf } from '../../inspector/looked-at.ts';
import { callerOf } from '../access.ts';
import type { App } from '../app.ts';
import { turnsQuery } from '../pages.ts';
import { jobId } from './jobs.ts';

const tags = ['jobs'];
const params = z.strictObject({ id: jobId });

export function jobStoryRoutes(app: App, host: Host): void {
  const config = { access: 'person' } as const;

  app.route({
    method: 'GET',
    url: '/v1/jobs/:id/actor',
    config,
    schema: {
      tags,
      summary: 'A job as the statechart that it is',
      description: 'Names of workers and what engines said of themselves are hidden.',
      params,
      response: { 200: actorView },
    },
    handler: async (request) =>
      actorForOwner(await actorAt(host, jobRef(callerOf(request).accountId, request.params.id))),
  });

  app.route({
    method: 'GET',
    url: '/v1/jobs/:id/journal',
    config,
    schema: {
      tags,
      summary: 'What happened to a job, turn by turn, oldest first',
      params,
      querystring: turnsQuery,
      response: { 200: journalView },
    },
    async handler(request) {
      const ref = jobRef(callerOf(request).accountId, request.params.id);
      return turnsForOwner(await turnsOf(host, ref, request.query));
    },
  });
}
