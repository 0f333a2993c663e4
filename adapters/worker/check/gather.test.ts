// Facts from real servers on loopback: who answers, who listens where, what the runtime says.
import { createServer, type RequestListener, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { expect, onTestFinished, test } from 'vitest';
import { gatherFacts, gatherRuntime } from './gather.ts';
import { listensEverywhere } from './gather-engines.ts';
import { identify } from './identify.ts';

async function serve(answer: RequestListener, host = '127.0.0.1'): Promise<number> {
  const server = createServer(answer);
  await new Promise<void>((resolve) => server.listen(0, host, resolve));
  onTestFinished(() => void server.close());
  return (server.address() as AddressInfo).port;
}
const json = (response: ServerResponse, body: unknown) =>
  response.setHeader('content-type', 'application/json').end(JSON.stringify(body));
const COMFY = { system: { comfyui_version: '0.8.0' }, devices: [] };

test.each<[string | null, RequestListener]>([
  [
    // It answers for ComfyUI as well.
    'KoboldCPP',
    (request, response) =>
      json(response, request.url === '/system_stats' ? COMFY : { result: 'KoboldCpp' }),
  ],
  [
    'ComfyUI',
    (request, response) =>
      request.url === '/system_stats' ? json(response, COMFY) : response.writeHead(404).end(),
  ],
  [
    'whisper.cpp',
    (_, response) => response.writeHead(404, { server: 'whisper.cpp' }).end('File Not Found'),
  ],
  [null, (_, response) => json(response, { status: 'healthy' })],
  [null, (_, response) => response.end('<html>')],
])('%s is known by its own words', async (name, answer) => {
  expect(await identify(`http://127.0.0.1:${await serve(answer)}/`)).toBe(name);
});

test.runIf(process.platform === 'linux')('who listens for other machines is seen', async () => {
  const answer: RequestListener = (_, response) => response.end();
  expect(listensEverywhere(await serve(answer, '0.0.0.0'))).toBe(true);
  expect(listensEverywhere(await serve(answer, '::'))).toBe(true);
  expect(listensEverywhere(await serve(answer))).toBe(false);
  expect(listensEverywhere(1)).toBeNull();
});

test.each([
  [401, 'refused'],
  [403, 'refused'],
  [404, 'accepted'],
  [429, 'unknown'],
  [503, 'unknown'],
])('a runtime that says %d to the key: %s', async (status, key) => {
  const port = await serve((request, response) => {
    const isKnown = request.headers.authorization === 'Bearer tsr_worker_1';
    response.writeHead(request.url === '/healthz' ? 200 : isKnown ? status : 500).end();
  });
  const url = `http://127.0.0.1:${port}`;
  expect(await gatherRuntime({ url, key: 'tsr_worker_1', hasToken: false })).toMatchObject({
    problem: null,
    key,
  });
});

test('the clocks are compared, and a runtime that is away is told by its code', async () => {
  const date = new Date(Date.now() - 600_000).toUTCString();
  const port = await serve((_, response) => response.writeHead(200, { date }).end());
  const url = `http://127.0.0.1:${port}`;
  const { skewMs, key } = await gatherRuntime({ url, key: null, hasToken: false });
  expect(Math.round((skewMs ?? 0) / 10_000)).toBe(60);
  expect(key).toBe('none');
  const away = await gatherRuntime({ url: 'http://127.0.0.1:1', key: null, hasToken: true });
  expect(away).toMatchObject({ key: 'token', skewMs: null });
  expect(away.problem).not.toBeNull();
});

test('a whole machine is looked at, and a file of mistakes does not stop it', async () => {
  const port = await serve((_, response) => json(response, { result: 'KoboldCpp' }));
  const common = { url: 'http://127.0.0.1:1', key: null, hasToken: false, gpu: null, home: '/' };
  const url = `http://127.0.0.1:${port}`;
  const good = await gatherFacts({
    ...common,
    engines: { file: null, urls: { comfyui: { variable: 'COMFYUI_URL', url } } },
  });
  expect(good.engines).toMatchObject([
    { name: 'builtin', url: null, usesCard: false },
    { name: 'comfyui', isListening: true, seen: 'KoboldCPP', isOpen: false, isRemote: false },
  ]);
  expect(good.disks[0]?.freeBytes).toBeGreaterThan(0);
  const bad = await gatherFacts({ ...common, engines: { file: '/nowhere.json', urls: {} } });
  expect(bad.file.sentences[0]).toMatch(/^\/nowhere\.json cannot be read/);
});
