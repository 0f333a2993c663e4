// For whoever watches over the process: does it live, can it serve, how is it doing.
import { z } from 'zod';
import type { Host } from '../../host.ts';
import type { App } from '../app.ts';
import { refuse } from '../problems.ts';

const ANSWER_WITHIN_MS = 2_000;
const tags = ['operations'];
const security: [] = [];
const ok = z.object({ status: z.literal('ok') });

/** @param whyNotReady a sentence while the process cannot serve yet, or not any more */
export function healthRoutes(app: App, host: Host, whyNotReady: () => string | null): void {
  app.route({
    method: 'GET',
    url: '/healthz',
    config: { access: 'public' },
    schema: { tags, security, summary: 'The process answers', response: { 200: ok } },
    handler: () => ({ status: 'ok' as const }),
  });

  app.route({
    method: 'GET',
    url: '/readyz',
    config: { access: 'public' },
    schema: { tags, security, summary: 'It can serve', response: { 200: ok } },
    async handler() {
      const reason = whyNotReady() ?? (await whyNoDatabase(host));
      if (reason !== null) throw refuse('unavailable', reason);
      return { status: 'ok' as const };
    },
  });

  app.route({
    method: 'GET',
    url: '/metrics',
    config: { access: 'public' },
    schema: { tags, security, summary: 'For Prometheus' },
    async handler(_request, reply) {
      return reply.type(host.metrics.contentType).send(await host.metrics.text());
    },
  });
}

async function whyNoDatabase(host: Host): Promise<string | null> {
  const givingUp = new AbortController();
  const late = host.clock.sleep(ANSWER_WITHIN_MS, givingUp.signal).then(() => 'late' as const);
  const answer = host.store.now().catch(() => 'gone' as const);
  const first = await Promise.race([late, answer]);
  givingUp.abort();
  return typeof first === 'number' ? null : 'The database does not answer.';
}
