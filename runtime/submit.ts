// From a request to a job: check it, price it, give it its id, and let the actors decide.
import { createHash } from 'node:crypto';
import type { ZodError } from 'zod';
import { findBlobToUse } from '../db/queries/blobs.ts';
import type { JobSpec } from '../machines/contract/events.ts';
import { jobRef, quotaRef } from '../machines/contract/ids.ts';
import type { ModelOffer } from '../machines/contract/models.ts';
import {
  ANY_ROLE,
  PARAMS,
  type JobParams,
  type JobRequest,
} from '../machines/contract/requests.ts';
import type { DryRunView } from '../machines/contract/views.ts';
import type { JobContext } from '../machines/job/context.ts';
import { price, timeLimitMs } from '../machines/pricing/price.ts';
import { restore, type Actor } from './actor.ts';
import { base32 } from './clock.ts';
import { formatsOf, noneOffers, whyImpossible } from './feasibility.ts';
import type { Host } from './host.ts';
import { placed, type InputFile } from './input-files.ts';
import type { Role } from './model-rules.ts';
import { Refused, invalid, refusedBy } from './refusals.ts';
import { accountView, contextOf, costView } from './views.ts';

export interface Submission {
  readonly accountId: string;
  /** Who sent it: the key or session. Idempotency keys of different principals do not meet. */
  readonly principal: string;
  /** What kind of caller that is: some models are not for all. */
  readonly role: Role;
  readonly request: JobRequest;
  readonly idempotencyKey: string | null;
}

/** Resolves when the job is durable. A repeat under the same key answers with the first job. */
export async function submitJob(
  host: Host,
  submission: Submission,
): Promise<{ actor: Actor; created: boolean }> {
  const { accountId, principal, request, idempotencyKey } = submission;
  const work = await prepare(host, submission);
  const id =
    idempotencyKey === null
      ? host.ids.make('job', host.clock.now())
      : idFromKey(accountId, principal, idempotencyKey);
  const bodyHash = hashOf(request);
  const spec: JobSpec = { ...work.spec, id, bodyHash };
  const outcome = await host.turns.post(jobRef(accountId, id), {
    type: 'job.submitRequested',
    spec,
    impossible: work.refusal?.detail ?? null,
  });
  // Told only now: what was accepted under this key before is answered with, whatever has changed since.
  if (!outcome.ok)
    throw outcome.refusal.code === 'impossible' && work.refusal
      ? work.refusal
      : refusedBy(outcome.refusal);
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
  submission: Pick<Submission, 'accountId' | 'role' | 'request'>,
): Promise<DryRunView> {
  const { spec, refusal } = await prepare(host, submission);
  if (refusal !== null) throw refusal;
  const account = await accountOf(host, submission.accountId);
  return {
    object: 'dry_run',
    model: spec.model,
    params: { ...spec.params },
    cost: costView(spec.costMt, null),
    affordable: account.available_millitokens >= spec.costMt,
    eta: host.dispatcher.etaOf(spec, account.plan),
  };
}

async function accountOf(host: Host, accountId: string) {
  const [row] = await host.store.load([quotaRef(accountId)]);
  return accountView(accountId, row ? restore(row) : null, host.clock.now());
}

type Asked = Pick<Submission, 'accountId' | 'role' | 'request'>;

interface Work {
  readonly spec: Omit<JobSpec, 'id' | 'bodyHash'>;
  readonly refusal: Refused | null;
}

async function prepare(host: Host, asked: Asked): Promise<Work> {
  const { request } = asked;
  const prompt = request.prompt?.trim() ?? '';
  if (prompt === '' && needsPrompt(request))
    throw invalid('A prompt is needed: say what you want.', [
      { at: '/prompt', reason: 'is empty or missing' },
    ]);
  const parsed = PARAMS[request.modality].safeParse(request.params);
  if (!parsed.success)
    throw invalid('Some params are not valid.', errorsAt('/params', parsed.error));
  const files = await filesOf(host, asked);
  const params = withSeed(host, parsed.data);
  const choose = () => chooseModel(host, asked, { prompt, params, files });
  const known = await choose();
  if (known.refusal === null) return known;
  // Perhaps a worker has just come to another runtime: nobody is turned down for what we have not heard yet.
  await host.dispatcher.learn([]);
  return choose();
}

/** A recording is transcribed, and a picture enlarged, as it is. */
const needsPrompt = ({ modality, params }: JobRequest): boolean =>
  modality !== 'transcript' && !(modality === 'image' && params['scale'] !== undefined);

/** @throws Refused when one is not the account's, or two are the same thing */
async function filesOf(host: Host, { accountId, request }: Asked): Promise<InputFile[]> {
  const files: InputFile[] = [];
  for (const [n, { role, blob }] of request.inputs.entries()) {
    const found = await findBlobToUse(host.pool, accountId, blob);
    if (!found)
      throw invalid('An input is not known. Upload it with POST /v1/blobs first.', [
        { at: `/inputs/${n}/blob`, reason: 'is not a blob of this account' },
      ]);
    if (role !== ANY_ROLE && files.some((file) => file.role === role))
      throw invalid('Two inputs have the same role. Each may be there once.', [
        { at: `/inputs/${n}/role`, reason: 'is taken by an input before it' },
      ]);
    files.push({ role, blob, mediaType: found.mediaType });
  }
  return files;
}

interface Wish {
  readonly prompt: string;
  readonly params: JobParams;
  readonly files: readonly InputFile[];
}

/** The named model; else the readiest that can do it and is open to this person. */
async function chooseModel(host: Host, asked: Asked, wish: Wish): Promise<Work> {
  const { modality, model } = asked.request;
  const offers = host.dispatcher.offersFor(modality, model ?? null);
  const [first] = offers;
  if (!first)
    return {
      spec: specOf(asked, wish, null),
      refusal: new Refused(422, 'impossible', noneOffers(modality, model)),
    };
  const whyNot = await admission(host, asked, offers);
  const allowed = offers.filter((offer) => whyNot(offer) === null);
  const works = allowed.map((offer) => workFor(asked, wish, offer));
  return (
    works.find(({ refusal }) => refusal === null) ??
    works[0] ?? {
      spec: specOf(asked, wish, first),
      refusal: new Refused(403, 'model_not_allowed', whyNot(first)!, {
        model: first.id,
        allowed_for: host.modelRules.allowedFor(first.id),
      }),
    }
  );
}

/** The plan is looked up only where a rule asks for it. */
async function admission(host: Host, { accountId, role }: Asked, offers: readonly ModelOffer[]) {
  const { modelRules } = host;
  const matters = offers.some(({ id }) => modelRules.asksForPlan(id));
  const plan = matters ? (await accountOf(host, accountId)).plan : 'free';
  return (offer: ModelOffer) => modelRules.whyNot(offer, plan, role);
}

function workFor(asked: Asked, wish: Wish, offer: ModelOffer): Work {
  const files = placed(wish.files, offer);
  const fitting = { ...wish, files, params: withFormat(wish.params, asked.request, offer) };
  const spec = specOf(asked, fitting, offer);
  const impossible = whyImpossible({ ...spec, files }, offer);
  return { spec, refusal: impossible ? new Refused(422, 'impossible', impossible) : null };
}

function specOf(
  { accountId, request }: Asked,
  { prompt, params, files }: Wish,
  offer: ModelOffer | null,
): Work['spec'] {
  const { count, modality } = request;
  const { costMt, work } = price({ modality, params, prompt, count, inputs: files.length });
  return {
    accountId,
    modality,
    model: offer?.id ?? request.model ?? '',
    prompt,
    params,
    inputs: files.map(({ role, blob }) => ({ role, blob })),
    count,
    costMt,
    work,
    timeLimitMs: timeLimitMs(work, offer?.runMs ?? 0),
    deadlineMs: request.deadline_s * 1000,
    origin: request.origin ?? null,
  };
}

/** Nobody has to know what a model writes: where no format was asked for, it is one that it has. */
function withFormat(params: JobParams, request: JobRequest, offer: ModelOffer): JobParams {
  const formats = formatsOf(offer);
  const [usual] = formats;
  if (usual === undefined || request.params['format'] !== undefined || formats.includes('wav'))
    return params;
  return { ...params, format: usual } as JobParams;
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
