// Test equipment: one of everything that somebody may own, under the route that names it. A route that names
// something new needs a line here; `isolation.pg.test.ts` says so.
import type { z } from 'zod';
import { insertAppeal } from '../../db/queries/appeals.ts';
import { addIdentity } from '../../db/queries/identities.ts';
import { insertPasskey } from '../../db/queries/passkeys.ts';
import { createSession } from '../../db/queries/sessions.ts';
import { SYSTEM_ACCOUNT } from '../../machines/contract/ids.ts';
import type { AccountView, blobView, JobView } from '../../machines/contract/views.ts';
import { hashSecret } from '../keys.ts';
import { offer } from '../testing.ts';
import { blobIdOf, PNG, until, type TestRuntime } from './testing.ts';

/** The beginning of a route, as it is declared → the same for what somebody owns. */
export type Belongings = Readonly<Record<string, string>>;
type Worker = Awaited<ReturnType<TestRuntime['worker']>>;

/** One that makes whatever it is given as soon as it is told to. */
export const workerForAll = (runtime: TestRuntime): Promise<Worker> => {
  const inputs = [{ role: 'image', kind: 'image', isRequired: false }] as const;
  const models = [
    offer('sketch', { inputs: [...inputs] }),
    offer('film', { modality: 'video', limits: {} }),
  ];
  return runtime.worker({ models, loaded: models.map(({ id }) => id), slots: 8 });
};

/** Names that everybody may use, and means something of their own by: what is kept under them is what is looked for. */
export const NAMES_OF_ALL = [
  '/v1/account/preferences/:name',
  '/v1/chats/:chat/preferences/:name',
] as const;
export const SECRET = 'what only its owner knows';

/** What routes take that cannot do with `{}`, by method and route. */
export const BODIES: Readonly<Record<string, unknown>> = {
  'PUT /v1/account/preferences/:name': { value: { of: 'somebody' } },
  'PUT /v1/chats/:chat/preferences/:name': { value: { of: 'somebody' } },
  'PATCH /v1/deliveries/:job': { note: {} },
};

export async function belongingsOf(
  runtime: TestRuntime,
  worker: Worker,
  key: string,
): Promise<Belongings> {
  const post = async <T>(url: string, json: unknown): Promise<T> => {
    const answer = await runtime.call({ method: 'POST', url, key, json });
    if (answer.statusCode >= 300) throw new Error(`POST ${url}: ${answer.body}`);
    return answer.json<T>();
  };
  const image = await made(runtime, worker, await post('/v1/jobs', job('image')), key);
  const film = await made(runtime, worker, await post('/v1/jobs', job('video')), key);
  const ownKey = await post<{ id: string }>('/v1/account/keys', { name: 'one of mine' });
  const hook = await post<{ id: string }>('/v1/account/webhooks', { url: 'https://example.org/' });
  const ping = await post<{ id: string }>(`/v1/account/webhooks/${hook.id}/ping`, {});
  const { id: accountId } = (await runtime.call({ url: '/v1/account', key })).json<AccountView>();
  const identities = [`t${accountId}`, `d${accountId}`];
  for (const subject of identities)
    await addIdentity(runtime.host.pool, { provider: 'telegram', subject, accountId, by: 'test' });
  // Nothing of it is hidden, so its owner is answered 409; for others there is none.
  await insertAppeal(runtime.host.pool, { accountId, jobId: image.id, reason: SECRET });
  const preferences = '/v1/account/preferences/mine';
  const json = { value: { secret: SECRET } };
  await runtime.call({ method: 'PUT', url: preferences, key, json });
  const session = { accountId, id: `ses_${accountId}`, hash: hashSecret(accountId), ttlMs: 60_000 };
  await createSession(runtime.host.pool, session);
  const passkey = { accountId, id: `pk${accountId}`, name: 'one of mine', by: 'test' };
  const unused = { counter: 0, transports: [], publicKey: new Uint8Array(8) };
  await insertPasskey(runtime.host.pool, { ...passkey, ...unused });
  return {
    '/v1/account/sessions/:id': `/v1/account/sessions/${session.id}`,
    '/v1/account/passkeys/:id': `/v1/account/passkeys/${passkey.id}`,
    '/v1/account/identities/:id': `/v1/account/identities/telegram:${identities[0]}`,
    '/v1/account/preferences/:name': preferences,
    '/v1/jobs/:id/outputs/:n': `/v1/jobs/${image.id}/outputs/0`,
    '/v1/jobs/:id': `/v1/jobs/${image.id}`,
    '/v1/videos/:id': `/v1/videos/${film.id.replace('job_', 'video_')}`,
    '/v1/account/keys/:id': `/v1/account/keys/${ownKey.id}`,
    '/v1/account/webhooks/:id/deliveries/:delivery': `/v1/account/webhooks/${hook.id}/deliveries/${ping.id}`,
    '/v1/account/webhooks/:id': `/v1/account/webhooks/${hook.id}`,
  };
}

/** What a frontend remembers here: what it has to bring, what its buttons mean, what its chats chose. */
export async function belongingsOfFrontend(
  runtime: TestRuntime,
  worker: Worker,
  key: string,
): Promise<Belongings> {
  const headers = { 'tessera-user': 'telegram:4711' };
  const json = { ...job('image'), origin: 'some-bot/-100/7' };
  const asked = (await runtime.call({ url: '/v1/jobs', key, headers, json })).json<JobView>();
  await made(runtime, worker, asked, key, headers);
  const meanings = { meanings: [{ secret: SECRET }] };
  const actions = await runtime.call({ url: '/v1/actions', key, headers, json: meanings });
  const chat = '/v1/chats/-100/preferences/mine';
  await runtime.call({ method: 'PUT', url: chat, key, json: { value: { secret: SECRET } } });
  return {
    '/v1/deliveries/:job/outputs/:n': `/v1/deliveries/${asked.id}/outputs/0`,
    '/v1/deliveries/:job': `/v1/deliveries/${asked.id}`,
    '/v1/actions/:id': `/v1/actions/${actions.json().data[0].id}`,
    '/v1/chats/:chat/preferences/:name': chat,
  };
}

/** What a worker has while it works: the files of its attempt. */
export async function belongingsOfWorker(
  runtime: TestRuntime,
  worker: Worker,
): Promise<Belongings> {
  const { key } = await runtime.key('user', 'acc_customer');
  const headers = { 'content-type': 'image/png' };
  const upload = { method: 'POST', url: '/v1/blobs', key, payload: PNG, headers } as const;
  const { id: blob } = (await runtime.call(upload)).json<z.infer<typeof blobView>>();
  const json = { ...job('image'), inputs: [{ blob }] };
  const { id } = (await runtime.call({ url: '/v1/jobs', key, json })).json<JobView>();
  await until(() => worker.agent.of('run').some((run) => run.job === id));
  return {
    '/v1/workers/jobs/:job/inputs/:n': `/v1/workers/jobs/${id}/inputs/0`,
    '/v1/workers/jobs/:job/attempts/:attempt/blobs/:blob': placeOf(id, RESULT),
  };
}

/** The url of a route for what somebody owns. @throws when nobody said what the route is about */
export function urlAmong(belongings: Belongings, route: string): string {
  const [begin] = Object.keys(belongings)
    .filter((each) => route === each || route.startsWith(`${each}/`))
    .sort((a, b) => b.length - a.length);
  const url = begin === undefined ? route : belongings[begin]! + route.slice(begin.length);
  if (!url.includes('/:')) return url;
  throw new Error(`Say in belongings-testing.ts whose ${route} is: make one, under its route.`);
}

/** Another worker, which has nothing to do. */
export const idleWorker = async (runtime: TestRuntime): Promise<string> =>
  (await runtime.key('worker', SYSTEM_ACCOUNT)).key;

/** Longer than a moment, so that a worker may have it in parts. */
export const RESULT = PNG;

const job = (modality: 'image' | 'video') => ({ modality, prompt: 'A heron, at dawn' });

const placeOf = (id: string, bytes: Buffer) =>
  `/v1/workers/jobs/${id}/attempts/1/blobs/${blobIdOf(bytes)}`;

/** The job, done: with one result. */
async function made(
  runtime: TestRuntime,
  { agent, key: workerKey }: Worker,
  { id, modality }: JobView,
  key: string,
  headers: Readonly<Record<string, string>> = {},
): Promise<JobView> {
  // Nobody else beats for it, and on a slow machine a test may take longer than a silent worker is believed in.
  agent.say({ type: 'heartbeat' });
  await until(() => agent.of('run').some((run) => run.job === id));
  agent.acknowledgeAll();
  const bytes = Buffer.concat([RESULT, Buffer.from(id)]);
  await runtime.call({
    method: 'PUT',
    url: placeOf(id, bytes),
    key: workerKey,
    payload: bytes,
    headers: {
      'content-type': 'application/octet-stream',
      'upload-offset': '0',
      'upload-length': String(bytes.byteLength),
    },
  });
  const mediaType = modality === 'video' ? 'video/mp4' : 'image/png';
  const outputs = [{ blob: blobIdOf(bytes), bytes: bytes.byteLength, mediaType, facts: {} }];
  agent.say({ type: 'finished', job: id, attempt: 1, outputs, runMs: 10 });
  await until(() => agent.of('settled').some((settled) => settled.job === id));
  return (await runtime.call({ url: `/v1/jobs/${id}`, key, headers })).json<JobView>();
}
