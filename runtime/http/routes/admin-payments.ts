// For operators: what was paid and is not credited, and giving money back.
import { z } from 'zod';
import { insertAudit } from '../../../db/queries/audit.ts';
import { findPayment, listNotApplied } from '../../../db/queries/payments.ts';
import { listStuckEvents, tryEventsAgain } from '../../../db/queries/provider-events.ts';
import { RAILS } from '../../../machines/contract/payments.ts';
import type { Host } from '../../host.ts';
import { callerOf } from '../access.ts';
import type { App } from '../app.ts';
import { refuse } from '../problems.ts';
import { paymentOf, paymentView, railOf, toldWhy } from './payments.ts';

const SHOWN_MAX = 100;
/** Younger ones are still on their way. */
const STUCK_MS = 60_000;
const iso = (at: number) => new Date(at).toISOString();
const time = z.iso.datetime();
const tags = ['admin'];
const config = { access: 'admin' } as const;

const stuckView = z.object({
  object: z.literal('stuck_payments'),
  events: z.array(
    z.object({
      rail: z.enum(RAILS),
      id: z.string(),
      type: z.string(),
      about: z.string().nullable(),
      attempts: z.number().int(),
      problem: z.string().nullable(),
      received_at: time,
      next_at: time,
    }),
  ),
  payments: z.array(paymentView.extend({ account: z.string() })),
});
const params = z.strictObject({ id: z.string().regex(/^pay_[0-9a-z]{26}$/) });
const refundRequest = z.strictObject({
  amount: z.int().min(1).optional().describe('In the smallest unit; left out: all that is left'),
  reason: z.string().trim().min(3).max(300),
});

export function adminPaymentRoutes(app: App, host: Host): void {
  const { pool, till } = host;

  app.route({
    method: 'GET',
    url: '/v1/admin/payments/stuck',
    config,
    schema: {
      tags,
      summary: 'What was paid and is not credited, and why',
      response: { 200: stuckView },
    },
    async handler() {
      const [events, payments] = await Promise.all([
        listStuckEvents(pool, STUCK_MS, SHOWN_MAX),
        listNotApplied(pool, STUCK_MS, SHOWN_MAX),
      ]);
      return {
        object: 'stuck_payments' as const,
        events: events.map(({ rail, id, type, attempts, problem, ...event }) => ({
          ...{ rail, id, type, attempts, problem },
          about: event.thingKind === null ? null : `${event.thingKind} ${event.thingId}`,
          ...{ received_at: iso(event.receivedAt), next_at: iso(event.nextAt) },
        })),
        payments: payments.map((row) => ({ ...paymentOf(row), account: row.accountId })),
      };
    },
  });

  app.route({
    method: 'POST',
    url: '/v1/admin/payments/retry',
    config,
    schema: {
      tags,
      summary: 'Try again now what could not act',
      response: { 202: z.object({ object: z.literal('retry'), events: z.number().int() }) },
    },
    async handler(request, reply) {
      const events = await tryEventsAgain(pool);
      const { accountId, id: by } = callerOf(request);
      await insertAudit(pool, { accountId, by, action: 'payments.retried', details: { events } });
      return reply.code(202).send({ object: 'retry' as const, events });
    },
  });

  app.route({
    method: 'POST',
    url: '/v1/admin/payments/:id/refund',
    config,
    schema: {
      tags,
      summary: 'Give money back',
      description:
        'Never more than is left of the payment. Tokens that it bought are taken back in the same proportion, as ' +
        'far as they are there; a plan whose latest payment goes back in full ends.',
      params,
      body: refundRequest,
      headers: z.looseObject({ 'idempotency-key': z.string().min(1).max(200) }),
      response: { 200: paymentView },
    },
    async handler(request) {
      const { amount = null, reason } = request.body;
      const payment = await findPayment(pool, request.params.id);
      if (!payment) throw refuse('not_found', 'There is no such payment.');
      const { accountId, providerId, person } = payment;
      const left = payment.amount - payment.refunded;
      const rail = railOf(host, payment.rail);
      if (rail.isLive !== payment.live)
        throw refuse('wrong_mode', 'This payment was made in another mode than the one in use.');
      const key = `${payment.id}:${request.headers['idempotency-key']}`;
      if (left === 0 || (amount ?? 0) > left)
        throw refuse('refund_too_large', `${left} of ${payment.amount} are left to give back.`);
      const { id: by } = callerOf(request);
      const details = { payment: payment.id, amount: amount ?? left, reason };
      await insertAudit(pool, { accountId, by, action: 'payment.refunded', details });
      const name = { id: providerId, person };
      const thing = await toldWhy(() => rail.refund(name, amount, key));
      await till.hear(rail, { id: `refund:${key}`, type: 'refund.asked', about: thing });
      return paymentOf((await findPayment(pool, payment.id))!);
    },
  });
}
