// One job as server-sent events, for whoever follows one and not all: `curl -N`, a browser's EventSource.
import { z } from 'zod';
import type { Host } from '../../host.ts';
import { jobView } from '../../views.ts';
import { callerOf } from '../access.ts';
import type { App, Doorkeepers } from '../app.ts';
import { JobEvents } from '../job-events.ts';
import { refuse } from '../problems.ts';
import { findJob, jobId } from './jobs.ts';

const BEAT_MS = 15_000;
const SEQ = /^\d{1,15}$/;

export function jobEventRoutes(app: App, host: Host, keepers: Doorkeepers): void {
  const { sockets, revocations, principals } = keepers;
  const open = new Set<JobEvents>();
  // Whoever reads connects again, to a runtime that goes on.
  app.addHook('preClose', async () => {
    for (const events of open) events.close();
  });

  app.route({
    method: 'GET',
    url: '/v1/jobs/:id/events',
    config: { access: 'person', isHeldOpen: true },
    schema: {
      tags: ['jobs'],
      summary: 'One job, as server-sent events until it has ended',
      description:
        'First `job` with the job as it is, then `job` with each change, and between them, as they come, ' +
        '`progress`, `position` and `text` (numbered pieces of what is written; the whole text is the output). ' +
        'The `id` of `job` events goes into `Last-Event-ID` of the next connection, as an EventSource does it: ' +
        'then it goes on with what came after it, and answers 204 when the end was told already. Lines that ' +
        'begin with a colon come every 15 s and mean nothing.',
      params: z.strictObject({ id: jobId }),
      response: {
        200: z.string().meta({ description: 'text/event-stream' }),
        204: z.null().meta({ description: 'The end was told already' }),
      },
    },
    async handler(request, reply) {
      const { accountId, id: keyId } = callerOf(request);
      const jobId = request.params.id;
      const look = async () =>
        jobView(await findJob(host, accountId, jobId), host.dispatcher.outlook(jobId));
      // They are open as long as sockets are, and count as such.
      if (sockets.isFull || !sockets.admit(reply.raw, accountId))
        throw refuse('overloaded', 'Too many streams are open here. Close another one.');
      const { store, live, metrics } = host;
      const events = new JobEvents(
        { store, live, accountId, jobId, look, dropped: () => metrics.framesDropped.inc() },
        reply,
      );
      open.add(events);
      reply.raw.once('close', revocations.watch(keyId, events.close));
      const heartbeat = setInterval(() => {
        events.beat();
        principals.of(request.headers).catch((error: { status?: number }) => {
          if (error.status === 401) events.close();
        });
      }, BEAT_MS);
      const last = String(request.headers['last-event-id'] ?? '');
      const isTold = await events.run(SEQ.test(last) ? Number(last) : null).finally(() => {
        clearInterval(heartbeat);
        open.delete(events);
      });
      return isTold ? reply : reply.code(204).send(null);
    },
  });
}
