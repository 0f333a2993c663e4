// The operator's commands against a running runtime, over HTTP.
import type { AddressInfo } from 'node:net';
import { afterAll, afterEach, beforeAll, expect, it, vi } from 'vitest';
import { SYSTEM_ACCOUNT } from '../../machines/contract/ids.ts';
import { startTestRuntime, until, type TestRuntime } from '../../runtime/http/testing.ts';
import { Misuse } from './misuse.ts';
import { askWorker, listWorkers, moveJob, pauseQueue, pinModel, showQueue } from './operate.ts';

let runtime: TestRuntime;
let worker: Awaited<ReturnType<TestRuntime['worker']>>;
let env: NodeJS.ProcessEnv;
let user: string;
beforeAll(async () => {
  runtime = await startTestRuntime();
  worker = await runtime.worker();
  await runtime.app.listen({ host: '127.0.0.1', port: 0 });
  const { port } = runtime.app.server.address() as AddressInfo;
  const admin = (await runtime.key('admin', SYSTEM_ACCOUNT)).key;
  env = { TESSERA_URL: `http://127.0.0.1:${port}`, TESSERA_ADMIN_KEY: admin };
  user = (await runtime.key('user', 'acc_a')).key;
});
afterAll(() => runtime.stop());

const data = vi.spyOn(console, 'log').mockImplementation(() => undefined);
vi.spyOn(console, 'error').mockImplementation(() => undefined);
afterEach(() => data.mockClear());
const lines = () => data.mock.calls.map(([line]) => String(line).split('\t'));

it('the queue is paused, shown with what waits, and goes on', async () => {
  await pauseQueue('pause', { plan: 'free' }, env);
  const json = { modality: 'image', prompt: 'a heron' };
  const { id } = (await runtime.call({ url: '/v1/jobs', key: user, json })).json<{ id: string }>();
  await moveJob(id, 'front', env);
  data.mockClear();
  await showQueue({}, env);
  expect(lines()).toEqual([
    ['paused', 'plan free', expect.stringMatching(/^by key_/), expect.any(String)],
    ['waiting', 'sketch', 'free', '1'],
  ]);
  data.mockClear();
  await pauseQueue('resume', { plan: 'free', json: true }, env);
  expect(JSON.parse(lines()[0]![0]!)).toMatchObject({ object: 'queue', pauses: [] });
  await until(() => worker.agent.of('run').some(({ job }) => job === id));
});

it('a worker is listed, keeps a model and is drained', async () => {
  await pinModel('pin', worker.id, 'sketch', env);
  await askWorker('drain', worker.id, env);
  await listWorkers({}, env);
  expect(lines().at(-1)).toEqual([
    ...[worker.id, expect.any(String), 'draining', expect.stringMatching(/^\d of 1 busy$/)],
    'sketch (pinned, not loaded)',
  ]);
});

it('what cannot be is said in a sentence', async () => {
  const ask = (what: Promise<void>) => expect(what).rejects;
  await ask(askWorker('drain', 'wrk_none', env)).toThrow(
    new Misuse('There is no worker wrk_none.'),
  );
  await ask(moveJob('job_none', 'back', env)).toThrow('There is no such job under way.');
  expect(() => moveJob('job_1', 'top', env)).toThrow('front, back, own, not to top');
  const { TESSERA_URL } = env;
  await ask(showQueue({}, { TESSERA_URL })).toThrow('Set TESSERA_ADMIN_KEY');
  await ask(pauseQueue('pause', { plan: 'gold' }, env)).toThrow('--plan must be');
});
