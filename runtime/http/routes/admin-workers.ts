// For operators: the workers, and what is asked of one. Each wish is an event to its actor.
import { z } from 'zod';
import { insertAudit } from '../../../db/queries/audit.ts';
import {
  adminWorkerListView,
  adminWorkerView,
  pinRequest,
  type AdminWorkerView,
} from '../../../machines/contract/admin-views.ts';
import type { WorkerEvent } from '../../../machines/contract/events.ts';
import { SYSTEM_ACCOUNT, workerRef } from '../../../machines/contract/ids.ts';
import type { Span, Times } from '../../../machines/scheduling/times.ts';
import type { WorkerContext } from '../../../machines/worker/context.ts';
import { stateName, type Actor } from '../../actor.ts';
import type { Host } from '../../host.ts';
import { hasRoomBeside } from '../../pins.ts';
import { contextOf } from '../../views.ts';
import { callerOf } from '../access.ts';
import type { App } from '../app.ts';
import { refuse } from '../problems.ts';

const config = { access: 'admin' } as const;
const tags = ['admin'];
const params = z.strictObject({ id: z.string().regex(/^[\w.-]{1,64}$/) });

const WISHES = {
  drain: {
    type: 'worker.drainRequested',
    summary: 'Let a worker finish what it has and take nothing new',
  },
  resume: {
    type: 'worker.resumeRequested',
    summary: 'Let a drained, resting or quarantined worker work again',
  },
  quarantine: {
    type: 'worker.quarantineRequested',
    summary: 'Take a worker out of service until somebody resumes it',
  },
} as const;

export function adminWorkerRoutes(app: App, host: Host): void {
  app.route({
    method: 'GET',
    url: '/v1/admin/workers',
    config,
    schema: {
      tags,
      summary: 'Every worker that has ever said hello',
      response: { 200: adminWorkerListView },
    },
    handler: async () => ({
      object: 'list' as const,
      data: host.dispatcher.workers.map((worker) => viewOf(host, worker)),
    }),
  });

  for (const [wish, { type, summary }] of Object.entries(WISHES))
    app.route({
      method: 'POST',
      url: `/v1/admin/workers/:id/${wish}`,
      config,
      schema: { tags, summary, params, response: { 200: adminWorkerView } },
      handler: (request) => post(host, request.params.id, { type }, callerOf(request)),
    });

  app.route({
    method: 'POST',
    url: '/v1/admin/workers/:id/pin',
    config,
    schema: {
      tags,
      summary: 'Keep a model in the memory of a worker',
      description:
        'No other model displaces it. An idle worker loads it at once, a busy one with its next job. Models that do ' +
        'not fit beside it are not given to this worker any more.',
      params,
      body: pinRequest,
      response: { 200: adminWorkerView },
    },
    async handler(request) {
      const { id } = request.params;
      const { model } = request.body;
      const { offer, run } = contextOf<WorkerContext>(find(host, id));
      const offered = offer.models.find((each) => each.id === model);
      if (!offered) throw refuse('not_found', `${offer.name} has no model ${model}.`);
      if (!hasRoomBeside(run.pinned, offered, offer))
        throw refuse(
          'impossible',
          `${model} does not fit beside what is pinned already: ${run.pinned.join(', ')}. Unpin it first.`,
        );
      return post(host, id, { type: 'model.pinRequested', model }, callerOf(request));
    },
  });

  app.route({
    method: 'POST',
    url: '/v1/admin/workers/:id/unpin',
    config,
    schema: {
      tags,
      summary: 'Let a model make room for others again',
      params,
      body: pinRequest,
      response: { 200: adminWorkerView },
    },
    async handler(request) {
      const { model } = request.body;
      const event = { type: 'model.unpinRequested', model } as const;
      return post(host, request.params.id, event, callerOf(request));
    },
  });
}

function find({ dispatcher }: Host, id: string): Actor {
  const worker = dispatcher.worker(id);
  if (worker) return worker;
  throw refuse('not_found', `There is no worker ${id}.`);
}

/** Written down first: what is asked for and not noted would be nobody's doing. */
async function post(
  host: Host,
  id: string,
  event: WorkerEvent,
  { id: by }: { readonly id: string },
): Promise<AdminWorkerView> {
  find(host, id);
  await insertAudit(host.pool, {
    ...{ accountId: SYSTEM_ACCOUNT, by, action: event.type },
    details: { worker: id, ...('model' in event ? { model: event.model } : {}) },
  });
  const outcome = await host.turns.post(workerRef(id), event);
  if (!outcome.ok || !outcome.actor) throw refuse('not_found', `There is no worker ${id}.`);
  return viewOf(host, outcome.actor);
}

function viewOf({ pauses, times }: Host, actor: Actor): AdminWorkerView {
  const { offer, run } = contextOf<WorkerContext>(actor);
  return {
    object: 'worker',
    id: actor.ref.id,
    name: offer.name,
    state: stateName(actor.snapshot.value),
    connected: run.runtime !== '',
    paused: pauses.has('worker', actor.ref.id),
    gpu: offer.gpu?.name ?? null,
    slots: offer.slots,
    busy: Object.keys(run.slots).length,
    models: offer.models.map(({ id }) => id),
    loaded: [...run.loaded],
    loading: run.loading,
    pinned: [...run.pinned],
    times: offer.models.map(({ id }) => timesOf(times, actor.ref.id, id)),
  };
}

function timesOf(times: Times, worker: string, model: string): AdminWorkerView['times'][number] {
  const { runs, loads } = times.seen(worker, model);
  return {
    model,
    run_ms: rounded(times.runMs(worker, model, 1)),
    load_ms: rounded(times.loadMs(worker, model)),
    runs_seen: runs,
    loads_seen: loads,
  };
}

const rounded = ({ median, low, high }: Span): Span => ({
  median: Math.round(median),
  low: Math.round(low),
  high: Math.round(high),
});
