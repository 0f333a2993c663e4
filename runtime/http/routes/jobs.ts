// Jobs: make one, look at it, cancel it. What may happen to a job is decided by its chart, never here.
import type { FastifyRequest } from 'fastify';
import { z } from 'zod';
import { deleteDeliveryWithoutJob, insertDelivery } from '../../../db/queries/deliveries.ts';
import { listJobs } from '../../../db/queries/jobs.ts';
import { listJoined } from '../../../db/queries/joined-accounts.ts';
import { readOrigin } from '../../../machines/contract/frontend-views.ts';
import { jobRef } from '../../../machines/contract/ids.ts';
import { jobRequest, type JobRequest } from '../../../machines/contract/requests.ts';
import { dryRunView, jobListView, jobView as jobShape } from '../../../machines/contract/views.ts';
import type { JobView } from '../../../machines/contract/views.ts';
import { isSettled, restore, type Actor } from '../../actor.ts';
import type { Host } from '../../host.ts';
import { quoteJob, submitJob } from '../../submit.ts';
import { jobView } from '../../views.ts';
import { callerOf } from '../access.ts';
import { roleOf } from '../principals.ts';
import type { App } from '../app.ts';
import { ofAccount, readable } from '../joined-reads.ts';
import { pageQuery } from '../pages.ts';
import { Waits } from '../prefer.ts';
import { refuse } from '../problems.ts';

/** Anything else cannot be a job, so no query is spent on it. */
export const jobId = z.string().regex(/^job_[0-9a-z]{26}$/);
const byId = z.strictObject({ id: jobId });
const VISIBLE_ASCII = /^[\x21-\x7e]{1,255}$/;

const IDS_MAX = 100;
const listQuery = pageQuery.extend({
  ids: z
    .string()
    .transform((text) => [...new Set(text.split(','))])
    .pipe(z.array(jobId).max(IDS_MAX, `names more than ${IDS_MAX} jobs`))
    .optional()
    .describe(`These jobs in one answer: up to ${IDS_MAX} ids with commas between them`),
  account: ofAccount,
});

/** What every call that can be waited for says of it. */
const PREFER =
  'With the header `Prefer: wait=N` it waits up to N seconds (60 at most) for the end and answers 200 with the ' +
  'job; one that has not ended by then is told as it is, with 202. `Preference-Applied` says that it waited. ' +
  'Hanging up cancels nothing.';

const tags = ['jobs'];
const config = { access: 'person' } as const;

export function jobRoutes(app: App, host: Host): void {
  const view = (actor: Actor): JobView => jobView(actor, host.dispatcher.outlook(actor.ref.id));
  const waits = new Waits(host);

  app.route({
    method: 'POST',
    url: '/v1/jobs',
    config,
    schema: {
      tags,
      summary: 'Make a job, or ask what it would cost',
      description:
        'Send an Idempotency-Key with each new wish: the same key and body give the same job, however ' +
        'often they arrive. With `dry_run` nothing is made and no key is used up. A model that cannot do ' +
        'it is refused with 422 `impossible` (a size, a format, a LoRA, a file that it does not take), what is ' +
        'against the rules for content with 422 `refused_content` and the rule in words, one ' +
        "that the operator does not open to the account's plan with 403 `model_not_allowed`. Where no " +
        'model is named, the readiest that can and may do it is taken. Where the line of the plan is full, ' +
        '429 `queue_full` says when to come back. That, and 402 `insufficient_tokens`, comes with up to ' +
        `three \`cheaper\` ways to ask: put over the request, each makes one that would be taken now. ${PREFER}`,
      body: jobRequest,
      response: { 200: z.union([dryRunView, jobShape]), 202: jobShape },
    },
    async handler(request, reply) {
      const caller = callerOf(request);
      const { accountId, id: principal } = caller;
      const idempotencyKey = readKey(request.headers['idempotency-key']);
      const asked = { accountId, role: roleOf(caller), request: request.body };
      if (request.body.dry_run) return quoteJob(host, asked);
      const actor = await waits.wait(request, reply, accountId, async () => {
        const delivery = deliveryOf(host, request);
        const made = await submitJob(host, { ...asked, principal, idempotencyKey, ...delivery });
        if (!made.created) reply.header('idempotent-replayed', 'true');
        return made.actor;
      });
      reply.header('location', `/v1/jobs/${actor.ref.id}`);
      reply.code(reply.hasHeader('preference-applied') && isSettled(actor) ? 200 : 202);
      return view(actor);
    },
  });

  app.route({
    method: 'GET',
    url: '/v1/jobs',
    config,
    schema: {
      tags,
      summary: 'My jobs, newest first',
      description:
        'A page goes on exactly where the one before it stopped: pass its `next_cursor`. A cursor is a place in ' +
        'the list, so it does not expire, and what is made meanwhile neither shifts nor repeats anything. With ' +
        '`ids` there are no pages: the jobs come in the order asked for, and those that are not yours or not ' +
        'there are left out.',
      querystring: listQuery,
      response: { 200: jobListView },
    },
    async handler(request) {
      const { ids, account } = request.query;
      const accountId = await readable(host, callerOf(request).accountId, account);
      if (ids) {
        const found = await findJobs(host, accountId, ids);
        return { object: 'list' as const, data: found.map(view), next_cursor: null };
      }
      const page = await listJobs(host.pool, accountId, request.query);
      return {
        object: 'list' as const,
        data: page.rows.map((row) =>
          view(restore({ ...row, ref: jobRef(accountId, row.id), parked: false })),
        ),
        next_cursor: page.nextCursor,
      };
    },
  });

  app.route({
    method: 'GET',
    url: '/v1/jobs/:id',
    config,
    schema: {
      tags,
      summary: 'One job',
      description: PREFER,
      params: byId,
      response: { 200: jobShape, 202: jobShape },
    },
    async handler(request, reply) {
      const { accountId } = callerOf(request);
      const look = () => findJob(host, accountId, request.params.id);
      const actor = await waits.wait(request, reply, accountId, look);
      if (reply.hasHeader('preference-applied') && !isSettled(actor)) reply.code(202);
      return view(actor);
    },
  });

  app.route({
    method: 'POST',
    url: '/v1/jobs/:id/cancel',
    config,
    schema: {
      tags,
      summary: 'Cancel exactly this job',
      description: 'Answers with the job as it is then; one that has ended stays as it ended.',
      params: byId,
      response: { 200: jobShape },
    },
    async handler(request) {
      const ref = jobRef(callerOf(request).accountId, request.params.id);
      const outcome = await host.turns.post(ref, { type: 'job.cancelRequested' });
      if (!outcome.ok || !outcome.actor) throw noSuchJob();
      return view(outcome.actor);
    },
  });
}

/** A frontend will have to bring the result to somebody, who is remembered for it. */
function deliveryOf(host: Host, request: FastifyRequest<{ Body: JobRequest }>) {
  const { kind, accountId, id: keyId } = callerOf(request);
  if (kind !== 'frontend') return {};
  const { bot, chat } = readOrigin(request.body.origin ?? null) ?? { bot: '', chat: '' };
  const person = String(request.headers['tessera-user']);
  return {
    delivery: {
      announce: (jobId: string) =>
        insertDelivery(host.pool, { accountId, jobId, keyId, person, bot, chat }),
      withdraw: (jobId: string) => deleteDeliveryWithoutJob(host.pool, accountId, jobId),
    },
  };
}

/**
 * Another account's job is as if it did not exist: the account is part of the key. One that has become part of this
 * one is no other.
 */
export async function findJob(host: Host, accountId: string, id: string): Promise<Actor> {
  const [row] = await host.store.load([jobRef(accountId, id)]);
  if (row) return restore(row);
  const joined = await listJoined(host.pool, accountId);
  if (joined.length === 0) throw noSuchJob();
  const [earlier] = await host.store.load(joined.map((each) => jobRef(each.accountId, id)));
  if (!earlier) throw noSuchJob();
  return restore(earlier);
}

/** In the order of the ids; what is not the account's is left out. */
async function findJobs(
  host: Host,
  accountId: string,
  ids: readonly string[],
): Promise<readonly Actor[]> {
  const rows = await host.store.load(ids.map((id) => jobRef(accountId, id)));
  const byId = new Map(rows.map((row) => [row.ref.id, row]));
  return ids.flatMap((id) => byId.get(id) ?? []).map((row) => restore(row));
}

const noSuchJob = () => refuse('not_found', 'There is no job with this id among yours.');

/** @throws Refused */
export function readKey(header: string | string[] | undefined): string | null {
  if (header === undefined) return null;
  const key = String(header);
  if (VISIBLE_ASCII.test(key)) return key;
  throw refuse('invalid_request', 'An Idempotency-Key has 1 to 255 visible ASCII characters.');
}
