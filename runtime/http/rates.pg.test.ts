// How often one may ask, and who is counted as whom.
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { SYSTEM_ACCOUNT } from '../../machines/contract/ids.ts';
import { networkOf, withFallback } from './rates.ts';
import { startTestRuntime, type TestRuntime } from './testing.ts';

let runtime: TestRuntime;
beforeAll(async () => {
  runtime = await startTestRuntime({
    config: {
      isLocalMode: false,
      trustedProxies: ['10.0.0.0/8'],
      rates: { account: 5, key: 3, frontend: 8, network: 10 },
    },
  });
});
afterAll(() => runtime.stop());
// A new minute, so that no test counts what another asked.
beforeEach(() => void (runtime.clock.aheadMs += 60_000 - (runtime.clock.now() % 60_000) + 1_000));

let people = 0;
const newcomer = async () => (await runtime.key('user', `acc_${++people}`)).key;
const ask = (key: string | undefined, from = '127.0.0.1', headers: Record<string, string> = {}) =>
  runtime.call({
    url: '/v1/account',
    ...(key === undefined ? {} : { key }),
    remoteAddress: from,
    headers,
  });
const statuses = async (times: number, once: () => ReturnType<typeof ask>) => {
  const all: number[] = [];
  for (let n = 0; n < times; n++) all.push((await once()).statusCode);
  return all;
};

describe('a key', () => {
  it('is told what is left, and then when to come back', async () => {
    const key = await newcomer();
    const first = await ask(key);
    expect(first.headers['ratelimit-policy']).toBe('"account";q=5;w=60, "key";q=3;w=60');
    expect(first.headers['ratelimit']).toMatch(/^"account";r=4;t=\d+, "key";r=2;t=\d+$/);
    expect(first.headers['x-ratelimit-remaining-requests']).toBe('2');
    expect(await statuses(2, () => ask(key))).toEqual([200, 200]);
    const refused = await ask(key);
    expect(refused.statusCode).toBe(429);
    const { code, policy, retry_after_s } = refused.json();
    expect([code, policy]).toEqual(['rate_limited', 'key']);
    expect(refused.headers['retry-after']).toBe(String(retry_after_s));
    expect(refused.headers['ratelimit']).toContain('"key";r=0;t=');
    runtime.clock.aheadMs += retry_after_s * 1000;
    expect((await ask(key)).statusCode).toBe(200);
  });

  it('does not make an account larger than it is', async () => {
    const first = await newcomer();
    const second = (await runtime.key('user', `acc_${people}`)).key;
    expect(await statuses(3, () => ask(first))).toEqual([200, 200, 200]);
    expect(await statuses(3, () => ask(second))).toEqual([200, 200, 429]);
  });

  it('is told in the words of OpenAI where those are spoken', async () => {
    const key = await newcomer();
    const images = () => runtime.call({ url: '/v1/videos', key });
    await images();
    await images();
    await images();
    const refused = await images();
    expect(refused.json()).toMatchObject({ error: { code: 'rate_limit_exceeded' } });
    expect(refused.headers).toMatchObject({
      'x-should-retry': 'true',
      'x-ratelimit-limit-requests': '3',
      'x-ratelimit-remaining-requests': '0',
    });
    expect(refused.headers['x-request-id']).toMatch(/^req_/);
  });
});

it('a frontend has a share for each person, and one for all', async () => {
  const { key } = await runtime.key('frontend', SYSTEM_ACCOUNT, 'telegram');
  const as = (person: number) => ask(key, '127.0.0.1', { 'tessera-user': `telegram:${person}` });
  expect(await statuses(6, () => as(1))).toEqual([200, 200, 200, 200, 200, 429]);
  expect(await statuses(3, () => as(2))).toEqual([200, 200, 429]);
});

describe('a network', () => {
  it('is counted before anybody says who they are', async () => {
    const all = await statuses(11, () => ask(undefined, '203.0.113.7'));
    expect(all).toEqual([...Array.from({ length: 10 }, () => 401), 429]);
    expect((await ask(undefined, '203.0.113.8')).statusCode).toBe(401);
  });

  it('cannot be made up by a header', async () => {
    let n = 0;
    const forge = () => ask(undefined, '203.0.113.7', { 'x-forwarded-for': `198.51.100.${++n}` });
    expect((await statuses(11, forge)).at(-1)).toBe(429);
  });

  it('is told by a proxy that is trusted: two behind it are two', async () => {
    const via = (who: string) => () => ask(undefined, '10.1.2.3', { 'x-forwarded-for': who });
    // What stood there before came from the client itself.
    expect((await statuses(11, via('1.1.1.1, 198.51.100.1'))).at(-1)).toBe(429);
    expect((await statuses(1, via('2.2.2.2, 198.51.100.1'))).at(-1)).toBe(429);
    expect((await statuses(1, via('198.51.100.2'))).at(-1)).toBe(401);
  });

  it.each([
    ['127.0.0.1', null],
    ['::1', null],
    ['::ffff:127.0.0.1', null],
    ['::ffff:203.0.113.7', '203.0.113.7'],
    ['2001:db8:1:2:3:4:5:6', '2001:db8:1:2'],
    ['2001:db8::1', '2001:db8:0:0'],
  ])('of %s is %s', (ip, network) => {
    expect(networkOf(ip)).toBe(network);
  });
});

it('without the shared counter each counts alone', async () => {
  const counter = withFallback({ add: () => Promise.reject(new Error('Redis is away.')) });
  expect(await counter.add(['a'], 1, 60_000)).toEqual([1]);
  expect(await counter.add(['a', 'b'], 1, 60_000)).toEqual([2, 1]);
  expect(await counter.add(['a'], 2, 60_000)).toEqual([1]);
});
