// What a frontend still has to bring to somebody: its memory, for it has none of its own. A delivery is there for each
// job that it asked for, until the frontend says that it was brought, or that it cannot be.
import { z } from 'zod';
import {
  changeDelivery,
  deleteForsaken,
  findDelivery,
  listOpenDeliveries,
  type DeliveryRow,
} from '../../../db/queries/deliveries.ts';
import {
  deliveryChange,
  deliveryListView,
  deliveryView as deliveryShape,
  type DeliveryView,
} from '../../../machines/contract/frontend-views.ts';
import { jobRef } from '../../../machines/contract/ids.ts';
import { restore } from '../../actor.ts';
import type { Host } from '../../host.ts';
import { jobView } from '../../views.ts';
import { callerOf } from '../access.ts';
import type { App } from '../app.ts';
import { pageQuery } from '../pages.ts';
import { refuse } from '../problems.ts';
import { jobId } from './jobs.ts';
import { sendOutput } from './outputs.ts';

/** Its job should have been made right after it. */
const FORSAKEN_MS = 3_600_000;

const byJob = z.strictObject({ job: jobId });
const tags = ['frontends'];
const config = { access: 'frontend' } as const;

export function deliveryRoutes(app: App, host: Host): void {
  const { pool } = host;

  app.route({
    method: 'GET',
    url: '/v1/deliveries',
    config,
    schema: {
      tags,
      summary: 'What is still to be brought to people, oldest first',
      description:
        'The jobs that this key asked for and that it has not settled, those under way among them. To be read ' +
        'whenever the stream is opened: what ended while nobody listened is here, however long ago.',
      querystring: pageQuery.extend({
        bot: z
          .string()
          .regex(/^[a-z][a-z0-9-]{0,39}$/)
          .optional()
          .describe('Only those whose `origin` begins with it'),
      }),
      response: { 200: deliveryListView },
    },
    async handler(request) {
      const { id: keyId } = callerOf(request);
      const page = await listOpenDeliveries(pool, keyId, request.query);
      const data = await deliveryViews(host, page.rows);
      return { object: 'list' as const, data, next_cursor: page.nextCursor };
    },
  });

  app.route({
    method: 'GET',
    url: '/v1/deliveries/:job',
    config,
    schema: {
      tags,
      summary: 'One of them, settled or not',
      params: byJob,
      response: { 200: deliveryShape },
    },
    async handler(request) {
      const row = await findDelivery(pool, callerOf(request).id, request.params.job);
      return viewOf(host, row);
    },
  });

  app.route({
    method: 'PATCH',
    url: '/v1/deliveries/:job',
    config,
    schema: {
      tags,
      summary: 'Keep a note with it, or settle it',
      description:
        'The note is kept as it is and comes back with the delivery. What is settled stays settled; a dead one is ' +
        'shown to the operator, who may have it tried again.',
      params: byJob,
      body: deliveryChange,
      response: { 200: deliveryShape },
    },
    async handler(request) {
      const { note, state, reason } = request.body;
      const text = note === undefined ? undefined : JSON.stringify(note);
      const change = { note: text, state, reason };
      const row = await changeDelivery(pool, callerOf(request).id, request.params.job, change);
      return viewOf(host, row);
    },
  });

  app.route({
    method: 'GET',
    url: '/v1/deliveries/:job/outputs/:n',
    config,
    schema: {
      tags,
      summary: 'The bytes of one output',
      description: 'Whoever it is for, and to whatever account they belong by now.',
      params: byJob.extend({ n: z.string().regex(/^\d{1,2}$/) }),
    },
    async handler(request, reply) {
      const { job, n } = request.params;
      const row = await findDelivery(pool, callerOf(request).id, job);
      if (!row) throw noSuchDelivery();
      return sendOutput(host, request, reply, row.accountId, job, Number(n));
    },
  });
}

const noSuchDelivery = () => refuse('not_found', 'This key has asked for no job with this id.');

async function viewOf(host: Host, row: DeliveryRow | null): Promise<DeliveryView> {
  const [view] = row ? await deliveryViews(host, [row]) : [];
  if (!view) throw noSuchDelivery();
  return view;
}

/** Those without a job are left out, and away when they are old. */
export async function deliveryViews(
  host: Host,
  rows: readonly DeliveryRow[],
): Promise<DeliveryView[]> {
  const stored = await host.store.load(rows.map((row) => jobRef(row.accountId, row.jobId)));
  const byId = new Map(stored.map((actor) => [actor.ref.id, actor]));
  const forsaken = rows.filter((row) => !byId.has(row.jobId));
  if (forsaken.length > 0) await deleteForsaken(host.pool, forsaken, FORSAKEN_MS);
  return rows.flatMap((row) => {
    const actor = byId.get(row.jobId);
    if (!actor) return [];
    const { person, bot, chat, state, reason } = row;
    return {
      object: 'delivery' as const,
      job: jobView(restore(actor), host.dispatcher.outlook(row.jobId)),
      ...{ person, bot, chat, state, reason },
      note: JSON.parse(row.note) as Record<string, unknown>,
      created_at: new Date(row.createdAt).toISOString(),
    };
  });
}
