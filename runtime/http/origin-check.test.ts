import { describe, expect, it } from 'vitest';
import { refuseCrossSite, refuseForeignSocket } from './origin-check.ts';

const host = 'localhost:8000';
const isRefused = (check: () => void): boolean => {
  try {
    check();
    return false;
  } catch (error) {
    expect(error).toMatchObject({ status: 403, code: 'forbidden' });
    return true;
  }
};

describe('a request that a cookie authenticates', () => {
  it.each([
    [{}, false],
    [{ origin: 'http://localhost:8000' }, false],
    [{ origin: 'http://LOCALHOST:8000' }, false],
    [{ 'sec-fetch-site': 'same-origin' }, false],
    [{ 'sec-fetch-site': 'none' }, false],
    [{ origin: 'http://localhost:8001' }, true],
    [{ origin: 'http://localhost' }, true],
    [{ origin: 'http://127.0.0.1:8000' }, true],
    [{ origin: 'http://localhost:8000.evil.example' }, true],
    [{ origin: 'http://evil.example/localhost:8000' }, true],
    [{ origin: 'http://user@localhost:8000@evil.example' }, true],
    [{ origin: 'null' }, true],
    [{ origin: '' }, true],
    [{ 'sec-fetch-site': 'cross-site' }, true],
    [{ 'sec-fetch-site': 'same-site' }, true],
    [{ origin: 'http://localhost:8000', 'sec-fetch-site': 'cross-site' }, true],
  ])('%j: refused is %s', (headers, refused) => {
    for (const method of ['POST', 'PUT', 'DELETE', 'PATCH'])
      expect(isRefused(() => refuseCrossSite(method, { host, ...headers }))).toBe(refused);
    expect(isRefused(() => refuseCrossSite('GET', { host, ...headers }))).toBe(false);
  });
});

describe('a WebSocket', () => {
  it.each([
    [undefined, false],
    ['http://localhost:8000', false],
    ['http://evil.example', true],
    ['null', true],
  ])('from %s: refused is %s', (origin, refused) => {
    const headers = { host, ...(origin === undefined ? {} : { origin }) };
    expect(isRefused(() => refuseForeignSocket(headers))).toBe(refused);
  });

  it('may write the default port or not', () => {
    const headers = { host: 'localhost:80', origin: 'http://localhost' };
    expect(isRefused(() => refuseForeignSocket(headers))).toBe(false);
  });
});
