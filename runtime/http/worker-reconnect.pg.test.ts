// Row 23 of the fault matrix on real sockets and PostgreSQL: the connection breaks, the job does not.
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { SYSTEM_ACCOUNT } from '../../machines/contract/ids.ts';
import type { JobView } from '../../machines/contract/views.ts';
import { blobIdOf, PNG, startTestRuntime, type TestRuntime } from './testing.ts';
import { dialIn, helloOf } from './worker-testing.ts';

let runtime: TestRuntime;
let port: number;
beforeAll(async () => {
  runtime = await startTestRuntime();
  await runtime.app.listen({ host: '127.0.0.1', port: 0 });
  port = (runtime.app.server.address() as AddressInfo).port;
});
afterAll(() => runtime.stop());

it('a running job is taken up by the same boot, and its result counts once', async () => {
  const { key } = await runtime.key('worker', SYSTEM_ACCOUNT);
  const person = (await runtime.key('user', 'acc_a')).key;
  const first = await dialIn(port, key);
  first.say(helloOf({ loaded: ['sketch'] }));
  await first.heard('welcome');
  const json = { modality: 'image', prompt: 'a heron' };
  const { id } = (await runtime.call({ url: '/v1/jobs', key: person, json })).json<JobView>();
  const run = await first.heard('run');
  first.say({ type: 'acknowledged', command: run.id });
  first.say({ type: 'started', job: id, attempt: 1 });
  first.hangUp();

  const again = { loaded: ['sketch'], attempts: [{ job: id, attempt: 1 }] };
  const second = await dialIn(port, key);
  second.say(helloOf(again));
  await second.heard('welcome');
  const url = `http://127.0.0.1:${port}/v1/workers/jobs/${id}/attempts/1/blobs/${blobIdOf(PNG)}`;
  const put = await fetch(url, {
    method: 'PUT',
    headers: {
      ...{ authorization: `Bearer ${key}`, 'content-type': 'application/octet-stream' },
      ...{ 'upload-offset': '0', 'upload-length': String(PNG.byteLength) },
    },
    body: PNG,
  });
  expect(put.status).toBe(204);
  const bytes = PNG.byteLength;
  const outputs = [{ blob: blobIdOf(PNG), bytes, mediaType: 'image/png', facts: {} }];
  const end = { type: 'finished' as const, job: id, attempt: 1, outputs, runMs: 1 };
  second.say(end);
  second.say(end);
  await second.heard('settled');
  second.hangUp();

  // It missed that it was settled, and says everything once more.
  const third = await dialIn(port, key);
  third.say(helloOf(again));
  await third.heard('welcome');
  third.say(end);
  await third.heard('settled');
  third.hangUp();
  const job = (await runtime.call({ url: `/v1/jobs/${id}`, key: person })).json<JobView>();
  expect(job).toMatchObject({
    state: 'succeeded',
    attempt: 1,
    cost: { charged_millitokens: 1000 },
  });
  const account = (await runtime.call({ url: '/v1/account', key: person })).json();
  expect(account).toMatchObject({ available_millitokens: 19_000, held_millitokens: 0 });
});
