// What operators see and ask for: the queue, its pauses, the workers, any actor and its journal. Answers and
// bodies of /v1/admin.
import { z } from 'zod';
import { LINE_PLACES } from './events.ts';
import { PAUSE_SCOPES } from './pauses.ts';
import { PLANS } from './plans.ts';

const time = z.iso.datetime();
const name = z.string().regex(/^[\w.-]{1,64}$/);

/** Nothing named: the whole queue. */
export const pauseRequest = z
  .strictObject({
    model: name.optional(),
    plan: z.enum(PLANS).optional(),
    worker: name.optional(),
  })
  .refine((request) => Object.values(request).filter((each) => each !== undefined).length <= 1, {
    message:
      'names more than one thing: a model, a plan or a worker, or nothing for the whole queue',
  });
export type PauseRequest = z.infer<typeof pauseRequest>;

export const queueView = z.object({
  object: z.literal('queue'),
  pauses: z.array(
    z.object({
      scope: z.enum(PAUSE_SCOPES),
      /** Which model, plan or worker; null of the whole queue. */
      name: z.string().nullable(),
      by: z.string(),
      at: time,
    }),
  ),
  waiting: z.array(z.object({ model: z.string(), plan: z.enum(PLANS), jobs: z.number().int() })),
});
export type QueueView = z.infer<typeof queueView>;

export const moveRequest = z.strictObject({
  to: z
    .enum(LINE_PLACES)
    .describe('front: before all others; back: behind them; own: where it came by its asking'),
});
export type MoveRequest = z.infer<typeof moveRequest>;

export const moveView = z.object({
  object: z.literal('move'),
  job: z.string(),
  to: z.enum(LINE_PLACES),
});
export type MoveView = z.infer<typeof moveView>;

const span = z.object({ median: z.number(), low: z.number(), high: z.number() });

/** What a model takes on a worker. Milliseconds; eight of ten lie from `low` to `high`. */
const modelTimes = z.object({
  model: z.string(),
  run_ms: span.describe('Of one standard output, e.g. a picture of 1024x1024'),
  load_ms: span,
  /** What that rests on. Nothing seen: what its offer says, or other workers. */
  runs_seen: z.number().int(),
  loads_seen: z.number().int(),
});

export const adminWorkerView = z.object({
  object: z.literal('worker'),
  id: z.string(),
  name: z.string(),
  state: z.string(),
  connected: z.boolean(),
  paused: z.boolean(),
  gpu: z.string().nullable(),
  slots: z.number().int(),
  busy: z.number().int(),
  models: z.array(z.string()),
  loaded: z.array(z.string()),
  loading: z.string().nullable(),
  /** Kept in memory because an operator wants that. */
  pinned: z.array(z.string()),
  /** Of each of its models. */
  times: z.array(modelTimes),
});
export type AdminWorkerView = z.infer<typeof adminWorkerView>;

export const adminWorkerListView = z.object({
  object: z.literal('list'),
  data: z.array(adminWorkerView),
});
export type AdminWorkerListView = z.infer<typeof adminWorkerListView>;

export const pinRequest = z.strictObject({ model: name });

export const actorKind = z.enum(['job', 'worker', 'quota', 'subscription']);
const json = z.record(z.string(), z.unknown());

export const actorView = z.object({
  object: z.literal('actor'),
  account: z.string(),
  kind: actorKind,
  id: z.string(),
  machine: z.string(),
  version: z.number().int(),
  /** Names the chart among those of `machines/`: the machine and its version. */
  chart: z.string(),
  revision: z.number().int(),
  state: z.string(),
  value: z.union([z.string(), json]),
  status: z.enum(['active', 'done']),
  tags: z.array(z.string()),
  context: json,
  timers: z.array(z.object({ name: z.string(), revision: z.number(), due_at: z.iso.datetime() })),
  parked: z.boolean(),
  parked_events: z.array(
    z.object({ id: z.string(), event: json, reason: z.string(), at: z.iso.datetime() }),
  ),
  links: z.array(
    z.object({ why: z.string(), account: z.string(), kind: actorKind, id: z.string() }),
  ),
  created_at: z.iso.datetime(),
  updated_at: z.iso.datetime(),
});

export const journalView = z.object({
  object: z.literal('list'),
  data: z.array(
    z.object({
      revision: z.number().int(),
      at: z.iso.datetime(),
      event: json,
      from: z.string().nullable(),
      to: z.string(),
      patch: json,
      effects: json,
      batch: z.string(),
    }),
  ),
  /** For `after`; null at the end. */
  next_after: z.number().int().nullable(),
});

export const actorListView = z.object({
  object: z.literal('list'),
  data: z.array(
    actorView
      .pick({ account: true, kind: true, id: true, revision: true, state: true, tags: true })
      .extend({ parked: z.boolean(), updated_at: z.iso.datetime() }),
  ),
});

export type ActorView = z.infer<typeof actorView>;
export type JournalView = z.infer<typeof journalView>;
export type Turn = JournalView['data'][number];
export type ActorListView = z.infer<typeof actorListView>;
