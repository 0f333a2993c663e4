// From a request to what a job will be: its model, its files in their places, its price. Nothing is written; what
// cannot be is told as a refusal beside it, for the caller may have a job under this key already.
import type { ZodError } from 'zod';
import { findBlobToUse } from '../db/queries/blobs.ts';
import type { Audience } from '../machines/content/audience.ts';
import type { JobSpec, Plan } from '../machines/contract/events.ts';
import type { ModelOffer } from '../machines/contract/models.ts';
import {
  ANY_ROLE,
  PARAMS,
  type JobParams,
  type JobRequest,
} from '../machines/contract/requests.ts';
import { price } from '../machines/pricing/price.ts';
import { workOf } from '../machines/pricing/work.ts';
import { readAccount } from './account.ts';
import { textsOf } from './content/texts.ts';
import { formatsOf, noneOffers, whyImpossible, type KnownOffer } from './feasibility.ts';
import type { Host } from './host.ts';
import { placed, type InputFile } from './input-files.ts';
import type { Role } from './model-rules.ts';
import { isNearBound, whyFull } from './queue-bound.ts';
import { secondsOf } from './recording-length.ts';
import { Refused, invalid, queueFull } from './refusals.ts';

/** Who asks, and for what. */
export interface Asked {
  readonly accountId: string;
  /** What kind of caller that is: some models are not for all. */
  readonly role: Role;
  readonly request: JobRequest;
}

export interface Work {
  readonly spec: Omit<JobSpec, 'id' | 'bodyHash' | 'timeLimitMs' | 'secondMt'>;
  readonly refusal: Refused | null;
  /** As they were sent: where they go depends on the model. */
  readonly files: readonly InputFile[];
}

/** @throws Refused where the request says nothing that could be a job of any model */
export async function prepare(host: Host, asked: Asked): Promise<Work> {
  const said = whatIsSaid(host, asked);
  const files = await filesOf(host, asked);
  const audience = await audienceOf(host, asked);
  const work = await chooseModel(host, asked, { ...said, files });
  const refusal =
    (await whyNotSaid(host, asked, { ...said, files }, audience)) ??
    (await host.strikes.whyNot(asked.accountId));
  const forThem = ({ spec, ...rest }: Work): Work => ({ ...rest, spec: { ...spec, audience } });
  if (refusal) return { ...forThem(work), refusal };
  if (work.refusal?.code !== 'impossible') return forThem(work);
  // Perhaps a worker has just come to another runtime: nobody is turned down for what we have not heard yet.
  await host.dispatcher.learn([]);
  return forThem(await chooseModel(host, asked, { ...said, files }));
}

/** As `prepare`, with files that were looked up before. */
export const prepareWith = (host: Host, asked: Asked, files: readonly InputFile[]): Promise<Work> =>
  chooseModel(host, asked, { ...whatIsSaid(host, asked), files });

function whatIsSaid(host: Host, { request }: Asked): Omit<Wish, 'files'> {
  const prompt = request.prompt?.trim() ?? '';
  if (prompt === '' && needsPrompt(request))
    throw invalid('A prompt is needed: say what you want.', [
      { at: '/prompt', reason: 'is empty or missing' },
    ]);
  const styled = host.styles.applied({ ...request, prompt });
  const parsed = PARAMS[request.modality].safeParse(styled.params);
  if (!parsed.success)
    throw invalid('Some params are not valid.', errorsAt('/params', parsed.error));
  const said = request.style === undefined ? {} : { said: { style: request.style, prompt } };
  return { prompt: styled.prompt, params: withSeed(host, parsed.data), ...said };
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
    const { mediaType, bytes } = found;
    const isRecording = request.modality === 'transcript' && /^(audio|video)\//.test(mediaType);
    const seconds = isRecording ? secondsOf(await bytesOf(host, blob), mediaType) : null;
    files.push({ role, blob, mediaType, bytes, seconds });
  }
  return files;
}

/** Who may be looking: what is made keeps to it. */
const audienceOf = (host: Host, { accountId, role, request }: Asked): Promise<Audience> =>
  host.content.audienceOf({
    role,
    planOf: async () => (await readAccount(host, accountId)).plan,
    origin: request.origin ?? null,
  });

/** Its words and its pictures, held against the rules for them. */
async function whyNotSaid(
  host: Host,
  { accountId, request }: Asked,
  { prompt, params, files }: Wish,
  audience: Audience,
): Promise<Refused | null> {
  const conversation = files.filter(({ mediaType }) => mediaType === 'application/json');
  const stored = await Promise.all(conversation.map(({ blob }) => bytesOf(host, blob)));
  const texts = textsOf(prompt, params, stored);
  return (
    (await host.content.whyNot(texts, request.modality, audience)) ??
    (files.length === 0 ? null : await host.pictures.whyNotUsed(accountId, files, audience))
  );
}

async function bytesOf({ blobs }: Host, id: string): Promise<Buffer> {
  const { body } = await blobs.read(id);
  return Buffer.concat(await Array.fromAsync(body));
}

interface Wish {
  readonly prompt: string;
  /** Their own words, where a named style made more of them. */
  readonly said?: NonNullable<JobSpec['said']>;
  readonly params: JobParams;
  readonly files: readonly InputFile[];
}

/** The named model, where some worker can do it; else the readiest that can do it and is open to this person. */
async function chooseModel(host: Host, asked: Asked, wish: Wish): Promise<Work> {
  const { modality, model } = asked.request;
  const known = host.dispatcher.offersFor(modality, model ?? null);
  const [first] = known;
  const refused = (refusal: Refused): Work => ({
    ...{ spec: specOf(asked, wish, first?.offer ?? null), refusal, files: wish.files },
  });
  if (!first) return refused(new Refused(422, 'impossible', noneOffers(modality, model)));
  const planOf = lazily(async () => (await readAccount(host, asked.accountId)).plan);
  const whyNot = await rulesFor(host, asked, known, planOf);
  const allowed = known.filter(({ offer }) => whyNot(offer) === null);
  if (allowed.length === 0)
    return refused(
      new Refused(403, 'model_not_allowed', whyNot(first.offer)!, {
        model: first.offer.id,
        allowed_for: host.modelRules.allowedFor(first.offer.id),
      }),
    );
  let told: Work | null = null;
  for (const each of allowed) {
    const work = workFor(asked, wish, each);
    const refusal = work.refusal ?? (await whyNoRoom(host, work.spec, each, planOf));
    if (refusal === null) return work;
    // What would be possible later says more than why another model never will.
    if (!told || (told.refusal?.code === 'impossible' && refusal.code === 'queue_full'))
      told = { ...work, refusal };
  }
  return told!;
}

/** The plan is looked up only where something depends on it. */
type PlanOf = () => Promise<Plan>;

async function rulesFor(host: Host, { role }: Asked, known: readonly KnownOffer[], planOf: PlanOf) {
  const { modelRules } = host;
  const matters = known.some(({ offer }) => modelRules.asksForPlan(offer.id));
  const plan = matters ? await planOf() : 'free';
  return (offer: ModelOffer) => modelRules.whyNot(offer, plan, role);
}

async function whyNoRoom(
  { dispatcher, config }: Host,
  spec: Work['spec'],
  { offer }: KnownOffer,
  planOf: PlanOf,
): Promise<Refused | null> {
  const { backlog } = dispatcher;
  const runMs = dispatcher.expectedMs(spec);
  if (!isNearBound(backlog, runMs, config.queueBoundsMs)) return null;
  const plan = await planOf();
  const newcomer = { accountId: spec.accountId, model: spec.model, plan, runMs };
  const full = whyFull(newcomer, backlog, dispatcher.lanes, config.queueBoundsMs);
  return full && queueFull(full, offer.name, plan);
}

function workFor(asked: Asked, wish: Wish, known: KnownOffer): Work {
  const { offer } = known;
  const files = placed(wish.files, offer);
  const fitting = { ...wish, files, params: withFormat(wish.params, asked.request, offer) };
  const spec = specOf(asked, fitting, offer);
  const impossible = whyImpossible({ ...spec, files }, known);
  const refusal = impossible ? new Refused(422, 'impossible', impossible) : null;
  return { spec, refusal, files: wish.files };
}

function specOf(
  { accountId, request }: Asked,
  { prompt, params, files, said }: Wish,
  offer: ModelOffer | null,
): Work['spec'] {
  const { count, modality } = request;
  const sized = { modality, params, prompt, count, files };
  return {
    accountId,
    modality,
    model: offer?.id ?? request.model ?? '',
    prompt,
    params,
    inputs: files.map(({ role, blob }) => ({ role, blob })),
    count,
    costMt: price(sized, offer),
    work: workOf(sized, offer),
    deadlineMs: request.deadline_s * 1000,
    origin: request.origin ?? null,
    ...(said && { said }),
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

const lazily = <T>(make: () => Promise<T>): (() => Promise<T>) => {
  let made: Promise<T> | null = null;
  return () => (made ??= make());
};

const errorsAt = (root: string, error: ZodError) =>
  error.issues.map(({ path, message }) => ({
    at: [root, ...path.map(String)].join('/'),
    reason: message,
  }));
