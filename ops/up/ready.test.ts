import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { assertPortIsFree, untilReady } from './ready.ts';

describe('readiness', () => {
  let server: Server;
  let port: number;
  /** What the server answers to each path, changed as the test goes on. */
  let answers: Record<string, { status: number; body: string }>;
  let asked: string[];

  beforeEach(async () => {
    [answers, asked] = [{}, []];
    server = createServer((request, response) => {
      asked.push(request.url ?? '');
      const { status, body } = answers[request.url ?? ''] ?? { status: 503, body: '' };
      response.writeHead(status).end(body);
      // The next look finds the world a step further.
      if (asked.length === 2) answers['/readyz'] = { status: 200, body: '' };
      if (asked.length === 4) answers['/v1/models'] = models('offline');
      if (asked.length === 6) answers['/v1/models'] = models('loadable');
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    port = (server.address() as AddressInfo).port;
  });
  afterEach(() => new Promise((resolve) => server.close(resolve)));

  const models = (status: string) => ({
    status: 200,
    body: JSON.stringify({ data: [{ status }] }),
  });

  it('is when the runtime answers and a model is at hand', async () => {
    await untilReady(`http://127.0.0.1:${port}`, new AbortController().signal);
    expect(asked.filter((path) => path === '/readyz')).toHaveLength(3);
    expect(asked.at(-1)).toBe('/v1/models');
    expect(asked.length).toBeGreaterThanOrEqual(7);
  });

  it('is not waited for once it is called off', async () => {
    const signal = AbortSignal.abort(new Error('stopped'));
    await expect(untilReady(`http://127.0.0.1:${port}`, signal)).rejects.toThrow();
  });

  it('needs the port: one that is taken is named, with what to do', async () => {
    await expect(assertPortIsFree('127.0.0.1', port)).rejects.toThrow(
      `Port ${port} is already used by another program. Choose another one: PORT=${port + 1} npm start`,
    );
    await new Promise((resolve) => server.close(resolve));
    await assertPortIsFree('127.0.0.1', port);
    server.listen(0);
  });
});
