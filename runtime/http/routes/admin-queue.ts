// For operators: what waits, what of it is held up, and a job's place in the line.
import { insertAudit } from '../../../db/queries/audit.ts';
import { deletePause, insertPause } from '../../../db/queries/pauses.ts';
import { z } from 'zod';
import {
  moveRequest,
  moveView,
  pauseRequest,
  queueView,
  type PauseRequest,
  type QueueView,
} from '../../../machines/contract/admin-views.ts';
import { jobRef, SYSTEM_ACCOUNT } from '../../../machines/contract/ids.ts';
import type { PauseTarget } from '../../../machines/contract/pauses.ts';
import type { Host } from '../../host.ts';
import { callerOf } from '../access.ts';
import type { App } from '../app.ts';
import { refuse } from '../problems.ts';

const name = z.string().regex(/^[\w.-]{1,64}$/);

export function adminQueueRoutes(app: App, host: Host): void {
  const { pool, pauses } = host;
  const config = { access: 'admin' } as const;
  const tags = ['admin'];

  app.route({
    method: 'GET',
    url: '/v1/admin/queue',
    config,
    schema: {
      tags,
      summary: 'What waits, by model and plan, and what is paused',
      response: { 200: queueView },
    },
    handler: async () => viewOf(host),
  });

  app.route({
    method: 'POST',
    url: '/v1/admin/queue/pause',
    config,
    schema: {
      tags,
      summary: 'Hold up the queue, one model, one plan or one worker',
      description:
        'What waits stays in its place, what runs goes on. It holds for every runtime within a second, and until ' +
        'it is taken back, over restarts, too.',
      body: pauseRequest,
      response: { 200: queueView },
    },
    async handler(request) {
      const target = targetOf(request.body);
      mustExist(host, target);
      await insertPause(pool, { ...target, by: callerOf(request).id });
      await pauses.runOnce();
      return viewOf(host);
    },
  });

  app.route({
    method: 'POST',
    url: '/v1/admin/queue/resume',
    config,
    schema: {
      tags,
      summary: 'Take a pause back',
      description: 'Only the pause of just this name: others that cover the same jobs stay.',
      body: pauseRequest,
      response: { 200: queueView },
    },
    async handler(request) {
      await deletePause(pool, { ...targetOf(request.body), by: callerOf(request).id });
      await pauses.runOnce();
      return viewOf(host);
    },
  });

  app.route({
    method: 'POST',
    url: '/v1/admin/jobs/:id/move',
    config,
    schema: {
      tags,
      summary: 'Put one waiting job in front of all, or behind them',
      params: z.strictObject({ id: name }),
      querystring: z.strictObject({
        account: name.optional().describe('Whose job it is; only for one that was just asked for.'),
      }),
      body: moveRequest,
      response: { 200: moveView },
    },
    async handler(request) {
      const { id } = request.params;
      const { account } = request.query;
      const { to } = request.body;
      const ref = account === undefined ? host.dispatcher.find(id) : jobRef(account, id);
      const [row] = ref ? await host.store.load([ref]) : [];
      if (!ref || !row) throw refuse('not_found', 'There is no such job under way.');
      await insertAudit(pool, {
        ...{ accountId: SYSTEM_ACCOUNT, by: callerOf(request).id, action: 'job.moveRequested' },
        details: { account: ref.accountId, job: id, to },
      });
      const outcome = await host.turns.post(ref, { type: 'job.moveRequested', to });
      if (!outcome.ok || !outcome.actor?.snapshot.hasTag('waiting'))
        throw refuse('not_waiting', 'Only a job that waits has a place in the line.');
      return { object: 'move' as const, job: id, to };
    },
  });
}

const targetOf = ({ model, plan, worker }: PauseRequest): PauseTarget => {
  if (model !== undefined) return { scope: 'model', name: model };
  if (plan !== undefined) return { scope: 'plan', name: plan };
  return worker === undefined ? { scope: 'queue', name: '' } : { scope: 'worker', name: worker };
};

/** A slip of the pen would otherwise hold up nothing, and nobody would know. */
function mustExist({ dispatcher }: Host, { scope, name }: PauseTarget): void {
  if (scope === 'model' && !dispatcher.models().some(({ id }) => id === name))
    throw refuse('not_found', `No worker has offered a model called ${name}.`);
  if (scope === 'worker' && !dispatcher.worker(name))
    throw refuse('not_found', `There is no worker ${name}.`);
}

const viewOf = ({ pauses, dispatcher }: Host): QueueView => ({
  object: 'queue',
  pauses: pauses.all.map(({ scope, name, by, at }) => ({
    ...{ scope, name: name === '' ? null : name, by, at: new Date(at).toISOString() },
  })),
  waiting: dispatcher.lines.map(({ waiting, ...line }) => ({ ...line, jobs: waiting })),
});
