// Over real sockets: what only they can show. Bodies that are refused half-way, what is no HTTP, stopping.
import { once } from 'node:events';
import { connect } from 'node:net';
import type { ServerResponse } from 'node:http';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { WebSocket } from 'ws';
import { startServer, type Server } from './server.ts';
import { PNG, startTestRuntime, until, type TestRuntime } from './testing.ts';

let runtime: TestRuntime;
let server: Server;
let key = '';
const site: { response?: ServerResponse } = {};
let notReady: string | null = null;
beforeAll(async () => {
  runtime = await startTestRuntime();
  key = (await runtime.key('user')).key;
});
afterAll(() => runtime.stop());

async function listen(): Promise<void> {
  server = await startServer(
    runtime.host,
    { site: (_, response) => void (site.response = response), whyNotReady: () => notReady },
    { host: '127.0.0.1', port: 0 },
  );
}

const post = (path: string, body: Uint8Array<ArrayBuffer> | ReadableStream, type: string) =>
  fetch(`${server.address}${path}`, {
    method: 'POST',
    headers: { authorization: `Bearer ${key}`, 'content-type': type },
    body,
    duplex: 'half',
  });

const MB = 1024 * 1024;
/** Its length is not known beforehand. */
const chunked = (first: Uint8Array, chunks: number) =>
  new ReadableStream<Uint8Array>({
    start: (controller) => controller.enqueue(first),
    pull(controller) {
      if (chunks-- > 0) controller.enqueue(new Uint8Array(MB).fill(32));
      else controller.close();
    },
  });

/** Everything that comes back for these bytes. */
async function raw(text: string): Promise<string> {
  const socket = connect(Number(new URL(server.address).port), '127.0.0.1');
  let answer = '';
  socket.on('data', (data) => (answer += data.toString()));
  socket.write(text);
  await once(socket, 'close');
  return answer;
}

describe('a server', () => {
  beforeAll(listen);
  afterAll(() => server.stop(1_000));

  it.each<[string, string, () => Uint8Array<ArrayBuffer> | ReadableStream, string]>([
    ['20 MB of JSON', '/v1/jobs', () => new Uint8Array(20 * MB), 'application/json'],
    ['the same, length untold', '/v1/jobs', () => chunked(PNG, 20), 'application/json'],
    ['a file of 21 MB', '/v1/blobs', () => new Uint8Array(21 * MB), 'image/png'],
    ['the same, length untold', '/v1/blobs', () => chunked(PNG, 21), 'image/png'],
  ])('refuses %s with an answer that arrives', async (_, path, body, type) => {
    const answer = await post(path, body(), type);
    expect([answer.status, ((await answer.json()) as { code: string }).code]).toEqual([
      413,
      'too_large',
    ]);
  });

  it('refuses a file that is none, also when it is large', async () => {
    const answer = await post('/v1/blobs', chunked(Buffer.alloc(100, 'x'), 15), 'image/png');
    expect(answer.status).toBe(415);
    await answer.body?.cancel();
  });

  it.each([
    ['words', 'this is not HTTP\r\n\r\n'],
    ['a negative length', 'GET / HTTP/1.1\r\nHost: localhost\r\nContent-Length: -1\r\n\r\n'],
    ['endless headers', `GET / HTTP/1.1\r\nHost: a\r\nX: ${'x'.repeat(100_000)}\r\n\r\n`],
  ])('answers what is no HTTP: %s', async (_, text) => {
    const answer = await raw(text);
    expect(answer).toMatch(/^HTTP\/1\.1 400 /);
    expect(answer).toContain('application/problem+json');
    expect(JSON.parse(answer.split('\r\n\r\n')[1]!)).toMatchObject({ code: 'invalid_request' });
  });

  it('does not answer a bare proxy', async () => {
    const answer = await raw('GET /v1/models HTTP/1.0\r\nHost: 127.0.0.1:8000\r\n\r\n');
    expect(answer).toMatch(/^HTTP\/1\.1 403 /);
    expect(answer).toContain('local_only');
  });

  it('says when it is not ready, and why', async () => {
    const ask = async () => {
      const answer = await fetch(`${server.address}/readyz`);
      return [answer.status, (await answer.json()) as object] as const;
    };
    expect(await ask()).toEqual([200, { status: 'ok' }]);
    notReady = 'This runtime is stopping.';
    const [status, told] = await ask();
    notReady = null;
    expect(status).toBe(503);
    expect(told).toMatchObject({ code: 'unavailable', detail: 'This runtime is stopping.' });
    expect((await fetch(`${server.address}/healthz`)).status).toBe(200);
  });

  it('still lives', async () => {
    expect((await fetch(`${server.address}/v1/models`)).status).toBe(200);
  });
});

describe('a server that stops', () => {
  afterEach(() => server.stop(0));

  it('finishes what it has begun, and takes nothing new', async () => {
    await listen();
    const slow = fetch(`${server.address}/slow`);
    await until(() => site.response !== undefined);
    const stopped = server.stop(60_000);
    // Refused at the door, or told that we are closing: which of them is a matter of moments.
    const late = await fetch(`${server.address}/v1/models`).catch(() => null);
    expect([undefined, 503]).toContain(late?.status);
    site.response!.end('done');
    expect(await (await slow).text()).toBe('done');
    await stopped;
  });

  it('tells those who watch, so that they look for another runtime', async () => {
    await listen();
    const url = `${server.address.replace('http', 'ws')}/v1/stream`;
    const socket = new WebSocket(url, { headers: { authorization: `Bearer ${key}` } });
    await once(socket, 'open');
    const closed = once(socket, 'close');
    await server.stop(60_000);
    const [code, reason] = (await closed) as [number, Buffer];
    expect([code, reason.toString()]).toEqual([1012, 'The runtime restarts. Connect again.']);
  });

  it('cuts off what takes too long', async () => {
    await listen();
    delete site.response;
    const endless = fetch(`${server.address}/endless`);
    endless.catch(() => undefined);
    await until(() => site.response !== undefined);
    await server.stop(0);
    await expect(endless).rejects.toThrow();
  });
});
