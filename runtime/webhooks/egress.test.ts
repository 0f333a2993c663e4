// Where strangers may not send us.
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import { Egress, isPublic, NotCalled } from './egress.ts';

const closers: (() => void)[] = [];
afterEach(() => closers.splice(0).forEach((close) => close()));

it.each([
  ...['http://example.org/', 'ftp://example.org/', 'javascript:alert(1)', 'example.org', ''],
  ...['https://user@example.org/', 'https://a:b@example.org/', 'https://example.org:8443/'],
  ...[
    'https://127.0.0.1/',
    'https://127.1/',
    'https://2130706433/',
    'https://0x7f.1/',
    'https://017700000001/',
  ],
  ...[
    'https://0/',
    'https://10.0.0.1/',
    'https://172.16.0.1/',
    'https://192.168.1.1/',
    'https://100.64.0.1/',
  ],
  ...[
    'https://169.254.169.254/latest/meta-data/',
    'https://[::1]/',
    'https://[::]/',
    'https://[fe80::1]/',
  ],
  ...[
    'https://[fd00::1]/',
    'https://[::ffff:127.0.0.1]/',
    'https://[::ffff:7f00:1]/',
    'https://[::127.0.0.1]/',
  ],
  ...[
    'https://[64:ff9b::7f00:1]/',
    'https://[2002:7f00:1::]/',
    'https://[2001:0:1::1]/',
    'https://[ff02::1]/',
  ],
  ...[
    'https://224.0.0.1/',
    'https://255.255.255.255/',
    'https://192.0.2.1/',
    'https://１２７.0.0.1/',
  ],
])('does not take %s', (url) => {
  expect(() => new Egress({ allowed: [] }).check(url)).toThrow(NotCalled);
});

it.each(['https://example.org/hook?x=1', 'https://93.184.216.34/', 'https://[2606:4700::1111]/'])(
  'takes %s',
  (url) => {
    expect(new Egress({ allowed: [] }).check(url).href).toBe(url);
  },
);

it('knows what is public', () => {
  expect(['8.8.8.8', '172.32.0.1', '2a00::1'].every(isPublic)).toBe(true);
  expect(['172.31.255.255', '198.19.0.1', '3fff::1', 'x', '::ffff:8.8.8.8'].some(isPublic)).toBe(
    false,
  );
});

describe('a name', () => {
  const names = (...addresses: string[]) =>
    new Egress({ allowed: [], resolve: () => Promise.resolve(addresses) }).post(
      'https://a.test/',
      '',
      {},
    );

  it.each([[['127.0.0.1']], [['8.8.8.8', '10.0.0.1']], [['::1']], [[]]])(
    'that leads to %j is not called',
    async (addresses) => {
      await expect(names(...addresses)).rejects.toThrow(NotCalled);
    },
  );

  it('is resolved once, and the connection goes to what was looked at', async () => {
    const heard: (string | undefined)[] = [];
    const server = createServer((request, response) => {
      heard.push(request.headers.host);
      response.end();
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    closers.push(() => server.close());
    const { port } = server.address() as AddressInfo;
    let asked = 0;
    const resolve = () => Promise.resolve([asked++ === 0 ? '127.0.0.1' : '10.0.0.1']);
    const egress = new Egress({
      allowed: [`127.0.0.1:${port}`, `rebinding.test:${port}`],
      resolve,
    });
    expect(await egress.post(`http://rebinding.test:${port}/`, '{}', {})).toBe(200);
    expect([asked, heard]).toEqual([1, [`rebinding.test:${port}`]]);
  });
});

it('gives up a receiver that does not answer, and one that answers without end', async () => {
  const server = createServer((request, response) => {
    if (request.url === '/silent') return;
    const flood = () => {
      while (!response.destroyed && response.write('x'.repeat(16_384)));
    };
    response.on('drain', flood);
    flood();
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  closers.push(() => (server.closeAllConnections(), server.close()));
  const { port } = server.address() as AddressInfo;
  const egress = new Egress({ allowed: [`127.0.0.1:${port}`], wholeMs: 2_000 });
  expect(await egress.post(`http://127.0.0.1:${port}/flood`, '', {})).toBe(200);
  await expect(egress.post(`http://127.0.0.1:${port}/silent`, '', {})).rejects.toThrow('in time');
});
