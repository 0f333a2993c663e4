// One's own keys: what they may, how they end, and that none makes a stronger one.
import { afterAll, beforeAll, expect, it } from 'vitest';
import { SYSTEM_ACCOUNT } from '../../machines/contract/ids.ts';
import { startTestRuntime, type TestRuntime } from './testing.ts';

let runtime: TestRuntime;
let full: string;
beforeAll(async () => {
  runtime = await startTestRuntime();
  full = (await runtime.key('user')).key;
});
afterAll(() => runtime.stop());

const URL = '/v1/account/keys';
const make = (json: object, key = full) =>
  runtime.call({ url: URL, key, json: { name: 'mine', ...json } });
const status = async (key: string, url = '/v1/account') =>
  (await runtime.call({ url, key })).statusCode;

it('a key with scopes may do that and nothing else', async () => {
  const made = await make({ scopes: ['jobs:read'] });
  expect(made.statusCode).toBe(201);
  const { key, id } = made.json();
  expect(await status(key, '/v1/jobs')).toBe(200);
  expect(await status(key)).toBe(403);
  expect(await status(key, URL)).toBe(403);
  const listed = (await runtime.call({ url: URL, key: full })).json().data;
  const line = listed.find((each: { id: string }) => each.id === id);
  expect(line).toMatchObject({ scopes: ['jobs:read'] });
  expect(line).not.toHaveProperty('key');
});

it('no key makes a stronger one', async () => {
  const confined = { requests_per_minute: 50, expires_in_s: 3600 };
  const { key } = (await make({ scopes: ['jobs:read', 'access:write'], ...confined })).json();
  const inherited = (await make({}, key)).json();
  expect(inherited).toMatchObject({
    scopes: ['jobs:read', 'access:write'],
    requests_per_minute: 50,
  });
  expect(inherited.expires_at).not.toBeNull();
  for (const more of [
    { scopes: ['jobs:write'] },
    { requests_per_minute: 51 },
    { expires_in_s: 7200 },
  ])
    expect([more, (await make(more, key)).statusCode]).toEqual([more, 403]);
  const strong = (await make({})).json();
  const rotate = { url: `${URL}/${strong.id}/rotate`, key, json: {} };
  expect((await runtime.call(rotate)).statusCode).toBe(403);
});

it('has a limit of its own', async () => {
  runtime.clock.aheadMs += 60_000 - (runtime.clock.now() % 60_000);
  const { key } = (await make({ requests_per_minute: 2 })).json();
  expect([await status(key), await status(key), await status(key)]).toEqual([200, 200, 429]);
});

it('is replaced with an overlap, once', async () => {
  const old = (await make({ scopes: ['account:read'] })).json();
  const rotate = (json: object) =>
    runtime.call({ url: `${URL}/${old.id}/rotate`, key: full, json });
  const fresh = (await rotate({ overlap_s: 3600 })).json();
  expect(fresh).toMatchObject({ scopes: ['account:read'], expires_at: null });
  expect([await status(old.key), await status(fresh.key)]).toEqual([200, 200]);
  expect((await rotate({})).statusCode).toBe(404);
  const rows = (await runtime.call({ url: URL, key: full })).json().data;
  const line = rows.find((each: { id: string }) => each.id === old.id);
  expect(line.replaced_by).toBe(fresh.id);
  expect(line.expires_at).not.toBeNull();
});

it('without an overlap the old key ends at once', async () => {
  const old = (await make({})).json();
  expect(await status(old.key)).toBe(200);
  const url = `${URL}/${old.id}/rotate`;
  const fresh = (await runtime.call({ url, key: full, json: { overlap_s: 0 } })).json();
  expect([await status(old.key), await status(fresh.key)]).toEqual([401, 200]);
});

it("is revoked at once, by its owner only, and is no frontend's to make", async () => {
  const { key, id } = (await make({})).json();
  expect(await status(key)).toBe(200);
  const revoke = (by: string) => runtime.call({ method: 'DELETE', url: `${URL}/${id}`, key: by });
  const stranger = (await runtime.key('user', 'acc_b')).key;
  expect((await revoke(stranger)).statusCode).toBe(404);
  expect((await revoke(full)).statusCode).toBe(204);
  expect(await status(key)).toBe(401);
  const { key: frontend } = await runtime.key('frontend', SYSTEM_ACCOUNT, 'telegram');
  const headers = { 'tessera-user': 'telegram:1' };
  const asked = await runtime.call({ url: URL, key: frontend, json: { name: 'x' }, headers });
  expect(asked.statusCode).toBe(403);
});
