// Two runtimes on one database: what ends at one has ended at the other, within five seconds, though each remembers
// for a while whom it has let in.
import { once } from 'node:events';
import { afterAll, beforeAll, beforeEach, expect, it } from 'vitest';
import { SYSTEM_ACCOUNT } from '../../machines/contract/ids.ts';
import { startTestRuntime, type TestRuntime } from './testing.ts';

let here: TestRuntime;
let there: TestRuntime;
beforeAll(async () => {
  here = await startTestRuntime();
  there = await startTestRuntime({ through: () => Promise.resolve(here.url) });
});
afterAll(async () => {
  await there.stop();
  await here.stop();
});
/** What was remembered by then is looked up anew. */
const fiveSecondsLater = () => void (there.clock.aheadMs += 5_000);
beforeEach(fiveSecondsLater);

const status = async (key: string, headers = {}) =>
  (await there.call({ key, url: '/v1/account', headers })).statusCode;

it.each(['user', 'frontend', 'admin'] as const)(
  'a key of kind %s that is revoked at one opens nothing at the other',
  async (kind) => {
    const platform = kind === 'frontend' ? 'telegram' : null;
    const owner = kind === 'user' ? 'acc_a' : SYSTEM_ACCOUNT;
    const { key, id } = await here.key(kind, owner, platform);
    const url = kind === 'admin' ? '/v1/admin/keys' : '/v1/account';
    const headers = kind === 'frontend' ? { 'tessera-user': 'telegram:1' } : {};
    const asked = async () => (await there.call({ key, url, headers })).statusCode;
    expect(await asked()).toBe(200);
    const operator = (await here.key('admin', SYSTEM_ACCOUNT)).key;
    const revoke = { url: `/v1/admin/keys/${id}/revoke`, key: operator, method: 'POST' } as const;
    expect((await here.call(revoke)).statusCode).toBe(200);
    fiveSecondsLater();
    expect(await asked()).toBe(401);
  },
);

it('a socket that hangs on at the other is cut off', async () => {
  const { key, id } = await here.key('user', 'acc_socket');
  const socket = await there.dial('/v1/stream', { authorization: `Bearer ${key}` });
  const closed = once(socket, 'close');
  const own = (await here.key('user', 'acc_socket')).key;
  const revoke = { method: 'DELETE', url: `/v1/account/keys/${id}`, key: own } as const;
  expect((await here.call(revoke)).statusCode).toBe(204);
  await closed;
});

it('a session that is ended at one has ended at the other', async () => {
  const signedIn = await here.app.inject({ method: 'POST', url: '/v1/session' });
  const cookie = String(signedIn.headers['set-cookie']).split(';')[0]!;
  const asked = async () =>
    (await there.app.inject({ url: '/v1/account', headers: { cookie } })).statusCode;
  expect(await asked()).toBe(200);
  await here.app.inject({ method: 'DELETE', url: '/v1/session', headers: { cookie } });
  fiveSecondsLater();
  expect(await asked()).toBe(401);
});

it('accounts that become one at one are one at the other', async () => {
  const telegram = (await here.key('frontend', SYSTEM_ACCOUNT, 'telegram')).key;
  const discord = (await here.key('frontend', SYSTEM_ACCOUNT, 'discord')).key;
  const ann = { 'tessera-user': 'telegram:5' };
  const anna = { 'tessera-user': 'discord:5' };
  const accounts = async () => {
    const first = await there.call({ key: telegram, url: '/v1/account', headers: ann });
    const second = await there.call({ key: discord, url: '/v1/account', headers: anna });
    return new Set([first.json().id, second.json().id]).size;
  };
  expect(await accounts()).toBe(2);
  const asked = { key: telegram, url: '/v1/account/links', json: {}, headers: ann };
  const { code } = (await here.call(asked)).json();
  const url = '/v1/account/links/confirm';
  await here.call({ key: discord, url, json: { code }, headers: anna });
  fiveSecondsLater();
  expect(await accounts()).toBe(1);
});

it('a key whose time has come ends by itself, everywhere', async () => {
  const own = (await here.key('user', 'acc_ending')).key;
  const wish = { url: '/v1/account/keys', key: own, json: { name: 'short', expires_in_s: 60 } };
  const { key, id } = (await here.call(wish)).json();
  expect(await status(key)).toBe(200);
  const rotate = { url: `/v1/account/keys/${id}/rotate`, key: own, json: { overlap_s: 0 } };
  const fresh = (await here.call(rotate)).json().key;
  fiveSecondsLater();
  expect([await status(key), await status(fresh)]).toEqual([401, 200]);
});
