import { describe, expect, it } from 'vitest';
import { refuseUnlessLocal } from './local-guard.ts';

const refusal = (headers: Record<string, string | undefined>, httpVersion = '1.1') => {
  try {
    refuseUnlessLocal({ headers, httpVersion });
    return null;
  } catch (error) {
    expect(error).toMatchObject({ status: 403, code: 'local_only' });
    return (error as Error).message;
  }
};

describe('local mode answers', () => {
  it.each([
    'localhost',
    'localhost:8000',
    'LOCALHOST:8000',
    '127.0.0.1:80',
    '127.9.9.9',
    '[::1]:8000',
    '[::1]',
  ])('a program on this machine: %s', (host) => expect(refusal({ host })).toBeNull());

  it('a browser with all that it sends', () => {
    const headers = {
      host: 'localhost:8000',
      origin: 'http://localhost:8000',
      'x-requested-with': 'x',
      'sec-fetch-site': 'none',
      cookie: 'a=b',
    };
    expect(refusal(headers)).toBeNull();
  });
});

describe('local mode does not answer', () => {
  it.each([
    undefined,
    '',
    'example.org',
    'localhost.example.org',
    'example.org:8000',
    '192.168.0.7:8000',
    '0.0.0.0:8000',
    '127.0.0.1.example.org',
    '127.0.0.999',
    '[::]:8000',
    '[2001:db8::1]',
    'localhost:8000:8000',
    'localhost:',
    'localhost@example.org',
    'localhost.',
    'tessera.localhost',
  ])('to the name of another machine: %s', (host) => {
    expect(refusal({ host })).toContain('not this machine');
  });

  it.each([
    'forwarded',
    'via',
    'x-forwarded-for',
    'x-forwarded-host',
    'x-forwarded-proto',
    'x-forwarded',
    'x-real-ip',
    'x-client-ip',
    'x-cluster-client-ip',
    'x-original-host',
    'true-client-ip',
    'cf-connecting-ip',
    'fly-client-ip',
    'tailscale-user-login',
  ])('through a proxy that adds %s', (name) => {
    expect(refusal({ host: 'localhost', [name]: '' })).toContain('proxy');
  });

  it('to a proxy that adds nothing but is of another age', () => {
    expect(refusal({ host: '127.0.0.1:8000' }, '1.0')).toContain('HTTP/1.0');
  });

  it('without saying what to do', () => {
    expect(refusal({ host: 'x' })).toContain('http://localhost');
  });
});
