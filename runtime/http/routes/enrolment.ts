// A worker without a key brings a token and gets a key of its own. Whoever holds the token may do this, once.
import { z } from 'zod';
import { findEnrolment, useEnrolment } from '../../../db/queries/enrolments.ts';
import { workerKeyView } from '../../../machines/contract/views.ts';
import type { Host } from '../../host.ts';
import { makeKey, parseEnrolment, workerIdOf } from '../../keys.ts';
import type { Refused } from '../../refusals.ts';
import type { App } from '../app.ts';
import { PerMinute } from '../per-minute.ts';
import { refuse } from '../problems.ts';
import type { RefusalAudit } from '../refusal-audit.ts';

/** From one address: enough to mistype a token, too few to fill the audit. */
const REFUSED_PER_MINUTE = 10;
const NEW_ONE = 'Make a new one beside the runtime with `tessera key enrol`.';

/** Shown to operators, so on one line. */
export const workerName = z
  .string()
  .regex(/^[^\p{Cc}]{1,100}$/u, 'must have 1 to 100 characters on one line');

export function enrolmentRoutes(app: App, host: Host, audit: RefusalAudit): void {
  const refusals = new PerMinute(() => host.clock.now(), REFUSED_PER_MINUTE);

  app.route({
    method: 'POST',
    url: '/v1/workers/enrol',
    config: { access: 'public' },
    schema: {
      tags: ['workers'],
      security: [],
      summary: "Exchange a one-use token for a worker's own key",
      description:
        'The token was made by `tessera key enrol` or POST /v1/admin/enrolments; it holds for 15 minutes and for ' +
        'one worker. The key is told this once. `name` counts only where the token names none.',
      body: z.strictObject({ token: z.string().max(100), name: workerName }),
      response: { 201: workerKeyView },
    },
    async handler(request, reply) {
      const { token, name } = request.body;
      const tokenHash = parseEnrolment(token);
      const { id, key, hash } = makeKey('worker');
      const taken = tokenHash && (await useEnrolment(host.pool, tokenHash, { id, hash, name }));
      if (!taken) throw await refusalFor(tokenHash, request.ip);
      reply.code(201);
      const worker = { id: workerIdOf(id), name: taken.name };
      return { object: 'worker_key' as const, key, worker };
    },
  });

  async function refusalFor(tokenHash: Buffer | null, ip: string): Promise<Refused> {
    const { isWithin } = refusals.take(ip);
    if (!isWithin)
      return refuse(
        'too_many_attempts',
        'Too many tokens from this address were refused. Wait a minute.',
      );
    const known = tokenHash && (await findEnrolment(host.pool, tokenHash));
    const why = !known ? 'unknown' : known.isUsed ? 'used' : 'expired';
    await audit.note(ip, 'enrolment.refused', { why, enrolment: known?.id ?? null });
    return refuse('enrolment_refused', `${SENTENCES[why]} ${NEW_ONE}`);
  }
}

const SENTENCES = {
  unknown: 'This token is not known here.',
  used: 'This token was used before: each is for one worker.',
  expired: 'This token has expired: each holds for 15 minutes.',
} as const;
