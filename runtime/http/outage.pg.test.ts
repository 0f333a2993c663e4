// The database goes away under a runtime that is at work, stays away, and comes back: nobody restarts
// anything, and what was under way is finished.
import { afterAll, beforeAll, expect, it } from 'vitest';
import { type FaultyProxy, startFaultyProxy } from '../../db/faulty-proxy.ts';
import { FaithfulAgent } from '../faithful-testing.ts';
import { offer } from '../testing.ts';
import { PNG, startTestRuntime, type TestRuntime } from './testing.ts';

let proxy: FaultyProxy;
let runtime: TestRuntime;
let key: string;
beforeAll(async () => {
  const through = async (url: string) => {
    proxy = await startFaultyProxy(url);
    return proxy.url;
  };
  runtime = await startTestRuntime({ through });
  key = (await runtime.key('user')).key;
});
afterAll(async () => {
  await runtime.stop();
  await proxy.close();
});

const status = async (url: string): Promise<number> => (await runtime.call({ url })).statusCode;
const submit = (change: object = {}) =>
  runtime.call({
    url: '/v1/jobs',
    key,
    json: { modality: 'image', model: 'sketch', prompt: 'x', ...change },
  });
const stateOf = async (id: string): Promise<string> =>
  (await runtime.call({ url: `/v1/jobs/${id}`, key })).json<{ state: string }>().state;

/** Until the test's own time limit. */
async function eventually(isSo: () => Promise<boolean>): Promise<void> {
  while (!(await isSo())) await runtime.clock.sleep(20);
}

// A lease has to run out, which takes 15 s.
it('an outage ends by itself', async () => {
  const { clock, core } = runtime;
  // Has a model that nobody else has, and is not there.
  const { agent: absent } = await runtime.worker({ models: [offer('atelier')] });
  absent.cut();
  const headers = { 'content-type': 'image/png' };
  const sent = { method: 'POST', url: '/v1/blobs', key, headers, payload: PNG } as const;
  const { id: blob } = (await runtime.call(sent)).json<{ id: string }>();
  const agent = new FaithfulAgent({ clock, current: core }, { blob, bytes: PNG.byteLength });
  await eventually(async () => (await submit({ dry_run: true })).statusCode === 200);
  const running = (await submit()).json<{ id: string }>().id;
  const waiting = (await submit({ model: 'atelier', deadline_s: 5 })).json<{ id: string }>().id;
  await eventually(async () => agent.ran.length > 0);

  await proxy.refuse();
  expect(await status('/readyz')).toBe(503);
  const refused = await submit();
  expect([refused.statusCode, Number(refused.headers['retry-after']) > 0]).toEqual([503, true]);
  expect(await status('/healthz')).toBe(200);
  // Every loop has met the outage by now: the lease could not be renewed, and is no longer trusted.
  await eventually(async () => core.leases.held('timers') === null);
  expect(await status('/healthz')).toBe(200);

  await proxy.accept();
  await eventually(async () => (await status('/readyz')) === 200);
  await eventually(async () => core.leases.held('timers') !== null);
  await eventually(async () => (await stateOf(running)) === 'succeeded');
  await eventually(async () => (await stateOf(waiting)) === 'expired');
  const later = await submit();
  expect(later.statusCode).toBe(202);
  const { id } = later.json<{ id: string }>();
  await eventually(async () => (await stateOf(id)) === 'succeeded');
  await eventually(async () => agent.isIdle);
  agent.leave();
  // Not even one that was told nothing: the first was run once, and the last once.
  expect(agent.ran.filter((key) => key.startsWith(running))).toEqual([`${running} 1`]);
}, 90_000);
