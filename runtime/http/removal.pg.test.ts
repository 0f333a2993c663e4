// What its owner removes is gone for its owner, and for nobody else.
import { afterAll, beforeAll, expect, it } from 'vitest';
import { belongingsOf, workerForAll } from './belongings-testing.ts';
import { startTestRuntime, until, type TestRuntime } from './testing.ts';

let runtime: TestRuntime;
let worker: Awaited<ReturnType<typeof workerForAll>>;
beforeAll(async () => {
  runtime = await startTestRuntime();
  worker = await workerForAll(runtime);
});
afterAll(() => runtime.stop());

let people = 0;
async function withResult() {
  const { key } = await runtime.key('user', `acc_remover_${++people}`);
  const mine = await belongingsOf(runtime, worker, key);
  const job = mine['/v1/jobs/:id']!;
  const remove = () => runtime.call({ method: 'DELETE', url: `${job}/outputs`, key });
  const look = (url = `${job}/outputs/0`) => runtime.call({ url, key });
  return { key, job, remove, look };
}

it('a result, while its job and the receipt stay', async () => {
  const { job, remove, look, key } = await withResult();
  const before = await look('/v1/account/ledger');
  expect((await look()).statusCode).toBe(200);
  expect((await remove()).statusCode).toBe(204);
  expect([(await look()).statusCode, (await look(job)).json().state]).toEqual([404, 'succeeded']);
  expect((await runtime.call({ url: '/v1/account/ledger', key })).body).toBe(before.body);
  // Again changes nothing.
  expect((await remove()).statusCode).toBe(204);
});

it('not one that another job works with', async () => {
  const { key, job, remove, look } = await withResult();
  const bytes = (await look()).rawPayload;
  const headers = { 'content-type': 'image/png' };
  const upload = { method: 'POST', url: '/v1/blobs', key, payload: bytes, headers } as const;
  const inputs = [{ blob: (await runtime.call(upload)).json().id }];
  const json = { modality: 'image', prompt: 'once more', inputs };
  const second = (await runtime.call({ url: '/v1/jobs', key, json })).json();
  const refused = await remove();
  expect([refused.statusCode, refused.json().code]).toEqual([409, 'still_used']);
  expect((await look(`${job}/outputs/0`)).statusCode).toBe(200);
  // Nor one that is not there yet.
  await until(() => worker.agent.of('run').some((run) => run.job === second.id));
  const early = { method: 'DELETE', url: `/v1/jobs/${second.id}/outputs`, key } as const;
  expect((await runtime.call(early)).json().code).toBe('not_ended');
});
