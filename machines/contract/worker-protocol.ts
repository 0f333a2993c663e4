// The wire between a worker agent and the runtime: JSON text frames on GET /v1/workers/stream.
// Every command is idempotent: `run` and `cancel` by (job, attempt), `load` and `unload` by model.
// A report about an attempt is repeated after each reconnect until the runtime answers `settled`.
import { z } from 'zod';
import { batchPlace } from './batching.ts';
import { FAILURE_CODES } from './failures.ts';
import { modality, modelOffer } from './models.ts';
import { blobId } from './requests.ts';

const id = z.string().min(1).max(64);
const attempt = z.number().int().min(1).max(1000);
const message = z.string().max(2000);
const modelId = z.string().min(1).max(64);
const attemptOf = { job: id, attempt };

/** Room for what is told about one output, as JSON. What does not fit is left out, never the output. */
const FACTS_LENGTH_MAX = 1_000;
/** Room for all models of one worker, as JSON: it is stored with each of the worker's turns. */
const MODELS_LENGTH_MAX = 48 * 1024;

function fitting(facts: Record<string, string | number>): Record<string, string | number> {
  let room = FACTS_LENGTH_MAX;
  const fits = ([name, fact]: [string, string | number]) =>
    (room -= JSON.stringify([name, fact]).length) >= 0;
  return Object.fromEntries(Object.entries(facts).filter(fits));
}

export const output = z.strictObject({
  blob: blobId,
  bytes: z.number().int().positive(),
  mediaType: z.string().regex(/^[a-z]+\/[a-z0-9.+-]+$/),
  width: z.number().int().positive().optional(),
  height: z.number().int().positive().optional(),
  seconds: z.number().positive().optional(),
  facts: z
    .record(z.string().max(64), z.union([z.string().max(500), z.number()]))
    .transform(fitting)
    .default({}),
});
export type Output = z.infer<typeof output>;

/** From the agent. `hello` is the first frame of every connection. */
export const agentFrame = z.discriminatedUnion('type', [
  z.strictObject({
    type: z.literal('hello'),
    protocol: z.literal(1),
    /** The agent's boot, not the socket: results of an older epoch are fenced off. */
    epoch: id,
    /** Counts the connections of this boot: a hello that was held up does not undo a later one. */
    connection: z.number().int().nonnegative().optional(),
    name: z.string().min(1).max(100),
    version: z.string().max(50),
    gpu: z.strictObject({ name: z.string().max(200), vramBytes: z.number().int() }).nullable(),
    /** How many attempts may run at once. */
    slots: z.number().int().min(1).max(64),
    models: z
      .array(modelOffer)
      .max(500)
      .refine(
        (models) => JSON.stringify(models).length <= MODELS_LENGTH_MAX,
        `say more than ${MODELS_LENGTH_MAX} characters; offer fewer or shorten their descriptions`,
      ),
    loaded: z.array(modelId).max(50),
    /** What an operator had it pin, where that is anything. */
    pinned: z.array(modelId).max(50).optional(),
    /** Attempts the agent knows: waiting, running, or ended with a result not yet settled. */
    attempts: z.array(z.strictObject(attemptOf)).max(1000),
  }),
  z.strictObject({ type: z.literal('heartbeat') }),
  z.strictObject({ type: z.literal('acknowledged'), command: z.string().max(200) }),
  z.strictObject({
    type: z.literal('loaded'),
    model: modelId,
    loadMs: z.number().nonnegative(),
    vramBytes: z.number().int().nonnegative(),
  }),
  z.strictObject({
    type: z.literal('loadFailed'),
    model: modelId,
    code: z.enum(FAILURE_CODES),
    message,
  }),
  z.strictObject({ type: z.literal('unloaded'), model: modelId }),
  z.strictObject({ type: z.literal('started'), ...attemptOf }),
  z.strictObject({
    type: z.literal('progress'),
    ...attemptOf,
    fraction: z.number().min(0).max(1),
    step: z.number().int().optional(),
    steps: z.number().int().optional(),
    /** A small picture as a data URL, at most 256 KB. */
    preview: z.string().startsWith('data:image/').max(262_144).optional(),
  }),
  z.strictObject({
    type: z.literal('text'),
    ...attemptOf,
    index: z.number().int().nonnegative(),
    text: z.string().max(10_000),
  }),
  z.strictObject({
    type: z.literal('finished'),
    ...attemptOf,
    outputs: z.array(output).min(1).max(16),
    runMs: z.number().nonnegative(),
  }),
  z.strictObject({
    type: z.literal('failed'),
    ...attemptOf,
    code: z.enum(FAILURE_CODES),
    message,
  }),
  z.strictObject({ type: z.literal('cancelled'), ...attemptOf }),
  z.strictObject({ type: z.literal('drained') }),
]);
export type AgentFrame = z.infer<typeof agentFrame>;
export type AgentFrameOf<T extends AgentFrame['type']> = Extract<AgentFrame, { type: T }>;

/**
 * Too many greet at once: the connection is closed with 1013, and the reason says after how long the agent may
 * dial again. Sooner it would only be sent away once more.
 */
export const comeBackIn = (ms: number): string =>
  `Too many workers greet at once. Come back in ${ms} ms.`;

/** Null: the reason says nothing of the kind. */
export function comeBackMs(reason: string): number | null {
  const ms = /Come back in (\d{1,5}) ms\.$/.exec(reason)?.[1];
  return ms === undefined ? null : Number(ms);
}

const command = { id: z.string().min(1).max(200) };

/** To the agent. Frames with an `id` are commands and are acknowledged by that id. */
export const runtimeFrame = z.discriminatedUnion('type', [
  z.strictObject({ type: z.literal('welcome'), worker: id, heartbeatMs: z.number().positive() }),
  /** The runtime has committed the attempt's end; the agent may forget its result. */
  z.strictObject({ type: z.literal('settled'), ...attemptOf }),
  z.strictObject({ type: z.literal('load'), ...command, model: modelId }),
  z.strictObject({ type: z.literal('unload'), ...command, model: modelId }),
  z.strictObject({
    type: z.literal('run'),
    ...command,
    ...attemptOf,
    model: modelId,
    modality,
    prompt: z.string(),
    params: z.record(z.string(), z.unknown()),
    count: z.number().int().positive(),
    /** Its size in standard outputs, as it is priced: what run times are learned by. */
    work: z.number().nonnegative().optional(),
    /** Fetched from GET /v1/workers/jobs/:job/inputs/:n while the attempt is live. */
    inputs: z.array(z.strictObject({ role: z.string(), blob: blobId })),
    timeLimitMs: z.number().positive(),
    /** It shares its engine call with the others of this id, which are ordered together with it. */
    batch: batchPlace.optional(),
  }),
  z.strictObject({ type: z.literal('cancel'), ...command, ...attemptOf }),
  z.strictObject({ type: z.literal('drain'), ...command }),
  /** These, and no others, are kept in memory once they are there. */
  z.strictObject({ type: z.literal('pin'), ...command, models: z.array(modelId).max(50) }),
]);
export type RuntimeFrame = z.infer<typeof runtimeFrame>;
export type WorkerCommand = Extract<RuntimeFrame, { id: string }>;
type WithoutId<T> = T extends unknown ? Omit<T, 'id'> : never;
/** A command as a chart declares it; the turn gives it its id. */
export type WorkerOrder = WithoutId<WorkerCommand>;
export type RunOrder = Extract<WorkerOrder, { type: 'run' }>;

// Results are uploaded before `finished` is reported, by chunk, resumable:
//   HEAD /v1/workers/jobs/:job/attempts/:attempt/blobs/:blob -> 200 with `Upload-Offset` (bytes held)
//   PUT  same path, header `Upload-Offset: n`, body = bytes from n on, `Upload-Length: total`
//        -> 204 when complete and the hash matches, 202 when more is wanted, 409 with the offset held,
//           422 when the hash does not match (what was held is thrown away)
