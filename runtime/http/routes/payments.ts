// Paying: where to go for it, what one has, what was paid. What was paid is learned from the providers alone.
import { createHash } from 'node:crypto';
import { z } from 'zod';
import {
  findCustomer,
  keepCustomer,
  listPayments,
  type PaymentRow,
} from '../../../db/queries/payments.ts';
import { subscriptionRef } from '../../../machines/contract/ids.ts';
import { PLANS } from '../../../machines/contract/plans.ts';
import {
  PaymentRefused,
  RAILS,
  type PaymentRail,
  type Rail,
} from '../../../machines/contract/payments.ts';
import { coverage } from '../../../machines/subscription/entitlement.ts';
import type { SubscriptionContext } from '../../../machines/subscription/machine.ts';
import { restore, stateName } from '../../actor.ts';
import type { Host } from '../../host.ts';
import { articleOf, priced } from '../../payments/articles.ts';
import { invalid } from '../../refusals.ts';
import { contextOf } from '../../views.ts';
import { callerOf } from '../access.ts';
import type { App } from '../app.ts';
import { pageQuery } from '../pages.ts';
import { refuse } from '../problems.ts';

const iso = (at: number) => new Date(at).toISOString();
const time = z.iso.datetime();
const tags = ['payments'];
const config = { access: 'person' } as const;

const checkoutRequest = z.strictObject({
  article: z
    .string()
    .max(50)
    .describe('`plan:starter`, `plan:pro`, or `topUp:` and the id of a pack'),
  rail: z.enum(RAILS).default('stripe'),
});
const checkoutView = z.object({
  object: z.literal('checkout'),
  id: z.string(),
  rail: z.enum(RAILS),
  url: z.string().describe('Where to pay'),
  expires_at: time,
});
const subscriptionView = z.object({
  object: z.literal('subscription'),
  state: z.enum(['none', 'pendingPayment', 'active', 'pastDue', 'cancelled']),
  plan: z.enum(PLANS),
  sources: z.array(
    z.object({
      rail: z.enum(RAILS),
      id: z.string(),
      plan: z.enum(PLANS),
      covers: z.enum(['paid', 'grace']).nullable().describe('Null: it carries no plan now'),
      paid_until: time.nullable(),
      renews: z.boolean(),
    }),
  ),
});
export const paymentView = z.object({
  object: z.literal('payment'),
  id: z.string(),
  rail: z.enum(RAILS),
  provider_id: z.string(),
  article: z.string(),
  currency: z.string(),
  amount: z.number().int().describe('In the smallest unit of the currency'),
  refunded: z.number().int(),
  disputed: z.boolean(),
  bought_millitokens: z.number().int(),
  paid_at: time,
  credited_at: time.nullable().describe('Null: paid, and not credited yet'),
});

export const paymentOf = (row: PaymentRow): z.infer<typeof paymentView> => ({
  ...{ object: 'payment' as const, id: row.id, rail: row.rail, provider_id: row.providerId },
  ...{ article: row.article, currency: row.currency, amount: row.amount, refunded: row.refunded },
  ...{ disputed: row.disputed, bought_millitokens: row.boughtMt, paid_at: iso(row.paidAt) },
  credited_at: row.appliedAt === null ? null : iso(row.appliedAt),
});

export function railOf(host: Host, name: Rail): PaymentRail {
  const rail = host.till.rail(name);
  if (!rail) throw refuse('not_sold', 'Nothing is sold here in this way.');
  return rail;
}

export function paymentRoutes(app: App, host: Host): void {
  const { pool } = host;

  app.route({
    method: 'POST',
    url: '/v1/account/checkout',
    config,
    schema: {
      tags,
      summary: 'Where to pay for a plan or for tokens',
      description: 'With an `Idempotency-Key` the same order is opened once.',
      headers: z.looseObject({ 'idempotency-key': z.string().min(1).max(200).optional() }),
      body: checkoutRequest,
      response: { 201: checkoutView },
    },
    async handler(request, reply) {
      const { accountId } = callerOf(request);
      const { article: name, rail: railName } = request.body;
      const rail = railOf(host, railName);
      const article = articleOf(name);
      const item = article && priced(host.plans, article);
      if (!article || !item)
        throw invalid('This is not sold.', [{ at: '/article', reason: 'is not in GET /v1/plans' }]);
      if (article.kind === 'plan') await refuseSecond(host, accountId, railName);
      const key = request.headers['idempotency-key'] ?? host.ids.make('chk', host.clock.now());
      const opened = await toldWhy(async () =>
        rail.open({
          ...item,
          account: accountId,
          customer: await customerOf(host, rail, accountId),
          returnUrl: `${host.config.publicUrl ?? `http://localhost:${host.config.port}`}/account`,
          key: createHash('sha256').update(key).digest('hex').slice(0, 32),
        }),
      );
      const { id, url, expiresAt } = opened;
      if (article.kind === 'plan')
        await host.turns.post(subscriptionRef(accountId), {
          type: 'checkout.opened',
          checkout: { rail: railName, id, plan: article.plan, expiresAt },
        });
      const view = { object: 'checkout' as const, id, rail: railName, url };
      return reply.code(201).send({ ...view, expires_at: iso(expiresAt) });
    },
  });

  app.route({
    method: 'POST',
    url: '/v1/account/portal',
    config,
    schema: {
      tags,
      summary: "Where one's own card and subscription are kept",
      response: { 201: z.object({ object: z.literal('portal'), url: z.string() }) },
    },
    async handler(request, reply) {
      const { portal } = railOf(host, 'stripe');
      const customer = await findCustomer(pool, callerOf(request).accountId, 'stripe');
      if (customer === null || !portal)
        throw refuse('not_found', 'Nothing was ever paid by card on this account.');
      const back = `${host.config.publicUrl ?? `http://localhost:${host.config.port}`}/account`;
      const url = await toldWhy(() => portal(customer, back));
      return reply.code(201).send({ object: 'portal' as const, url });
    },
  });

  app.route({
    method: 'GET',
    url: '/v1/account/subscription',
    config,
    schema: {
      tags,
      summary: 'What is paid for, and until when',
      response: { 200: subscriptionView },
    },
    async handler(request) {
      const { accountId } = callerOf(request);
      const { state, context } = await subscriptionOf(host, accountId);
      const sources = Object.values(context?.sources ?? {}).map((source) => ({
        ...{ rail: source.rail, id: source.id, plan: source.plan, renews: source.renews },
        covers: coverage(source, host.clock.now()),
        paid_until: source.paidUntil === null ? null : iso(source.paidUntil),
      }));
      return {
        object: 'subscription' as const,
        ...{ state, plan: context?.told ?? ('free' as const), sources },
      };
    },
  });

  app.route({
    method: 'GET',
    url: '/v1/account/payments',
    config,
    schema: {
      tags,
      summary: 'What was paid, newest first',
      querystring: pageQuery,
      response: {
        200: z.object({
          object: z.literal('list'),
          data: z.array(paymentView),
          next_cursor: z.string().nullable(),
        }),
      },
    },
    async handler(request) {
      const page = await listPayments(pool, callerOf(request).accountId, request.query);
      const data = page.rows.map(paymentOf);
      return { object: 'list' as const, data, next_cursor: page.nextCursor };
    },
  });
}

async function subscriptionOf({ store }: Host, accountId: string) {
  const [row] = await store.load([subscriptionRef(accountId)]);
  const actor = row ? restore(row) : null;
  return {
    state: (actor ? stateName(actor.snapshot.value) : 'none') as z.infer<
      typeof subscriptionView
    >['state'],
    context: actor ? contextOf<SubscriptionContext>(actor) : null,
  };
}

/** Two subscriptions by one rail would both be charged, and only one of them would be of use. */
async function refuseSecond(host: Host, accountId: string, rail: Rail): Promise<void> {
  const { context } = await subscriptionOf(host, accountId);
  const now = host.clock.now();
  const has = Object.values(context?.sources ?? {}).some(
    (source) => source.rail === rail && source.renews && coverage(source, now) !== null,
  );
  if (has)
    throw refuse(
      'already_subscribed',
      'There is a subscription already. Change or end that one: POST /v1/account/portal says where.',
    );
}

async function customerOf(host: Host, rail: PaymentRail, accountId: string) {
  if (!rail.newCustomer) return null;
  const known = await findCustomer(host.pool, accountId, rail.rail);
  if (known !== null) return known;
  const made = await rail.newCustomer(accountId);
  return keepCustomer(host.pool, accountId, rail.rail, made);
}

/** What a provider does not do is told with its reason; that it is away, as such. */
export async function toldWhy<T>(does: () => Promise<T>): Promise<T> {
  try {
    return await does();
  } catch (error) {
    if (!(error instanceof PaymentRefused))
      throw refuse('provider_unavailable', 'The payment provider did not answer as it should.', {
        reason: (error as Error).message.slice(0, 200),
      });
    if (error.why === 'forged') throw refuse('forged', error.message);
    if (error.why === 'wrong_mode') throw refuse('wrong_mode', error.message);
    throw refuse(error.why === 'not_sold' ? 'not_sold' : 'impossible', error.message);
  }
}
