// Who may call what: every route, with every kind of caller.
import fastify from 'fastify';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { insertApiKey, revokeApiKey } from '../../db/queries/api-keys.ts';
import { SYSTEM_ACCOUNT } from '../../machines/contract/ids.ts';
import { KEY_KINDS, makeKey } from '../keys.ts';
import { guardRoutes } from './access.ts';
import { Principals } from './principals.ts';
import { startTestRuntime, type TestRuntime } from './testing.ts';

let runtime: TestRuntime;
const keys: Record<string, string> = {};
beforeAll(async () => {
  runtime = await startTestRuntime();
  keys['user'] = (await runtime.key('user')).key;
  keys['frontend'] = (await runtime.key('frontend', SYSTEM_ACCOUNT, 'telegram')).key;
  keys['worker'] = (await runtime.key('worker', SYSTEM_ACCOUNT)).key;
  keys['admin'] = (await runtime.key('admin', SYSTEM_ACCOUNT)).key;
});
afterAll(() => runtime.stop());

const JOB = `job_${'0'.repeat(26)}`;
/** Something well-formed for each parameter of a path. */
const PARAMETERS: Readonly<Record<string, string>> = {
  job: JOB,
  blob: `sha256:${'a'.repeat(64)}`,
  attempt: '1',
  n: '0',
  kind: 'quota',
  key: `key_${'0'.repeat(22)}`,
  until: 'zzzzzzzz',
  signature: 'a'.repeat(43),
};
/** Whom a route lets in, beside the frontend of another platform: it may speak for its own people only. */
const MAY: Readonly<Record<string, readonly string[]>> = {
  public: ['user', 'frontend', 'worker', 'admin', 'session'],
  person: ['user', 'frontend', 'session'],
  owner: ['user', 'session'],
  frontend: ['frontend'],
  subscriber: ['user', 'frontend', 'session'],
  worker: ['worker'],
  // The session is that of the local person, who operates this Tessera.
  admin: ['admin', 'session'],
};

const ask = (method: string, url: string, headers: Record<string, string> = {}) =>
  runtime.app.inject({ method: method as 'GET', url, headers });
const bearer = (key: string, more = {}) => ({ authorization: `Bearer ${key}`, ...more });

const urlOf = (route: string): string =>
  route.replace(/:(\w+)(\([^)]*\))?/g, (_whole, name: string) => {
    if (name === 'id' && route.includes('/jobs/')) return JOB;
    return PARAMETERS[name] ?? `${name}_none`;
  });

const tableOf = (routes: TestRuntime['app']['declaredRoutes']): string =>
  `${routes
    .map(({ method, url, access, scope }) =>
      `${method.padEnd(7)}${url.padEnd(60)} ${access.padEnd(8)} ${scope ?? ''}`.trimEnd(),
    )
    .sort((a, b) => (a.slice(7) < b.slice(7) ? -1 : 1))
    .join('\n')}\n`;

describe('every route that was built', () => {
  it('is in the table', async () => {
    const routes = runtime.app.declaredRoutes;
    expect(routes.length).toBeGreaterThan(50);
    await expect(tableOf(routes)).toMatchFileSnapshot('./access.snapshot.txt');
  });

  it('says whom it is for, or is not built', () => {
    const bare = fastify();
    guardRoutes(bare, new Principals(runtime.host), () => Promise.resolve());
    expect(() => bare.get('/new', () => 'x')).toThrow('does not say whom it is for');
  });

  it('lets in those of the table and nobody else', async () => {
    const { key: revoked, id } = await runtime.key('user', 'acc_out');
    await revokeApiKey(runtime.host.pool, { id, by: 'operator' });
    const expired = makeKey('user', null);
    const ended = { ...expired, accountId: 'acc_out', name: 'has been', ttlMs: 1 };
    await insertApiKey(runtime.host.pool, ended);
    const named = { 'tessera-user': 'telegram:1' };
    const scoped = await runtime.key('user', 'acc_a', null, 'none:none');
    for (const { method, url: route, access, scope } of runtime.app.declaredRoutes) {
      const url = urlOf(route);
      const status = async (headers: Record<string, string>) =>
        (await ask(method, url, headers)).statusCode;
      const line = `${method} ${route}`;
      const signedIn = await ask('POST', '/v1/session');
      const cookie = String(signedIn.headers['set-cookie']).split(';')[0]!;
      const callers: Record<string, Record<string, string>> = {
        ...Object.fromEntries(KEY_KINDS.map((kind) => [kind, bearer(keys[kind]!)])),
        frontend: bearer(keys['frontend']!, named),
        session: { cookie, origin: 'http://localhost', host: 'localhost' },
      };
      for (const [caller, headers] of Object.entries(callers)) {
        const got = await status(headers);
        expect([line, caller, got === 401 || got === 403]).toEqual([
          ...[line, caller, !MAY[access]!.includes(caller)],
        ]);
      }
      if (access === 'public') continue;
      expect([line, await status({})]).toEqual([line, 401]);
      expect([line, await status(bearer(revoked))]).toEqual([line, 401]);
      expect([line, await status(bearer(expired.key))]).toEqual([line, 401]);
      const abroad = bearer(keys['frontend']!, { 'tessera-user': 'discord:1' });
      expect([line, await status(abroad)]).toEqual([line, 403]);
      if (scope) expect([line, await status(bearer(scoped.key))]).toEqual([line, 403]);
    }
  });

  it("hides one person's jobs from another", async () => {
    await runtime.worker();
    const json = { modality: 'image', prompt: 'x' };
    const made = await runtime.call({ url: '/v1/jobs', key: keys['user']!, json });
    const stranger = (await runtime.key('user', 'acc_stranger')).key;
    const ofJobs = runtime.app.declaredRoutes.filter(
      ({ url, access }) => access === 'person' && url.startsWith('/v1/jobs/:id'),
    );
    expect(ofJobs.length).toBeGreaterThan(3);
    for (const { method, url } of ofJobs) {
      const path = urlOf(url).replace(JOB, made.json().id);
      const got = await ask(method, path, bearer(stranger));
      expect([method, url, got.statusCode]).toEqual([method, url, 404]);
    }
  });
});

describe('a key', () => {
  it.each([
    'tsr_user_' + 'a'.repeat(49),
    makeKey('user').key,
    'x',
    'Basic eDp5',
    'Bearer',
    `Bearer  two words`,
  ])('that is not one of ours is refused: %s', async (text) => {
    const headers = { authorization: text.includes(' ') ? text : `Bearer ${text}` };
    const answer = await ask('GET', '/v1/account', headers);
    expect([answer.statusCode, answer.json().code]).toEqual([401, 'unauthorized']);
  });

  it('does not open the door by its hash', async () => {
    const { hash } = await runtime.key('user');
    for (const text of [hash.toString('hex'), hash.toString('base64')])
      expect((await ask('GET', '/v1/account', bearer(text))).statusCode).toBe(401);
  });

  it('does not fall back to the cookie when it is wrong', async () => {
    const signedIn = await ask('POST', '/v1/session');
    const cookie = String(signedIn.headers['set-cookie']).split(';')[0]!;
    expect((await ask('GET', '/v1/account', { cookie })).statusCode).toBe(200);
    const answer = await ask('GET', '/v1/account', { cookie, ...bearer('nonsense') });
    expect(answer.statusCode).toBe(401);
  });

  it('works no longer than five seconds after it was revoked', async () => {
    const { key, id } = await runtime.key('user', 'acc_revoked');
    const asked = () => ask('GET', '/v1/account', bearer(key));
    expect((await asked()).statusCode).toBe(200);
    await revokeApiKey(runtime.host.pool, { id, by: 'operator' });
    runtime.clock.aheadMs += 5_001;
    expect((await asked()).statusCode).toBe(401);
  });
});

describe('a frontend', () => {
  const as = (user: string, platform: string = 'frontend') =>
    ask('GET', '/v1/account', bearer(keys[platform]!, { 'tessera-user': user }));

  it('brings people along: one account each, made at first sight', async () => {
    const first = await as('telegram:42');
    expect(first.json()).toMatchObject({ available_millitokens: 20_000 });
    const { id } = first.json();
    expect(id).toMatch(/^acc_/);
    expect((await as('telegram:42')).json().id).toBe(id);
    expect((await as('telegram:43')).json().id).not.toBe(id);
    // Another bot of the same platform meets the same person.
    keys['second'] = (await runtime.key('frontend', SYSTEM_ACCOUNT, 'telegram')).key;
    expect((await as('telegram:42', 'second')).json().id).toBe(id);
    // The same number elsewhere is somebody else.
    keys['discord'] = (await runtime.key('frontend', SYSTEM_ACCOUNT, 'discord')).key;
    expect((await as('discord:42', 'discord')).json().id).not.toBe(id);
  });

  it('makes one account of a person who arrives fifty times at once', async () => {
    runtime.clock.aheadMs += 10_000;
    const answers = await Promise.all(Array.from({ length: 50 }, () => as('telegram:77')));
    expect(new Set(answers.map((answer) => answer.json().id)).size).toBe(1);
  });

  it('speaks for nobody of another platform', async () => {
    const answer = await as('discord:42');
    expect([answer.statusCode, answer.json().code]).toEqual([403, 'forbidden']);
  });

  it.each([
    '',
    'telegram',
    'telegram:',
    'telegram:ann',
    'telegram:-1',
    'telegram:007',
    'irc:1',
    '42',
  ])('has to name a person by number: %j', async (user) => {
    const answer = await as(user);
    expect([answer.statusCode, answer.json().code]).toEqual([400, 'invalid_request']);
  });

  it('is the only one who may speak for others', async () => {
    const headers = bearer(keys['user']!, { 'tessera-user': 'telegram:42' });
    expect((await ask('GET', '/v1/account', headers)).statusCode).toBe(403);
  });
});

describe('an operator', () => {
  it('sees any actor as it is stored', async () => {
    const job = await runtime.call({
      url: '/v1/jobs',
      key: keys['user']!,
      json: { modality: 'image', prompt: 'x', model: 'none' },
    });
    expect(job.statusCode).toBe(422);
    await runtime.worker();
    const made = await runtime.call({
      url: '/v1/jobs',
      key: keys['user']!,
      json: { modality: 'image', prompt: 'x' },
    });
    const look = (path: string) => ask('GET', `/v1/admin/actors/${path}`, bearer(keys['admin']!));
    const actor = await look(`job/${made.json().id}?account=acc_a`);
    expect(actor.json()).toMatchObject({
      object: 'actor',
      account: 'acc_a',
      kind: 'job',
      parked: false,
      context: { spec: { prompt: 'x' } },
    });
    expect((await look('quota/acc_a')).statusCode).toBe(200);
    expect((await look(`job/${made.json().id}`)).statusCode).toBe(400);
    expect((await look(`job/${made.json().id}?account=acc_b`)).statusCode).toBe(404);
    expect((await look('soul/x')).statusCode).toBe(404);
  });
});
