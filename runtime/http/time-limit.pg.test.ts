import { afterAll, beforeAll, expect, test } from 'vitest';
import type { JobView } from '../../machines/contract/views.ts';
import { offer } from '../testing.ts';
import { startTestRuntime, until, type TestRuntime } from './testing.ts';

let runtime: TestRuntime;
beforeAll(async () => void (runtime = await startTestRuntime()));
afterAll(() => runtime.stop());

const SECOND = 1000;

test('the limit of a job is ten times what is usual at its size, on the slowest worker', async () => {
  const worker = await runtime.worker({
    slots: 8,
    models: [offer('sketch', { runMs: 20 * SECOND })],
    loaded: ['sketch'],
  });
  const { key } = await runtime.key('user');
  const { times } = runtime.host;
  const limitMs = async (side = 1024): Promise<number> => {
    const params = { width: side, height: side };
    const json = { modality: 'image', prompt: 'a heron', params };
    const { id } = (await runtime.call({ url: '/v1/jobs', key, json })).json<JobView>();
    const order = () => worker.agent.of('run').find(({ job }) => job === id);
    await until(() => order() !== undefined);
    return Math.round(order()!.timeLimitMs / SECOND);
  };
  const seen = (name: string, runMs: number) => {
    for (let n = 0; n < 12; n++) times.noteRun(name, 'sketch', 1, runMs);
  };
  expect(await limitMs()).toBe(200); // as declared
  seen(worker.id, 9 * SECOND);
  expect(await limitMs()).toBe(90);
  expect(await limitMs(512)).toBe(60); // never under a minute
  seen('wrk_slow', 40 * SECOND);
  expect(await limitMs()).toBe(400);
});
