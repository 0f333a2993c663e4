// News from payment providers. Believed is only which object they are about; it is looked at anew.
import { z } from 'zod';
import type { Host } from '../../host.ts';
import type { App } from '../app.ts';
import { refuse } from '../problems.ts';
import { railOf, toldWhy } from './payments.ts';

/** Stripe's largest events are below. */
const BYTES_MAX = 256 * 1024;
const heard = z.object({ received: z.literal(true) });

/** @param app a scope of its own: the bytes are verified as they came, before anybody parses them */
export function stripeWebhookRoute(app: App, host: Host): void {
  app.removeAllContentTypeParsers();
  app.addContentTypeParser(
    'application/json',
    { parseAs: 'buffer', bodyLimit: BYTES_MAX },
    (_request, body, done) => done(null, body),
  );
  app.route({
    method: 'POST',
    url: '/v1/payments/stripe/webhook',
    config: { access: 'public' },
    schema: {
      tags: ['payments'],
      security: [],
      summary: 'Where Stripe says that something happened',
      response: { 200: heard },
    },
    async handler(request) {
      const rail = railOf(host, 'stripe');
      const signature = request.headers['stripe-signature'];
      if (typeof signature !== 'string' || !Buffer.isBuffer(request.body))
        throw refuse('forged', 'Stripe signs what it sends; this has no signature.');
      const body = request.body;
      const news = await toldWhy(async () => rail.readNews!(body, signature));
      await host.till.hear(rail, news);
      return { received: true as const };
    },
  });
}
