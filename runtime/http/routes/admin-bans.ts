// For operators: who is kept out, and why.
import { z } from 'zod';
import { deleteBan, insertBan, listBans } from '../../../db/queries/bans.ts';
import type { Host } from '../../host.ts';
import { callerOf } from '../access.ts';
import type { App } from '../app.ts';
import type { Bans } from '../bans.ts';
import { refuse } from '../problems.ts';

const subject = z
  .string()
  .max(200)
  .regex(
    /^(account:[\w.-]{1,64}|network:[\da-f.:]{2,45}|place:(telegram|discord):[a-z]+:-?\d{1,20}(\/[a-z]+:-?\d{1,20}){0,2})$/,
    'must be account:acc_…, network:192.0.2.7 (or the first half of an IPv6 address) or place:discord:guild:1',
  );
const view = z.object({
  object: z.literal('list'),
  data: z.array(
    z.object({
      subject: z.string(),
      reason: z.string(),
      by: z.string(),
      made_at: z.iso.datetime(),
      until: z.iso.datetime().nullable(),
    }),
  ),
});

const iso = (at: number) => new Date(at).toISOString();

export function adminBanRoutes(app: App, { pool, clock }: Host, bans: Bans): void {
  const config = { access: 'admin' } as const;
  const tags = ['admin'];
  const all = async () => ({
    object: 'list' as const,
    data: (await listBans(pool)).map(({ at, until, ...ban }) => ({
      ...{ ...ban, made_at: iso(at), until: until === null ? null : iso(until) },
    })),
  });

  app.route({
    method: 'GET',
    url: '/v1/admin/bans',
    config,
    schema: { tags, summary: 'Who is kept out', response: { 200: view } },
    handler: all,
  });

  app.route({
    method: 'POST',
    url: '/v1/admin/bans',
    config,
    schema: {
      tags,
      summary: 'Keep out an account, a network, or a chat or server',
      description:
        'They are told the reason and the end, with 403 `banned`. It holds for every runtime within seconds; what is ' +
        'under way goes on. Said again, the newer reason and end hold. Written to the audit.',
      body: z.strictObject({
        subject,
        reason: z.string().trim().min(1).max(500),
        until: z.iso.datetime().optional(),
      }),
      response: { 200: view },
    },
    async handler(request) {
      const { until, ...ban } = request.body;
      const ends = until === undefined ? null : Date.parse(until);
      if (ends !== null && ends <= clock.now())
        throw refuse('invalid_request', 'The end lies in the past.', {
          errors: [{ at: '/until', reason: 'is over' }],
        });
      await insertBan(pool, { ...ban, until: ends, by: callerOf(request).id });
      bans.forget();
      return all();
    },
  });

  app.route({
    method: 'POST',
    url: '/v1/admin/bans/lift',
    config,
    schema: {
      tags,
      summary: 'Let somebody in again',
      body: z.strictObject({ subject }),
      response: { 200: view },
    },
    async handler(request) {
      const { subject: named } = request.body;
      const lifted = await deleteBan(pool, { subject: named, by: callerOf(request).id });
      if (!lifted) throw refuse('not_found', 'Nobody of this name is kept out.');
      bans.forget();
      return all();
    },
  });
}
