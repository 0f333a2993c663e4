// Browsers: the local person signs in and out, and no page of another site can act for them.
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ensureAccount } from '../../db/queries/accounts.ts';
import { createSession } from '../../db/queries/sessions.ts';
import { hashSecret, makeSessionSecret } from '../keys.ts';
import { startTestRuntime, type TestRuntime } from './testing.ts';

let runtime: TestRuntime;
beforeAll(async () => {
  runtime = await startTestRuntime({
    site: (_request, response) => void response.end('<h1>the website</h1>'),
  });
});
afterAll(() => runtime.stop());

const ask = (method: 'GET' | 'POST' | 'DELETE' | 'PUT', url: string, headers = {}) =>
  runtime.app.inject({ method, url, headers });
const cookieOf = (answer: { headers: Record<string, unknown> }): string =>
  String(answer.headers['set-cookie']).split(';')[0]!;
const signIn = async () => cookieOf(await ask('POST', '/v1/session'));

describe('signing in', () => {
  it('joins the one local account with a cookie that scripts cannot read', async () => {
    const answer = await ask('POST', '/v1/session');
    expect(answer.statusCode).toBe(201);
    expect(answer.json()).toMatchObject({ id: 'acc_local', available_millitokens: 20_000 });
    expect(answer.headers['set-cookie']).toMatch(
      /^tessera_session=[\w-]{43}; Path=\/; Max-Age=2592000; HttpOnly; SameSite=Lax$/,
    );
    const cookie = cookieOf(answer);
    expect((await ask('GET', '/v1/account', { cookie })).json().id).toBe('acc_local');
    const other = await signIn();
    expect(other).not.toBe(cookie);
    expect((await ask('GET', '/v1/account', { cookie: other })).json().id).toBe('acc_local');
  });

  it('again changes nothing', async () => {
    const cookie = await signIn();
    const again = await ask('POST', '/v1/session', { cookie });
    expect(again.statusCode).toBe(200);
    expect(again.headers['set-cookie']).toBeUndefined();
  });

  it('finds the cookie among others', async () => {
    const cookie = `theme=dark; ${await signIn()}; x=tessera_session`;
    expect((await ask('GET', '/v1/account', { cookie })).statusCode).toBe(200);
  });

  it('ends at once when signing out', async () => {
    const cookie = await signIn();
    expect((await ask('GET', '/v1/account', { cookie })).statusCode).toBe(200);
    const out = await ask('DELETE', '/v1/session', { cookie });
    expect(out.statusCode).toBe(204);
    expect(out.headers['set-cookie']).toMatch(/^tessera_session=; Path=\/; Max-Age=0/);
    expect((await ask('GET', '/v1/account', { cookie })).statusCode).toBe(401);
    expect((await ask('DELETE', '/v1/session', { cookie })).statusCode).toBe(204);
  });

  it('takes no cookie that somebody made up', async () => {
    const cookie = `tessera_session=${'A'.repeat(43)}`;
    expect((await ask('GET', '/v1/account', { cookie })).statusCode).toBe(401);
    const fixed = await ask('POST', '/v1/session', { cookie });
    expect(fixed.statusCode).toBe(201);
    expect(cookieOf(fixed)).not.toBe(cookie);
  });
});

describe('a page of another site', () => {
  const FOREIGN = [
    { origin: 'https://evil.example' },
    { origin: 'http://localhost:9999' },
    { origin: 'null' },
    { origin: '' },
    { 'sec-fetch-site': 'cross-site' },
    { 'sec-fetch-site': 'same-site' },
  ];

  it.each(FOREIGN)('cannot spend, sign in or sign out: %j', async (headers) => {
    const cookie = await signIn();
    const request = { ...headers, cookie, 'content-type': 'application/json' };
    for (const [method, url] of [
      ['POST', '/v1/jobs'],
      ['POST', '/v1/session'],
      ['DELETE', '/v1/session'],
      ['POST', '/v1/blobs'],
    ] as const) {
      const answer = await ask(method, url, request);
      expect([url, answer.statusCode, answer.json().code]).toEqual([url, 403, 'forbidden']);
    }
    expect((await ask('GET', '/v1/account', { cookie })).statusCode).toBe(200);
  });

  it('is not our own page, nor a program without a browser', async () => {
    const cookie = await signIn();
    for (const headers of [
      { origin: 'http://localhost:80', 'sec-fetch-site': 'same-origin' },
      { origin: 'http://localhost:80' },
      {},
    ]) {
      const payload = { modality: 'image', prompt: 'x', dry_run: true };
      const answer = await runtime.app.inject({
        method: 'POST',
        url: '/v1/jobs',
        headers: { host: 'localhost:80', cookie, ...headers },
        payload,
      });
      // Let in; that it is impossible without a worker is another matter.
      expect([headers, answer.statusCode]).toEqual([headers, 422]);
    }
  });
});

describe('local mode', () => {
  it.each<[string, Record<string, string>]>([
    ['GET', { 'x-forwarded-for': '203.0.113.9' }],
    ['GET', { forwarded: 'for=203.0.113.9' }],
    ['POST', { 'x-real-ip': '203.0.113.9' }],
    ['POST', { host: 'tessera.example.org' }],
  ])('answers nobody from elsewhere: %s %j', async (method, headers) => {
    for (const url of [
      '/v1/session',
      '/v1/account',
      '/v1/models',
      '/healthz',
      '/docs/',
      '/',
      '/x',
    ]) {
      const answer = await ask(method as 'GET', url, headers);
      expect([url, answer.statusCode]).toEqual([url, 403]);
      expect(answer.json().code).toBe('local_only');
      expect(answer.headers['set-cookie']).toBeUndefined();
    }
  });

  it('lets the local person operate this Tessera, and nobody else whose session is left', async () => {
    const { pool } = runtime.host;
    const statusOf = async (accountId: string) => {
      const secret = makeSessionSecret();
      await ensureAccount(pool, accountId);
      const session = { accountId, hash: hashSecret(secret), ttlMs: 60_000 };
      await createSession(pool, { ...session, id: `ses_${accountId}` });
      const headers = { cookie: `tessera_session=${secret}` };
      return (await ask('GET', '/v1/admin/workers', headers)).statusCode;
    };
    expect(await statusOf('acc_local')).toBe(200);
    expect(await statusOf('acc_before')).toBe(403);
  });

  it('is over as soon as people can prove who they are', async () => {
    const open = await startTestRuntime({ config: { isLocalMode: false } });
    try {
      const answer = await open.app.inject({ method: 'POST', url: '/v1/session' });
      expect([answer.statusCode, answer.json().code]).toEqual([403, 'sign_in_required']);
      expect(answer.headers['set-cookie']).toBeUndefined();
    } finally {
      await open.stop();
    }
  });
});

describe('the website', () => {
  it('gets everything that is not ours, as it came', async () => {
    for (const url of ['/', '/gallery', '/v1x', '/docsy', '/job/1?x=%00']) {
      const answer = await ask('GET', url);
      expect([url, answer.statusCode, answer.body]).toEqual([url, 200, '<h1>the website</h1>']);
      expect(answer.headers['x-request-id']).toMatch(/^req_/);
      expect(answer.headers['x-content-type-options']).toBe('nosniff');
    }
    expect((await ask('POST', '/form', { 'content-type': 'text/plain' })).statusCode).toBe(200);
  });

  it('gets nothing of ours, found or not', async () => {
    for (const url of ['/v1', '/v1/', '/v1/none', '/docs/none', '/metrics/x', '/openapi.json/x']) {
      const answer = await ask('GET', url);
      expect([url, answer.statusCode]).toEqual([url, 404]);
    }
  });
});
