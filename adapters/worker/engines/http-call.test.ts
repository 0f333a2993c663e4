import { afterAll, expect, it } from 'vitest';
import { quickTimers } from '../clock-testing.ts';
import { createCaller } from './http-call.ts';
import { Simulator } from './simulator-testing.ts';

const server = await Simulator.start({
  answer: ({ path, headers, body }, response) => {
    if (path === '/away') return void response.writeHead(302, { location: '/here' }).end();
    response.writeHead(200).end(`${path} ${headers.authorization} ${body.length}`);
  },
});
afterAll(() => server.close());

const caller = createCaller({
  url: `${server.url}/under/`,
  apiKey: 'key',
  timers: quickTimers,
  bytesMax: 100,
});
const textOf = ({ bytes }: { bytes: Uint8Array }) => Buffer.from(bytes).toString();

it('stays under its path and shows its key', async () => {
  expect(textOf(await caller.get('/health'))).toBe('/under/health Bearer key 0');
  expect(textOf(await caller.post('/x', { body: { a: 1 } }))).toBe('/under/x Bearer key 7');
});

it('goes to no other server, whatever leads there', async () => {
  const elsewhere = ['http://127.0.0.2/x', '\\\\127.0.0.2/x', server.url.replace('//', '//me:pw@')];
  for (const path of elsewhere) expect(() => caller.urlOf(path)).toThrow('another server');
  expect(caller.urlOf('//127.0.0.2/x').origin).toBe(server.url);
  const plain = createCaller({ url: server.url, timers: quickTimers, bytesMax: 100 });
  await expect(plain.get('/away')).rejects.toMatchObject({ code: 'engineError' });
  expect(server.requests.at(-1)!.path).toBe('/away');
});

it('reads no more than allowed, waits no longer than told, stops when told', async () => {
  const narrow = createCaller({ url: server.url, timers: quickTimers, bytesMax: 5 });
  await expect(narrow.get('/x')).rejects.toMatchObject({ code: 'outputInvalid' });
  server.misbehave(/hang/, 'hang', 2);
  await expect(caller.get('/hang', { timeoutMs: 500 })).rejects.toMatchObject({ code: 'timedOut' });
  const reason = new Error('no longer wanted');
  const stop = new AbortController();
  const asked = caller.get('/hang', { signal: stop.signal });
  stop.abort(reason);
  await expect(asked).rejects.toBe(reason);
});
