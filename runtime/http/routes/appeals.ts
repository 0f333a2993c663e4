// Results that nobody may see: a person asks for another look, an operator takes it and decides.
import { z } from 'zod';
import {
  decideAppeal,
  findAppeal,
  insertAppeal,
  listWaitingAppeals,
  type Appeal,
} from '../../../db/queries/appeals.ts';
import type { JobContext } from '../../../machines/job/context.ts';
import type { Host } from '../../host.ts';
import { contextOf } from '../../views.ts';
import { callerOf } from '../access.ts';
import type { App } from '../app.ts';
import { refuse } from '../problems.ts';
import { findJob, jobId } from './jobs.ts';
import { sendBlob } from './outputs.ts';

const APPEALS_MAX = 100;

const view = z.object({
  object: z.literal('appeal'),
  job: z.string(),
  state: z.enum(['waiting', 'granted', 'denied']),
  reason: z.string(),
  answer: z.string().nullable(),
  asked_at: z.iso.datetime(),
  decided_at: z.iso.datetime().nullable(),
  /** Once it is granted: what was hidden. */
  outputs: z.array(z.string()),
});
const forOperators = view.extend({ account: z.string(), rule: z.string(), prompt: z.string() });

const account = z.string().regex(/^[\w.-]{1,64}$/);
const sentence = (max: number) => z.string().trim().min(1).max(max);
const params = z.strictObject({ id: jobId });
const ofAccount = z.strictObject({ account, id: jobId });

const iso = (at: number) => new Date(at).toISOString();

function viewOf(appeal: Appeal, outputs: number) {
  const { jobId: job, reason, answer, askedAt, decidedAt, granted } = appeal;
  return {
    object: 'appeal' as const,
    ...{ job, reason, answer },
    state:
      granted === null
        ? ('waiting' as const)
        : granted
          ? ('granted' as const)
          : ('denied' as const),
    asked_at: iso(askedAt),
    decided_at: decidedAt === null ? null : iso(decidedAt),
    outputs: Array.from(
      { length: granted ? outputs : 0 },
      (_, n) => `/v1/jobs/${job}/outputs/${n}`,
    ),
  };
}

export function appealRoutes(app: App, host: Host): void {
  const hiddenOf = async (accountId: string, id: string) => {
    const { spec, run } = contextOf<JobContext>(await findJob(host, accountId, id));
    if (run.ending === 'refused') return { spec, outputs: run.outputs, why: run.failure?.message };
    throw refuse(
      'not_refused',
      'Nothing of this job is hidden, so there is nothing to look at again.',
    );
  };

  app.route({
    method: 'POST',
    url: '/v1/jobs/:id/appeal',
    config: { access: 'person' },
    schema: {
      tags: ['jobs'],
      summary: 'Ask for another look at a result that may not be shown',
      description:
        'Of a job that ended `refused`. A person decides; said again, it is the same appeal. Once it is granted its ' +
        '`outputs` can be fetched, and what was counted against the account is taken back.',
      params,
      body: z.strictObject({ reason: sentence(1000).optional() }).nullish(),
      response: { 202: view },
    },
    async handler(request, reply) {
      const { accountId } = callerOf(request);
      const { id } = request.params;
      const { outputs } = await hiddenOf(accountId, id);
      const reason = request.body?.reason ?? '';
      reply.code(202);
      return viewOf(
        await insertAppeal(host.pool, { accountId, jobId: id, reason }),
        outputs.length,
      );
    },
  });

  app.route({
    method: 'GET',
    url: '/v1/jobs/:id/appeal',
    config: { access: 'person' },
    schema: {
      tags: ['jobs'],
      summary: 'What became of an appeal',
      params,
      response: { 200: view },
    },
    async handler(request) {
      const { accountId } = callerOf(request);
      const found = await findAppeal(host.pool, accountId, request.params.id);
      if (!found) throw refuse('not_found', 'Nobody has asked for another look at this job.');
      return viewOf(found, (await hiddenOf(accountId, request.params.id)).outputs.length);
    },
  });

  adminAppealRoutes(app, host, hiddenOf);
}

function adminAppealRoutes(
  app: App,
  host: Host,
  hiddenOf: (
    accountId: string,
    id: string,
  ) => Promise<{
    spec: JobContext['spec'];
    outputs: JobContext['run']['outputs'];
    why?: string | undefined;
  }>,
): void {
  const config = { access: 'admin' } as const;
  const tags = ['admin'];

  app.route({
    method: 'GET',
    url: '/v1/admin/appeals',
    config,
    schema: {
      tags,
      summary: 'Appeals that wait, the longest waiting first',
      response: { 200: z.object({ object: z.literal('list'), data: z.array(forOperators) }) },
    },
    async handler() {
      const waiting = await listWaitingAppeals(host.pool, APPEALS_MAX);
      const data = await Promise.all(
        waiting.map(async (appeal) => {
          const hidden = await hiddenOf(appeal.accountId, appeal.jobId).catch(() => null);
          return {
            ...viewOf(appeal, 0),
            account: appeal.accountId,
            rule: hidden?.why ?? 'The job is not there any more.',
            prompt: hidden?.spec.prompt ?? '',
          };
        }),
      );
      return { object: 'list' as const, data };
    },
  });

  app.route({
    method: 'GET',
    url: '/v1/admin/appeals/:account/:id/outputs/:n',
    config,
    schema: {
      tags,
      summary: 'What is hidden, for whoever has to decide',
      params: ofAccount.extend({ n: z.string().regex(/^\d{1,2}$/) }),
    },
    async handler(request, reply) {
      const { account: accountId, id, n } = request.params;
      const output = (await hiddenOf(accountId, id)).outputs[Number(n)];
      if (!output) throw refuse('not_found', `This job has no output ${n}.`);
      const { blob, mediaType: type } = output;
      return sendBlob(host, request, reply, { id: blob, type, disposition: 'inline' });
    },
  });

  app.route({
    method: 'POST',
    url: '/v1/admin/appeals/:account/:id',
    config,
    schema: {
      tags,
      summary: 'Decide an appeal',
      description:
        'Granted, the person can fetch the result, which stays free of charge, and the strike is taken back. Either ' +
        'way they read the `answer`. It is written to the audit.',
      params: ofAccount,
      body: z.strictObject({ granted: z.boolean(), answer: sentence(1000) }),
      response: { 200: view },
    },
    async handler(request) {
      const { account: accountId, id } = request.params;
      const { outputs } = await hiddenOf(accountId, id);
      const decided = await decideAppeal(host.pool, {
        ...{ accountId, jobId: id, by: callerOf(request).id },
        ...request.body,
      });
      if (!decided) throw refuse('not_found', 'No appeal of this job waits.');
      return viewOf(decided, outputs.length);
    },
  });
}
