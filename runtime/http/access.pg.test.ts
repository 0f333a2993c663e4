// Who may call what: every route, with every kind of caller.
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { revokeApiKey } from '../../db/queries/api-keys.ts';
import { SYSTEM_ACCOUNT } from '../../machines/contract/ids.ts';
import { KEY_KINDS, makeKey } from '../keys.ts';
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
const UPLOAD = `/v1/workers/jobs/${JOB}/attempts/1/blobs/sha256:${'a'.repeat(64)}`;
const VIDEO = `video_${'0'.repeat(26)}`;
const LINK = `/v1/links/key_${'0'.repeat(22)}/${JOB}/0/zzzzzzzz/${'a'.repeat(43)}`;
const WEBHOOK = `/v1/account/webhooks/whk_${'0'.repeat(26)}`;
/** Route as declared, a request for it, and who may make it. */
const ROUTES = [
  ['POST /v1/session', '/v1/session', 'public'],
  ['DELETE /v1/session', '/v1/session', 'public'],
  ['GET /v1/models', '/v1/models', 'public'],
  ['GET /v1/models/{id}', '/v1/models/x', 'public'],
  ['GET /v1/status', '/v1/status', 'public'],
  ['POST /v1/workers/enrol', '/v1/workers/enrol', 'public'],
  ['GET /healthz', '/healthz', 'public'],
  ['GET /readyz', '/readyz', 'public'],
  ['GET /metrics', '/metrics', 'public'],
  ['POST /v1/jobs', '/v1/jobs', 'person'],
  ['GET /v1/jobs', '/v1/jobs', 'person'],
  ['GET /v1/jobs/{id}', `/v1/jobs/${JOB}`, 'person'],
  ['GET /v1/jobs/{id}/events', `/v1/jobs/${JOB}/events`, 'person'],
  ['POST /v1/jobs/{id}/cancel', `/v1/jobs/${JOB}/cancel`, 'person'],
  ['GET /v1/jobs/{id}/outputs/{n}', `/v1/jobs/${JOB}/outputs/0`, 'person'],
  ['HEAD /v1/jobs/{id}/outputs/{n}', `/v1/jobs/${JOB}/outputs/0`, 'person'],
  ['POST /v1/blobs', '/v1/blobs', 'person'],
  ['GET /v1/account', '/v1/account', 'person'],
  ['GET /v1/account/ledger', '/v1/account/ledger', 'person'],
  ['POST /v1/account/webhooks', '/v1/account/webhooks', 'person'],
  ['GET /v1/account/webhooks', '/v1/account/webhooks', 'person'],
  ['DELETE /v1/account/webhooks/{id}', WEBHOOK, 'person'],
  ['POST /v1/account/webhooks/{id}/rotate', `${WEBHOOK}/rotate`, 'person'],
  ['POST /v1/account/webhooks/{id}/enable', `${WEBHOOK}/enable`, 'person'],
  ['POST /v1/account/webhooks/{id}/ping', `${WEBHOOK}/ping`, 'person'],
  ['GET /v1/account/webhooks/{id}/deliveries', `${WEBHOOK}/deliveries`, 'person'],
  [
    'POST /v1/account/webhooks/{id}/deliveries/{delivery}/replay',
    `${WEBHOOK}/deliveries/x/replay`,
    'person',
  ],
  ['GET /v1/links/{key}/{job}/{n}/{until}/{signature}', LINK, 'public'],
  ['HEAD /v1/links/{key}/{job}/{n}/{until}/{signature}', LINK, 'public'],
  ['POST /v1/chat/completions', '/v1/chat/completions', 'person'],
  ['POST /v1/completions', '/v1/completions', 'person'],
  ['POST /v1/images/generations', '/v1/images/generations', 'person'],
  ['POST /v1/images/edits', '/v1/images/edits', 'person'],
  ['POST /v1/audio/speech', '/v1/audio/speech', 'person'],
  ['POST /v1/audio/transcriptions', '/v1/audio/transcriptions', 'person'],
  ['POST /v1/audio/translations', '/v1/audio/translations', 'person'],
  ['POST /v1/videos', '/v1/videos', 'person'],
  ['GET /v1/videos', '/v1/videos', 'person'],
  ['GET /v1/videos/{id}', `/v1/videos/${VIDEO}`, 'person'],
  ['GET /v1/videos/{id}/content', `/v1/videos/${VIDEO}/content`, 'person'],
  ['DELETE /v1/videos/{id}', `/v1/videos/${VIDEO}`, 'person'],
  ['HEAD (hidden)', UPLOAD, 'worker'],
  ['PUT (hidden)', UPLOAD, 'worker'],
  ['GET (hidden)', `/v1/workers/jobs/${JOB}/inputs/0`, 'worker'],
  ['GET /v1/admin/actors/{kind}/{id}', `/v1/admin/actors/job/${JOB}?account=acc_a`, 'admin'],
  ['GET /v1/admin/actors/{kind}/{id}/journal', '/v1/admin/actors/quota/acc_a/journal', 'admin'],
  ['POST /v1/admin/actors/{kind}/{id}/release', '/v1/admin/actors/quota/acc_a/release', 'admin'],
  ['POST /v1/admin/enrolments', '/v1/admin/enrolments', 'admin'],
  ['GET /v1/admin/keys', '/v1/admin/keys', 'admin'],
  ['POST /v1/admin/keys/{id}/revoke', '/v1/admin/keys/key_none/revoke', 'admin'],
  ['GET /v1/admin/queue', '/v1/admin/queue', 'admin'],
  ['POST /v1/admin/queue/pause', '/v1/admin/queue/pause', 'admin'],
  ['POST /v1/admin/queue/resume', '/v1/admin/queue/resume', 'admin'],
  ['POST /v1/admin/jobs/{id}/move', `/v1/admin/jobs/${JOB}/move`, 'admin'],
  ['GET /v1/admin/workers', '/v1/admin/workers', 'admin'],
  ['POST /v1/admin/workers/{id}/drain', '/v1/admin/workers/wrk_none/drain', 'admin'],
  ['POST /v1/admin/workers/{id}/resume', '/v1/admin/workers/wrk_none/resume', 'admin'],
  ['POST /v1/admin/workers/{id}/quarantine', '/v1/admin/workers/wrk_none/quarantine', 'admin'],
  ['POST /v1/admin/workers/{id}/pin', '/v1/admin/workers/wrk_none/pin', 'admin'],
  ['POST /v1/admin/workers/{id}/unpin', '/v1/admin/workers/wrk_none/unpin', 'admin'],
  ['GET /v1/admin/audit', '/v1/admin/audit', 'admin'],
  ['GET (hidden)', '/v1/admin/inspect', 'admin'],
] as const;
const MAY = {
  public: ['user', 'frontend', 'worker', 'admin'],
  person: ['user', 'frontend'],
  worker: ['worker'],
  admin: ['admin'],
} as const;

const ask = (method: string, url: string, headers: Record<string, string> = {}) =>
  runtime.app.inject({ method: method as 'GET', url, headers });
const bearer = (key: string, more = {}) => ({ authorization: `Bearer ${key}`, ...more });

describe('the table of routes', () => {
  it('names every documented one', () => {
    const paths = Object.entries(runtime.app.swagger().paths ?? {});
    const documented = paths.flatMap(([path, methods]) =>
      Object.keys(methods ?? {}).map((method) => `${method.toUpperCase()} ${path}`),
    );
    const named = ROUTES.map(([route]) => route as string).filter(
      (each) => !each.includes('hidden'),
    );
    expect(named.sort()).toEqual(documented.sort());
  });

  it.each(ROUTES)('%s', async (route, url, access) => {
    const method = route.split(' ')[0]!;
    const anybody = await ask(method, url);
    if (access === 'public') expect([401, 403]).not.toContain(anybody.statusCode);
    else {
      expect(anybody.statusCode).toBe(401);
      expect(anybody.headers['www-authenticate']).toContain('Bearer');
      const cookie = await ask(method, url, { cookie: `tessera_session=${'x'.repeat(43)}` });
      expect(cookie.statusCode).toBe(401);
    }
    for (const kind of KEY_KINDS) {
      const named = kind === 'frontend' ? { 'tessera-user': 'telegram:1' } : {};
      const { statusCode } = await ask(method, url, bearer(keys[kind]!, named));
      const may = (MAY[access] as readonly string[]).includes(kind);
      expect([kind, statusCode === 403], `${kind} got ${statusCode}`).toEqual([kind, !may]);
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
