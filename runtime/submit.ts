// From a request to a job: check it, price it, give it its id, and let the actors decide.
import { createHash } from 'node:crypto';
import type { ZodError } from 'zod';
import { findBlobToUse } from '../db/queries/blobs.ts';
import type { JobSpec } from '../machines/contract/events.ts';
import { jobRef, quotaRef } from '../machines/contract/ids.ts';
import { PARAMS, type JobParams, type JobRequest } from '../machines/contract/requests.ts';
import type { DryRunView } from '../machines/contract/views.ts';
import type { JobContext } from '../machines/job/context.ts';
import { price, timeLimitMs } from '../machines/pricing/price.ts';
import { restore, type Actor } from './actor.ts';
import { base32 } from './clock.ts';
import { whyImpossible } from './feasibility.ts';
import type { Host } from './host.ts';
import { Refused, invalid, refusedBy } from './refusals.ts';
import { accountView, contextOf, costView } from './views.ts';

export interface Submission {
  readonly accountId: string;
  /** Who sent it: the key or session. Idempotency keys of different principals do not meet. */
  readonly principal: string;
  readonly request: JobRequest;
  readonly idempotencyKey: string | null;
}

/** Resolves when the job is durable. A repeat under the same key answers with the first job. */
export async function submitJob(
  host: Host,
  submission: Submission,
): Promise<{ actor: Actor; created: boolean }> {
  const { accountId, principal, request, idempotencyKey } = submission;
  const work = await prepare(host, accountId, request);
  const id =
    idempotencyKey === null
      ? host.ids.make('job', host.clock.now())
      : idFromKey(accountId, principal, idempotencyKey);
  const bodyHash = hashOf(request);
  const spec: JobSpec = { ...work.spec, id, bodyHash };
  const outcome = await host.turns.post(jobRef(accountId, id), {
    type: 'job.submitRequested',
    spec,
    impossible: work.impossible,
  });
  if (!outcome.ok) throw refusedBy(outcome.refusal);
  const actor = outcome.actor!;
  if (contextOf<JobContext>(actor).spec.bodyHash !== bodyHash)
    throw new Refused(
      409,
      'idempotency_conflict',
      'This Idempotency-Key was used for a different request. Use a new key for a new request.',
    );
  return { actor, created: outcome.changed };
}

/** What it would cost, and whether it could run. Writes nothing and uses up no key. */
export async function quoteJob(
  host: Host,
  { accountId, request }: Pick<Submission, 'accountId' | 'request'>,
): Promise<DryRunView> {
  const { spec, impossible } = await prepare(host, accountId, request);
  if (impossible !== null) throw new Refused(422, 'impossible', impossible);
  const [row] = await host.store.load([quotaRef(accountId)]);
  const account = accountView(accountId, row ? restore(row) : null, host.clock.now());
  return {
    object: 'dry_run',
    model: spec.model,
    params: { ...spec.params },
    cost: costView(spec.costMt, null),
    affordable: account.available_millitokens >= spec.costMt,
    eta: host.dispatcher.etaOf(spec, account.plan),
  };
}

async function prepare(host: Host, accountId: string, request: JobRequest) {
  const prompt = request.prompt?.trim() ?? '';
  if (prompt === '' && request.modality !== 'transcript')
    throw invalid('A prompt is needed: say what you want.', [
      { at: '/prompt', reason: 'is empty or missing' },
    ]);
  const parsed = PARAMS[request.modality].safeParse(request.params);
  if (!parsed.success)
    throw invalid('Some params are not valid.', errorsAt('/params', parsed.error));
  const inputs = request.inputs.map(({ role, blob }) => ({ role, blob }));
  for (const [n, { blob }] of inputs.entries())
    if (!(await findBlobToUse(host.pool, accountId, blob)))
      throw invalid('An input is not known. Upload it with POST /v1/blobs first.', [
        { at: `/inputs/${n}/blob`, reason: 'is not a blob of this account' },
      ]);

  const params = withSeed(host, parsed.data);
  const { count, modality } = request;
  const { costMt, work } = price({ modality, params, prompt, count, inputs: inputs.length });
  const withOffer = () => {
    const offer = host.dispatcher.offerFor(modality, request.model ?? null);
    const spec: Omit<JobSpec, 'id' | 'bodyHash'> = {
      accountId,
      modality,
      model: offer?.id ?? request.model ?? '',
      prompt,
      params,
      inputs,
      count,
      costMt,
      work,
      timeLimitMs: timeLimitMs(work, offer?.runMs ?? 0),
      deadlineMs: request.deadline_s * 1000,
      origin: request.origin ?? null,
    };
    return { spec, impossible: whyImpossible(request, spec, offer) };
  };
  const known = withOffer();
  if (known.impossible === null) return known;
  // Perhaps a worker has just come to another runtime: nobody is turned down for what we have not heard yet.
  await host.dispatcher.learn([]);
  return withOffer();
}

/** A seed is chosen here, once, so that every attempt makes the same picture. */
function withSeed(host: Host, params: JobParams): JobParams {
  if ('seed' in params && params.seed !== undefined) return params;
  if ('speed' in params || 'language' in params || 'format' in params) return params;
  return { ...params, seed: Math.floor(host.ids.random() * 2 ** 32) };
}

const digest = (...parts: string[]) => createHash('sha256').update(parts.join('\u0000')).digest();

/** The same key makes the same id: that there is one job per key is the primary key of `actors`. */
export const idFromKey = (accountId: string, principal: string, key: string): string =>
  `job_${base32(digest('job', accountId, principal, key))}`;

const sorted = (value: unknown): unknown =>
  Array.isArray(value)
    ? value.map(sorted)
    : typeof value === 'object' && value !== null
      ? Object.fromEntries(
          Object.entries(value)
            .sort(([a], [b]) => (a < b ? -1 : 1))
            .map(([key, each]) => [key, sorted(each)]),
        )
      : value;

const hashOf = (request: JobRequest): string =>
  digest(JSON.stringify(sorted(request))).toString('hex');

const errorsAt = (root: string, error: ZodError) =>
  error.issues.map(({ path, message }) => ({
    at: [root, ...path.map(String)].join('/'),
    reason: message,
  }));
