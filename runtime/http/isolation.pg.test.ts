// What is one's own, from every side: each route that names something is asked by its owner, who gets it, and by
// everybody else, for whom it does not exist.
import { afterAll, beforeAll, expect, it } from 'vitest';
import { SYSTEM_ACCOUNT } from '../../machines/contract/ids.ts';
import type { Access, DeclaredRoute } from './access.ts';
import {
  belongingsOf,
  belongingsOfFrontend,
  belongingsOfWorker,
  BODIES,
  idleWorker,
  NAMES_OF_ALL,
  RESULT,
  SECRET,
  urlAmong,
  workerForAll,
  type Belongings,
} from './belongings-testing.ts';
import { startTestRuntime, type TestRuntime } from './testing.ts';

let runtime: TestRuntime;
let worker: Awaited<ReturnType<typeof workerForAll>>;
beforeAll(async () => {
  runtime = await startTestRuntime();
  worker = await workerForAll(runtime);
});
afterAll(() => runtime.stop());

type Headers = Readonly<Record<string, string>>;
const bearer = (key: string, more: Headers = {}): Headers => ({
  authorization: `Bearer ${key}`,
  ...more,
});

const UPLOAD = '/v1/workers/jobs/:job/attempts/:attempt/blobs/:blob';

function ask({ method, url: route }: DeclaredRoute, url: string, headers: Headers) {
  const isUpload = method === 'PUT' && route === UPLOAD;
  const upload = { 'upload-offset': '0', 'upload-length': String(RESULT.byteLength) };
  const type = isUpload ? 'application/octet-stream' : 'application/json';
  const payload = isUpload ? RESULT : JSON.stringify(BODIES[`${method} ${route}`] ?? {});
  const hasBody = !['GET', 'HEAD', 'DELETE'].includes(method);
  return runtime.app.inject({
    ...{ method: method as 'GET', url },
    headers: { ...headers, ...(hasBody && { 'content-type': type }), ...(isUpload && upload) },
    ...(hasBody && { payload }),
  });
}

const naming = (...accesses: Access[]) =>
  runtime.app.declaredRoutes.filter(
    ({ url, access }) => url.includes('/:') && accesses.includes(access),
  );

/** Somebody else of every kind that gets past the door. */
async function strangers(): Promise<Readonly<Record<string, Headers>>> {
  const telegram = (await runtime.key('frontend', SYSTEM_ACCOUNT, 'telegram')).key;
  const discord = (await runtime.key('frontend', SYSTEM_ACCOUNT, 'discord')).key;
  const signedIn = await runtime.app.inject({ method: 'POST', url: '/v1/session' });
  const cookie = String(signedIn.headers['set-cookie']).split(';')[0]!;
  return {
    user: bearer((await runtime.key('user', 'acc_stranger')).key),
    'person of a frontend': bearer(telegram, { 'tessera-user': 'telegram:1' }),
    'person of another frontend': bearer(discord, { 'tessera-user': 'discord:1' }),
    session: { cookie, origin: 'http://localhost', host: 'localhost' },
  };
}

async function expectMine(
  route: DeclaredRoute,
  mine: Belongings,
  own: Headers,
  others: Readonly<Record<string, Headers>>,
) {
  const line = `${route.method} ${route.url}`;
  const url = urlAmong(mine, route.url);
  for (const [who, headers] of Object.entries(others)) {
    const { statusCode, body } = await ask(route, url, headers);
    expect([line, who, body]).not.toEqual([line, who, expect.stringContaining(SECRET)]);
    if (NAMES_OF_ALL.some((each) => each === route.url)) continue;
    // An owner's route is closed to frontends, whoever they speak for.
    const expected = route.access === 'owner' && who.includes('frontend') ? 403 : 404;
    expect([line, who, statusCode]).toEqual([line, who, expected]);
  }
  // Last: some of these routes use up what they name. And it shows that the others met something that is there.
  const { statusCode, body } = await ask(route, url, own);
  expect([line, 'owner', statusCode, body]).toEqual([
    ...[line, 'owner', expect.toSatisfy((code: number) => code < 400 || code === 409), body],
  ]);
}

it('what a person owns is theirs alone', { timeout: 120_000 }, async () => {
  const routes = naming('person', 'owner');
  expect(routes.length).toBeGreaterThan(15);
  const others = await strangers();
  for (const [n, route] of routes.entries()) {
    const { key } = await runtime.key('user', `acc_owner_${n}`);
    await expectMine(route, await belongingsOf(runtime, worker, key), bearer(key), others);
  }
});

it('what a frontend remembers is for that frontend', async () => {
  const routes = naming('frontend');
  expect(routes.length).toBeGreaterThan(5);
  const { key } = await runtime.key('frontend', SYSTEM_ACCOUNT, 'telegram');
  const discord = (await runtime.key('frontend', SYSTEM_ACCOUNT, 'discord')).key;
  const sibling = (await runtime.key('frontend', SYSTEM_ACCOUNT, 'telegram')).key;
  for (const route of routes) {
    const mine = await belongingsOfFrontend(runtime, worker, key);
    const others: Record<string, Headers> = { 'another platform': bearer(discord) };
    // Bots of one platform sit in the same chats, and know each other's buttons; what to bring is each one's own.
    if (route.url.startsWith('/v1/deliveries')) others['another bot'] = bearer(sibling);
    await expectMine(route, mine, bearer(key), others);
  }
});

it('what a worker works on is its own', async () => {
  const routes = naming('worker');
  expect(routes.length).toBeGreaterThan(3);
  const mine = await belongingsOfWorker(runtime, worker);
  const others = { 'another worker': bearer(await idleWorker(runtime)) };
  for (const route of routes) await expectMine(route, mine, bearer(worker.key), others);
});

it('no list tells of what is another’s', async () => {
  const { key } = await runtime.key('user', 'acc_lister');
  const mine = Object.values(await belongingsOf(runtime, worker, key));
  const ids = mine.flatMap((url) => url.match(/(?<=_)[0-9a-zA-Z]{20,}/g) ?? []);
  expect(ids.length).toBeGreaterThan(5);
  const lists = runtime.app.declaredRoutes.filter(
    ({ method, url, access }) =>
      method === 'GET' && !url.includes('/:') && (access === 'person' || access === 'owner'),
  );
  const told = async (headers: Headers) => {
    const bodies = await Promise.all(lists.map((route) => ask(route, route.url, headers)));
    return bodies.map(({ body }) => body).join('\n');
  };
  const ownView = await told(bearer(key));
  // So that it would be seen: in the lists of their owner they are.
  expect(ids.filter((id) => ownView.includes(id)).length).toBeGreaterThan(3);
  for (const headers of Object.values(await strangers())) {
    const view = await told(headers);
    expect(ids.filter((id) => view.includes(id))).toEqual([]);
  }
});
