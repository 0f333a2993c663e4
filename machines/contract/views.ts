// What clients may see. Every answer of /v1 and every stream frame has one of these shapes; the
// OpenAPI document and the typed client are made from them. JSON is snake_case, times are ISO 8601.
import { z } from 'zod';
import { FAILURE_CODES } from './failures.ts';
import { INPUT_KINDS, MODALITIES, modality, modelLimits } from './models.ts';

const time = z.iso.datetime();

export const PUBLIC_STATES = [
  'queued',
  'running',
  'succeeded',
  'failed',
  'cancelled',
  'expired',
  'refused',
] as const;
export const publicState = z.enum(PUBLIC_STATES);
export type PublicState = z.infer<typeof publicState>;

/** A finer word than the state, for people who watch. */
export const phase = z.enum([
  'waiting',
  'retrying',
  'loading_model',
  'executing',
  'storing',
  'settled',
]);
export type Phase = z.infer<typeof phase>;

export const costView = z.object({
  /** Upper bound held before the start, in tokens (1 token = one 1024x1024 image). */
  tokens: z.number(),
  /** The same, in integer millitokens. */
  millitokens: z.number().int(),
  /** What was charged in the end; null while the job is open, 0 after a full release. */
  charged_millitokens: z.number().int().nullable(),
});
export type CostView = z.infer<typeof costView>;

export const etaView = z.object({
  /** Seconds from now until the result, as a range. */
  min_s: z.number(),
  max_s: z.number(),
  /** Until it starts; null when nobody can say. The range above is then counted from its start. */
  start_min_s: z.number().nullable(),
  start_max_s: z.number().nullable(),
  /** Why, in words: "2 ahead, loading Flux". */
  reason: z.string(),
});
export type EtaView = z.infer<typeof etaView>;

export const outputView = z.object({
  n: z.number().int(),
  url: z.string(),
  media_type: z.string(),
  bytes: z.number().int(),
  width: z.number().int().optional(),
  height: z.number().int().optional(),
  seconds: z.number().optional(),
  facts: z.record(z.string(), z.union([z.string(), z.number()])),
});

/** What cancelling costs. The terms are fixed when the job is taken. */
export const cancelView = z.object({
  /** Of a run: so long it may be stopped for nothing. */
  free_s: z.number(),
  /** Until then; null while the run has not begun, for until then it costs nothing anyway. */
  free_until: time.nullable(),
  /** For each second of the run beyond it. */
  millitokens_per_s: z.number().int(),
  max_millitokens: z.number().int(),
  /** The same, as a sentence. */
  words: z.string(),
});
export type CancelView = z.infer<typeof cancelView>;

/** What became of a job's hold, as its ledger has it. */
export const receiptView = z.object({
  held_millitokens: z.number().int(),
  charged_millitokens: z.number().int(),
  returned_millitokens: z.number().int(),
  /** Words a person reads: "Charged for an image: 3 of 4 images; 1 token returned". */
  reason: z.string(),
});
export type ReceiptView = z.infer<typeof receiptView>;

export const jobView = z.object({
  id: z.string(),
  object: z.literal('job'),
  state: publicState,
  phase,
  modality,
  model: z.string(),
  prompt: z.string(),
  style: z.string().optional().describe('The named style it was asked for in'),
  styled_prompt: z
    .string()
    .optional()
    .describe('With a named style: the words that it was made from'),
  params: z.record(z.string(), z.unknown()),
  count: z.number().int(),
  /** Jobs that will run before this one; null once it runs. */
  position: z.number().int().nullable(),
  eta: etaView.nullable(),
  cost: costView,
  attempt: z.number().int(),
  cancellable: z.boolean(),
  /** Null when it is too late. */
  cancel: cancelView.nullable(),
  /** Null while it is open. */
  receipt: receiptView.nullable(),
  outputs: z.array(outputView),
  failure: z.object({ code: z.enum(FAILURE_CODES), message: z.string() }).nullable(),
  origin: z.string().nullable(),
  created_at: time,
  started_at: time.nullable(),
  finished_at: time.nullable(),
  deadline_at: time,
  /** Its files are kept until then at least; null while it is open. */
  kept_until: time.nullable(),
});
export type JobView = z.infer<typeof jobView>;

export const improvedPromptView = z.object({
  object: z.literal('improved_prompt'),
  prompt: z.string(),
  improved: z
    .boolean()
    .describe('False where the model wrote nothing of use: the prompt is as it was'),
  original: z.string(),
  job: jobView.describe('The text job that wrote it, with its receipt'),
});
export type ImprovedPromptView = z.infer<typeof improvedPromptView>;

export const jobListView = z.object({
  object: z.literal('list'),
  data: z.array(jobView),
  /** Pass as `cursor` for the next page; null at the end. */
  next_cursor: z.string().nullable(),
});

export const dryRunView = z.object({
  object: z.literal('dry_run'),
  model: z.string(),
  params: z.record(z.string(), z.unknown()),
  cost: costView,
  affordable: z.boolean(),
  /** What cancelling would cost. */
  cancel: cancelView,
  eta: etaView.nullable(),
});
export type DryRunView = z.infer<typeof dryRunView>;

/** Told with a refusal: put over the request that was refused, it makes one that would be taken. */
export const alternativeView = z.object({
  model: z.string().optional(),
  /** All of the params. */
  params: z.record(z.string(), z.unknown()).optional(),
  count: z.number().int().optional(),
  cost: costView,
  eta: etaView.nullable(),
});
export type AlternativeView = z.infer<typeof alternativeView>;

export const accountView = z.object({
  id: z.string(),
  object: z.literal('account'),
  plan: z.enum(['free', 'starter', 'pro']),
  standing: z.enum(['good', 'limited', 'suspended']),
  /** Spendable now. */
  available_millitokens: z.number().int(),
  allowance_millitokens: z.number().int(),
  top_up_millitokens: z.number().int(),
  held_millitokens: z.number().int(),
  daily_grant_millitokens: z.number().int(),
  /** When the day's allowance is granted anew (the next UTC midnight). */
  resets_at: time,
  /** What stopping runs has led to: it changes with the day. */
  brake: z.object({
    stopped_today: z.number().int(),
    cancel_free_s: z.number(),
    jobs_max: z.number().int(),
    /** Null while it is not felt. */
    words: z.string().nullable(),
  }),
  /** Results that are deleted within three days; null where there are none, and where nobody looked. */
  files_going: z.object({ count: z.number().int(), first_at: time }).nullable(),
});
export type AccountView = z.infer<typeof accountView>;

export const ledgerLine = z.object({
  /** Number of the posting within the account; receipts quote it. */
  posting: z.number().int(),
  at: time,
  /** Words a person reads: "Held for an image", "Returned: you cancelled the job before it ran". */
  reason: z.string(),
  job_id: z.string().nullable(),
  /** Of a hold that was closed: what was charged of it; what is left went back. */
  charged: z.number().int(),
  /** Change of the spendable balance and of what is held, in millitokens. */
  available_change: z.number().int(),
  held_change: z.number().int(),
  available_after: z.number().int(),
  held_after: z.number().int(),
});
export type LedgerLine = z.infer<typeof ledgerLine>;

export const ledgerView = z.object({
  object: z.literal('list'),
  data: z.array(ledgerLine),
  next_cursor: z.string().nullable(),
});

export const modelView = z.object({
  id: z.string(),
  object: z.literal('model'),
  created: z.number().int(),
  owned_by: z.string(),
  name: z.string(),
  modality,
  description: z.string(),
  engine: z.string(),
  /** ready: in memory now. loadable: a connected worker has it. offline: its workers are away. */
  status: z.enum(['ready', 'loadable', 'offline']),
  limits: modelLimits,
  styles: z.array(z.string()),
  voices: z.array(z.string()),
  inputs: z
    .array(z.object({ role: z.string(), kind: z.enum(INPUT_KINDS), required: z.boolean() }))
    .describe('Files it works on, each role once; none where the list is empty'),
  formats: z.array(z.string()).describe('Of audio: what `params.format` may be'),
  loras: z.array(z.string()).describe('Names for `params.loras`'),
  scales: z.array(z.number().int()).describe('Of models that enlarge: what `params.scale` may be'),
  allowed_for: z
    .object({
      plans: z.array(z.string()),
      roles: z.array(z.string()),
      note: z.string().nullable(),
    })
    .describe('Who may use it, by the rules of the operator; a job of anybody else is refused'),
  vram_bytes: z.number().int(),
  load_ms: z.number(),
});
export type ModelView = z.infer<typeof modelView>;
export const modelListView = z.object({ object: z.literal('list'), data: z.array(modelView) });

export const workerView = z.object({
  name: z.string(),
  state: z.string(),
  gpu: z.string().nullable(),
  loaded: z.array(z.string()),
  loading: z.string().nullable(),
  slots: z.number().int(),
  busy: z.number().int(),
});

export const statusView = z.object({
  object: z.literal('status'),
  version: z.string(),
  queue: z.object({
    waiting: z.number().int(),
    running: z.number().int(),
    by_modality: z.record(z.enum(MODALITIES), z.number().int()),
  }),
  workers: z.array(workerView),
});
export type StatusView = z.infer<typeof statusView>;

export const blobView = z.object({
  id: z.string(),
  object: z.literal('blob'),
  bytes: z.number().int(),
  media_type: z.string(),
});

/** One of a person's own keys, as it is listed. The key itself is told once, when it is made. */
export const accountKeyView = z.object({
  object: z.literal('key'),
  id: z.string(),
  name: z.string(),
  /** Null: all that a user may. */
  scopes: z.array(z.string()).nullable(),
  requests_per_minute: z.number().int().nullable(),
  created_at: z.iso.datetime(),
  last_used_at: z.iso.datetime().nullable(),
  expires_at: z.iso.datetime().nullable(),
  revoked_at: z.iso.datetime().nullable(),
  replaced_by: z.string().nullable(),
});
export const accountKeyListView = z.object({
  object: z.literal('list'),
  data: z.array(accountKeyView),
});
export const newKeyView = accountKeyView.extend({ key: z.string() });

/** What a worker gets for its token, this once. */
export const workerKeyView = z.object({
  object: z.literal('worker_key'),
  key: z.string(),
  worker: z.object({ id: z.string(), name: z.string() }),
});
export type WorkerKeyView = z.infer<typeof workerKeyView>;

/** RFC 9457. `code` is stable; extension fields such as `resets_at` depend on it. */
export const problem = z.looseObject({
  type: z.string(),
  title: z.string(),
  status: z.number().int(),
  code: z.string(),
  detail: z.string(),
  request_id: z.string().optional(),
  /** Where a request body is wrong: JSON pointer and reason. */
  errors: z.array(z.object({ at: z.string(), reason: z.string() })).optional(),
  /** Of `queue_full` and `insufficient_tokens`: what would be taken now instead. */
  cheaper: z.array(alternativeView).max(3).optional(),
});
export type Problem = z.infer<typeof problem>;

/** Server to client on GET /v1/stream. */
export const streamFrame = z.discriminatedUnion('type', [
  /** First answer to `subscribe`. `head` is the newest seq at that moment. */
  z.object({ type: z.literal('subscribed'), after: z.number().int(), head: z.number().int() }),
  /** Durable, at least once, in order of `seq`. */
  z.object({ type: z.literal('job'), seq: z.number().int(), job: jobView }),
  /** Lossy. */
  z.object({
    type: z.literal('progress'),
    job_id: z.string(),
    fraction: z.number(),
    step: z.number().int().optional(),
    steps: z.number().int().optional(),
    preview: z.string().optional(),
  }),
  /** Lossy on the wire; the whole text is the job's output. */
  z.object({
    type: z.literal('text'),
    job_id: z.string(),
    index: z.number().int(),
    text: z.string(),
  }),
  /** Lossy: places and estimates of the subscriber's waiting jobs changed. */
  z.object({
    type: z.literal('position'),
    job_id: z.string(),
    position: z.number().int().nullable(),
    eta: etaView.nullable(),
  }),
  z.object({ type: z.literal('error'), problem }),
]);
export type StreamFrame = z.infer<typeof streamFrame>;

/** Client to server on GET /v1/stream. `after: -1` means "from now on". */
export const subscribeFrame = z.union([
  z.strictObject({ subscribe: z.strictObject({ after: z.number().int().min(-1) }) }),
  z.strictObject({ acknowledge: z.number().int().min(0) }),
]);
export type SubscribeFrame = z.infer<typeof subscribeFrame>;
