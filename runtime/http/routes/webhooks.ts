// Webhooks: who is told by HTTP when a job ends, as Standard Webhooks has it. Sending is `../../webhooks/`.
import { randomBytes } from 'node:crypto';
import { z } from 'zod';
import {
  deleteWebhook,
  enableWebhook,
  insertDelivery,
  insertWebhook,
  listDeliveries,
  listWebhooks,
  replayDelivery,
  rotateSecret,
  type DeliveryRow,
  type WebhookRow,
} from '../../../db/queries/webhooks.ts';
import type { Host } from '../../host.ts';
import { invalid } from '../../refusals.ts';
import { Egress, NotCalled } from '../../webhooks/egress.ts';
import { PING, WEBHOOK_EVENTS } from '../../webhooks/events.ts';
import { callerOf } from '../access.ts';
import type { App } from '../app.ts';
import { pageQuery } from '../pages.ts';
import { refuse } from '../problems.ts';

const WEBHOOKS_MAX = 10;
const SECRET_BYTES = 32;
const OVERLAP_MS = 24 * 3_600_000;

const webhookId = z.string().regex(/^whk_[0-9a-z]{26}$/);
const byId = z.strictObject({ id: webhookId });
const time = z.iso.datetime();
const wish = z.strictObject({
  url: z.string().max(2_000).describe('https, on port 443, and on the public internet'),
  events: z
    .array(z.enum(WEBHOOK_EVENTS))
    .min(1)
    .max(WEBHOOK_EVENTS.length)
    .default([...WEBHOOK_EVENTS]),
});
const webhookView = z.object({
  id: z.string(),
  object: z.literal('webhook'),
  url: z.string(),
  events: z.array(z.string()),
  created_at: time,
  failing_since: time.nullable(),
  disabled_at: time.nullable(),
  disabled_because: z.string().nullable(),
});
const withSecret = webhookView.extend({
  secret: z.string().describe('`whsec_…`, shown this once: a receiver verifies with it'),
});
const deliveryView = z.object({
  id: z.string().describe('The `webhook-id` that the receiver sees, the same for every try'),
  object: z.literal('webhook_delivery'),
  event: z.string(),
  job_id: z.string().nullable(),
  state: z.enum(['waiting', 'delivered', 'failed']),
  attempts: z.number().int(),
  status: z.number().int().nullable().describe('What the receiver answered last'),
  error: z.string().nullable(),
  created_at: time,
  next_at: time.nullable(),
  delivered_at: time.nullable(),
});
const listOf = <Shape extends z.ZodType>(shape: Shape) =>
  z.object({ object: z.literal('list'), data: z.array(shape), next_cursor: z.string().nullable() });

const tags = ['webhooks'];
const config = { access: 'person' } as const;

export function webhookRoutes(app: App, host: Host): void {
  const { pool, ids, clock } = host;
  const egress = new Egress({ allowed: host.config.webhookTargets });
  const newSecret = () => `whsec_${randomBytes(SECRET_BYTES).toString('base64')}`;

  app.route({
    method: 'POST',
    url: '/v1/account/webhooks',
    config,
    schema: {
      tags,
      summary: 'Be told when a job ends',
      description:
        'Each event is posted as Standard Webhooks has it: `webhook-id`, `webhook-timestamp`, `webhook-signature`, ' +
        'and `{type, timestamp, data}` with the job as data. At least once: go by `webhook-id`. What is not ' +
        'answered with 2xx within 15 s is tried again seven times over 27 hours; 410, or five days without one ' +
        'that came through, switches the webhook off.',
      body: wish,
      response: { 201: withSecret },
    },
    async handler(request, reply) {
      const { accountId } = callerOf(request);
      const { url, events } = request.body;
      refuseAddress(egress, url);
      const id = ids.make('whk', clock.now());
      const secret = newSecret();
      const webhook = { accountId, id, url, events: [...new Set(events)], secret };
      if (!(await insertWebhook(pool, webhook, WEBHOOKS_MAX)))
        throw refuse('too_many_webhooks', `An account has ${WEBHOOKS_MAX} webhooks at most.`);
      const made = (await listWebhooks(pool, accountId)).find((each) => each.id === id);
      if (!made) throw noSuchWebhook();
      return reply.code(201).send({ ...viewOf(made), secret });
    },
  });

  app.route({
    method: 'GET',
    url: '/v1/account/webhooks',
    config,
    schema: { tags, summary: 'My webhooks', response: { 200: listOf(webhookView) } },
    async handler(request) {
      const rows = await listWebhooks(pool, callerOf(request).accountId);
      return { object: 'list' as const, data: rows.map(viewOf), next_cursor: null };
    },
  });

  app.route({
    method: 'DELETE',
    url: '/v1/account/webhooks/:id',
    config,
    schema: { tags, summary: 'Be told no more', params: byId, response: { 204: z.null() } },
    async handler(request, reply) {
      if (!(await deleteWebhook(pool, callerOf(request).accountId, request.params.id)))
        throw noSuchWebhook();
      return reply.code(204).send(null);
    },
  });

  app.route({
    method: 'POST',
    url: '/v1/account/webhooks/:id/rotate',
    config,
    schema: {
      tags,
      summary: 'Sign with another secret',
      description: 'For 24 hours both sign, so that the receiver can change over.',
      params: byId,
      response: { 200: withSecret },
    },
    async handler(request) {
      const { accountId } = callerOf(request);
      const secret = newSecret();
      const { id } = request.params;
      const row = await rotateSecret(pool, { accountId, id, secret, overlapMs: OVERLAP_MS });
      if (!row) throw noSuchWebhook();
      return { ...viewOf(row), secret };
    },
  });

  app.route({
    method: 'POST',
    url: '/v1/account/webhooks/:id/enable',
    config,
    schema: {
      tags,
      summary: 'Use a webhook again that was switched off',
      description: 'What waits is sent now. What happened meanwhile was not kept for it.',
      params: byId,
      response: { 200: webhookView },
    },
    async handler(request) {
      const row = await enableWebhook(pool, callerOf(request).accountId, request.params.id);
      if (!row) throw noSuchWebhook();
      return viewOf(row);
    },
  });

  app.route({
    method: 'POST',
    url: '/v1/account/webhooks/:id/ping',
    config,
    schema: {
      tags,
      summary: 'Send a test event',
      params: byId,
      response: { 202: z.object({ id: z.string(), object: z.literal('webhook_delivery') }) },
    },
    async handler(request, reply) {
      const { accountId } = callerOf(request);
      const webhookId = request.params.id;
      const now = clock.now();
      const id = `${webhookId}.${ids.make('ping', now)}`;
      const timestamp = new Date(now).toISOString();
      const payload = JSON.stringify({ type: PING, timestamp, data: { webhook: webhookId } });
      if (!(await insertDelivery(pool, { accountId, id, webhookId, event: PING, payload })))
        throw noSuchWebhook();
      return reply.code(202).send({ id, object: 'webhook_delivery' as const });
    },
  });

  app.route({
    method: 'GET',
    url: '/v1/account/webhooks/:id/deliveries',
    config,
    schema: {
      tags,
      summary: 'What a webhook was told, newest first',
      description: 'Kept for 30 days.',
      params: byId,
      querystring: pageQuery,
      response: { 200: listOf(deliveryView) },
    },
    async handler(request) {
      const { accountId } = callerOf(request);
      const known = await listWebhooks(pool, accountId);
      if (!known.some(({ id }) => id === request.params.id)) throw noSuchWebhook();
      const page = await listDeliveries(pool, accountId, request.params.id, request.query);
      const data = page.rows.map(deliveryOf);
      return { object: 'list' as const, data, next_cursor: page.nextCursor };
    },
  });

  app.route({
    method: 'POST',
    url: '/v1/account/webhooks/:id/deliveries/:delivery/replay',
    config,
    schema: {
      tags,
      summary: 'Send it again',
      description: 'Under the same `webhook-id`, and with all its tries.',
      params: byId.extend({ delivery: z.string().max(100) }),
      response: { 202: z.object({ id: z.string(), object: z.literal('webhook_delivery') }) },
    },
    async handler(request, reply) {
      const { accountId } = callerOf(request);
      const { id: webhookId, delivery: id } = request.params;
      if (!(await replayDelivery(pool, { accountId, webhookId, id })))
        throw refuse('not_found', 'There is no delivery with this id.');
      return reply.code(202).send({ id, object: 'webhook_delivery' as const });
    },
  });
}

function refuseAddress(egress: Egress, url: string): void {
  try {
    egress.check(url);
  } catch (error) {
    if (!(error instanceof NotCalled)) throw error;
    throw invalid('This address cannot be told anything.', [{ at: '/url', reason: error.message }]);
  }
}

const noSuchWebhook = () => refuse('not_found', 'There is no webhook with this id among yours.');

const iso = (at: number) => new Date(at).toISOString();
const isoOrNull = (at: number | null) => (at === null ? null : iso(at));

const viewOf = (row: WebhookRow) => ({
  id: row.id,
  object: 'webhook' as const,
  url: row.url,
  events: row.events,
  created_at: iso(row.createdAt),
  failing_since: isoOrNull(row.failingSince),
  disabled_at: isoOrNull(row.disabledAt),
  disabled_because: row.disabledBecause,
});

const deliveryOf = (row: DeliveryRow) => ({
  id: row.id,
  object: 'webhook_delivery' as const,
  event: row.event,
  job_id: row.jobId,
  state: row.state,
  attempts: row.attempts,
  status: row.status,
  error: row.error,
  created_at: iso(row.createdAt),
  next_at: row.state === 'waiting' ? iso(row.nextAt) : null,
  delivered_at: isoOrNull(row.deliveredAt),
});
