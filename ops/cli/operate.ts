// `tessera queue …` and `tessera worker list|drain|…`: the operator's hand on a running Tessera, by its API.
import {
  createAdminClient,
  type AdminClient,
  type PinWish,
  type WorkerWish,
} from '../../adapters/client/admin.ts';
import { TesseraProblem } from '../../adapters/client/problem.ts';
import type {
  AdminWorkerView,
  PauseRequest,
  QueueView,
} from '../../machines/contract/admin-views.ts';
import { LINE_PLACES, type LinePlace } from '../../machines/contract/events.ts';
import { readConfig } from '../../runtime/config.ts';
import { Misuse } from './misuse.ts';

type Env = NodeJS.ProcessEnv;

export interface QueueOptions {
  readonly model?: string;
  readonly plan?: string;
  readonly worker?: string;
  readonly json?: true;
}

export const showQueue = (options: QueueOptions, env: Env): Promise<void> =>
  operate(env, async (admin) => tellQueue(await admin.queue(), options));

export const pauseQueue = (wish: 'pause' | 'resume', options: QueueOptions, env: Env) =>
  operate(env, async (admin) => tellQueue(await admin[wish](targetOf(options)), options));

export function moveJob(job: string, to: string, env: Env): Promise<void> {
  if (!isPlace(to)) throw new Misuse(`A job is moved to ${LINE_PLACES.join(', ')}, not to ${to}.`);
  return operate(env, async (admin) => {
    await admin.move(job, to);
    console.error(`${job} has the place: ${to}.`);
  });
}

export const listWorkers = (options: { readonly json?: true }, env: Env): Promise<void> =>
  operate(env, async (admin) => {
    const { data } = await admin.workers();
    if (options.json) return console.log(JSON.stringify(data));
    for (const worker of data) console.log(lineOf(worker));
  });

export const askWorker = (wish: WorkerWish, id: string, env: Env): Promise<void> =>
  operate(env, async (admin) => console.log(lineOf(await admin.askWorker(id, wish))));

export const pinModel = (wish: PinWish, id: string, model: string, env: Env): Promise<void> =>
  operate(env, async (admin) => console.log(lineOf(await admin.askToKeep(id, wish, model))));

export async function operate(env: Env, use: (admin: AdminClient) => Promise<void>): Promise<void> {
  const { adminKey, worker } = readConfig(env);
  if (adminKey === null)
    throw new Misuse(
      'Set TESSERA_ADMIN_KEY to a key of kind admin; `tessera key create --kind admin`, said beside the runtime, ' +
        'makes one. TESSERA_URL says where the runtime is.',
    );
  try {
    await use(createAdminClient({ baseUrl: worker.url, key: adminKey }));
  } catch (error) {
    if (!(error instanceof TesseraProblem)) throw error;
    // What is asked for once more ends the same way, unless nobody answered.
    throw error.status >= 400 && error.status < 500
      ? new Misuse(error.message)
      : new Error(error.message, { cause: error });
  }
}

function targetOf({ model, plan, worker }: QueueOptions): PauseRequest {
  const isPlan = (text: string): text is NonNullable<PauseRequest['plan']> =>
    ['free', 'starter', 'pro'].includes(text);
  if (plan !== undefined && !isPlan(plan)) throw new Misuse('--plan must be free, starter or pro.');
  return {
    ...(model === undefined ? {} : { model }),
    ...(plan === undefined ? {} : { plan }),
    ...(worker === undefined ? {} : { worker }),
  };
}

const isPlace = (text: string): text is LinePlace =>
  (LINE_PLACES as readonly string[]).includes(text);

function tellQueue(queue: QueueView, { json }: QueueOptions): void {
  if (json) return console.log(JSON.stringify(queue));
  for (const { scope, name, by, at } of queue.pauses)
    console.log(['paused', name === null ? scope : `${scope} ${name}`, `by ${by}`, at].join('\t'));
  for (const { model, plan, jobs } of queue.waiting)
    console.log(['waiting', model, plan, jobs].join('\t'));
  if (queue.pauses.length === 0) console.error('Nothing is paused.');
  if (queue.waiting.length === 0) console.error('Nobody waits.');
}

function lineOf({ id, name, state, busy, slots, paused, loaded, pinned }: AdminWorkerView): string {
  const inMemory = loaded.map((model) => (pinned.includes(model) ? `${model} (pinned)` : model));
  const wanted = pinned.filter((model) => !loaded.includes(model));
  return [
    ...[id, name, paused ? `${state}, paused` : state, `${busy} of ${slots} busy`],
    [...inMemory, ...wanted.map((model) => `${model} (pinned, not loaded)`)].join(', '),
  ].join('\t');
}
