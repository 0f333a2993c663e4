// Files on their way: inputs from people, results from workers, and both to whom they belong.
import { createHash } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import type { z } from 'zod';
import type { blobView, JobView } from '../../machines/contract/views.ts';
import { offer } from '../testing.ts';
import { blobIdOf, PNG, startTestRuntime, until, type TestRuntime } from './testing.ts';

type BlobView = z.infer<typeof blobView>;

let runtime: TestRuntime;
let worker: Awaited<ReturnType<TestRuntime['worker']>>;
let people = 0;
const newcomer = async () => (await runtime.key('user', `acc_${++people}`)).key;
beforeAll(async () => {
  runtime = await startTestRuntime();
  // One that works on pictures, if there are any.
  const inputs = [{ role: 'image', kind: 'image', isRequired: false }] as const;
  worker = await runtime.worker({ models: [offer('sketch', { inputs: [...inputs] })] });
});
afterAll(() => runtime.stop());

const upload = (key: string, payload: Buffer, type = 'image/png', headers = {}) =>
  runtime.call({
    method: 'POST',
    url: '/v1/blobs',
    key,
    payload,
    headers: { 'content-type': type, ...headers },
  });

/** A job that the worker has in its hands. */
async function running(key: string, request: object = {}): Promise<JobView> {
  const json = { modality: 'image', prompt: 'A heron, at dawn', ...request };
  const job = (await runtime.call({ url: '/v1/jobs', key, json })).json<JobView>();
  await until(() => worker.agent.of('run').some((run) => run.job === job.id));
  worker.agent.acknowledgeAll();
  return job;
}
const placeOf = (job: JobView, bytes: Buffer, attempt = 1) =>
  `/v1/workers/jobs/${job.id}/attempts/${attempt}/blobs/${blobIdOf(bytes)}`;
const put = (url: string, bytes: Buffer, offset: number, total: number, key = worker.key) =>
  runtime.call({
    method: 'PUT',
    url,
    key,
    payload: bytes,
    headers: {
      'content-type': 'application/octet-stream',
      'upload-offset': String(offset),
      'upload-length': String(total),
    },
  });
const held = async (url: string, key = worker.key) => {
  const answer = await runtime.call({ method: 'HEAD', url, key });
  return [answer.statusCode, answer.headers['upload-offset']];
};

/** The job's result, delivered. */
async function finished(key: string, job: JobView, bytes: Buffer, mediaType = 'image/png') {
  await put(placeOf(job, bytes), bytes, 0, bytes.byteLength);
  worker.agent.say({
    type: 'finished',
    job: job.id,
    attempt: 1,
    outputs: [{ blob: blobIdOf(bytes), bytes: bytes.byteLength, mediaType, facts: {} }],
    runMs: 10,
  });
  await until(() => worker.agent.of('settled').some((settled) => settled.job === job.id));
  return (await runtime.call({ url: `/v1/jobs/${job.id}`, key })).json<JobView>();
}

describe('an input', () => {
  it('is stored under its digest, as what it really is', async () => {
    const ann = await newcomer();
    const answer = await upload(ann, PNG, 'image/jpeg');
    expect(answer.statusCode).toBe(201);
    expect(answer.json()).toEqual({
      id: blobIdOf(PNG),
      object: 'blob',
      bytes: PNG.byteLength,
      media_type: 'image/png',
    } satisfies BlobView);
    expect((await upload(ann, PNG, 'application/octet-stream')).json().id).toBe(blobIdOf(PNG));
  });

  it('goes to the worker that has the job, and to nobody else', async () => {
    const [ann, bob] = [await newcomer(), await newcomer()];
    const { id } = (await upload(ann, PNG)).json<BlobView>();
    // Bob does not have it, though it is stored.
    const inputs = [{ blob: id }];
    const json = { modality: 'image', prompt: 'x', inputs };
    expect((await runtime.call({ url: '/v1/jobs', key: bob, json })).statusCode).toBe(400);

    const job = await running(ann, { inputs });
    const url = `/v1/workers/jobs/${job.id}/inputs/0`;
    const answer = await runtime.call({ url, key: worker.key });
    expect(answer.statusCode).toBe(200);
    expect(answer.rawPayload.equals(PNG)).toBe(true);
    const stranger = await runtime.worker();
    expect((await runtime.call({ url, key: stranger.key })).statusCode).toBe(404);
    const second = { url: `/v1/workers/jobs/${job.id}/inputs/1`, key: worker.key };
    expect((await runtime.call(second)).statusCode).toBe(404);
    stranger.agent.cut();
    await finished(ann, job, PNG);
    // The attempt is over, and so is the right to read.
    expect((await runtime.call({ url, key: worker.key })).statusCode).toBe(404);
  });

  it.each<[string, number, Buffer, string]>([
    ['nothing', 400, Buffer.alloc(0), 'image/png'],
    ['a page', 415, Buffer.from('<!doctype html><script>alert(1)</script>'), 'image/png'],
    ['a drawing with scripts', 415, Buffer.from('<svg onload="alert(1)"/>'), 'image/svg+xml'],
    ['JSON', 415, Buffer.from('{}'), 'application/json'],
    ['a form', 415, Buffer.from('x'), 'multipart/form-data; boundary=x'],
    ['21 MB', 413, Buffer.concat([PNG, Buffer.alloc(21 * 1024 * 1024)]), 'image/png'],
  ])('is refused: %s', async (_, status, bytes, type) => {
    const answer = await upload(await newcomer(), bytes, type);
    expect(answer.statusCode).toBe(status);
    expect(answer.headers['content-type']).toBe('application/problem+json; charset=utf-8');
    expect(await runtime.host.blobs.has(blobIdOf(bytes))).toBe(false);
  });

  it('that lies about its length is stopped at the limit', async () => {
    const { Readable } = await import('node:stream');
    async function* endless() {
      yield PNG;
      for (let n = 0; n < 21; n++) yield await Promise.resolve(Buffer.alloc(1024 * 1024));
    }
    const answer = await runtime.app.inject({
      method: 'POST',
      url: '/v1/blobs',
      headers: { authorization: `Bearer ${await newcomer()}`, 'content-type': 'image/png' },
      payload: Readable.from(endless()),
    });
    expect([answer.statusCode, answer.json().code]).toEqual([413, 'too_large']);
  });
});

describe('a result on its way in', () => {
  const bytes = Buffer.concat([PNG, Buffer.from('in three parts')]);
  const total = bytes.byteLength;

  it('arrives in parts, goes on where it broke off, and repeats do no harm', async () => {
    const ann = await newcomer();
    const job = await running(ann);
    const url = placeOf(job, bytes);
    expect(await held(url)).toEqual([200, '0']);
    const first = await put(url, bytes.subarray(0, 10), 0, total);
    expect([first.statusCode, first.headers['upload-offset']]).toEqual([202, '10']);
    expect(await held(url)).toEqual([200, '10']);

    const again = await put(url, bytes.subarray(0, 10), 0, total);
    expect([again.statusCode, again.json().code]).toEqual([409, 'upload_conflict']);
    expect(again.headers['upload-offset']).toBe('10');

    const rest = await put(url, bytes.subarray(10), 10, total);
    expect([rest.statusCode, rest.headers['upload-offset']]).toEqual([204, String(total)]);
    expect((await put(url, bytes, 0, total)).statusCode).toBe(204);
    expect(await held(url)).toEqual([200, String(total)]);
    const job2 = await finished(ann, job, bytes);
    expect(job2).toMatchObject({ state: 'succeeded', outputs: [{ bytes: total }] });
  });

  it('is thrown away when it is damaged, and can be sent again', async () => {
    const ann = await newcomer();
    const job = await running(ann);
    const other = Buffer.from(bytes);
    other[total - 1]! ^= 1;
    const url = placeOf(job, Buffer.concat([bytes, Buffer.from('!')]));
    const damaged = await put(url, Buffer.concat([other, Buffer.from('!')]), 0, total + 1);
    expect([damaged.statusCode, damaged.json().code]).toEqual([422, 'upload_mismatch']);
    expect(await held(url)).toEqual([200, '0']);
    expect(
      (await put(url, Buffer.concat([bytes, Buffer.from('!')]), 0, total + 1)).statusCode,
    ).toBe(204);
    await finished(ann, job, PNG);
  });

  it('does not come in for an attempt that the worker does not have', async () => {
    const ann = await newcomer();
    const job = await running(ann);
    const stranger = await runtime.worker();
    expect(await held(placeOf(job, bytes), stranger.key)).toEqual([404, undefined]);
    expect((await put(placeOf(job, bytes), bytes, 0, total, stranger.key)).statusCode).toBe(404);
    expect((await put(placeOf(job, bytes, 2), bytes, 0, total)).statusCode).toBe(404);
    stranger.agent.cut();
    await finished(ann, job, PNG);
    expect((await put(placeOf(job, bytes), bytes, 0, total)).statusCode).toBe(404);
  });

  it('has to be sent even if somebody else has the same bytes', async () => {
    const [ann, bob] = [await newcomer(), await newcomer()];
    const secret = Buffer.concat([PNG, Buffer.from('only Bob has this')]);
    await upload(bob, secret);
    const job = await running(ann);
    expect(await held(placeOf(job, secret))).toEqual([200, '0']);
    await finished(ann, job, PNG);
  });

  it.each([
    ['without a length', { 'upload-offset': '0' }],
    ['without an offset', { 'upload-length': '10' }],
    ['of no bytes', { 'upload-offset': '0', 'upload-length': '0' }],
    ['with a negative offset', { 'upload-offset': '-1', 'upload-length': '10' }],
    ['with a length in words', { 'upload-offset': '0', 'upload-length': 'ten' }],
  ])('%s is refused', async (_, headers) => {
    const answer = await runtime.call({
      method: 'PUT',
      url: `/v1/workers/jobs/job_${'0'.repeat(26)}/attempts/1/blobs/${blobIdOf(PNG)}`,
      key: worker.key,
      payload: PNG,
      headers: { 'content-type': 'application/octet-stream', ...headers },
    });
    expect([answer.statusCode, answer.json().code]).toEqual([400, 'invalid_request']);
  });

  it('longer than announced, or too long, is refused', async () => {
    const ann = await newcomer();
    const job = await running(ann);
    expect((await put(placeOf(job, bytes), bytes, 0, 10)).statusCode).toBe(400);
    expect((await put(placeOf(job, bytes), bytes, 0, 600 * 1024 * 1024)).statusCode).toBe(413);
    await finished(ann, job, PNG);
  });
});

describe('a result on its way out', () => {
  const bytes = Buffer.concat([PNG, createHash('sha512').update('a picture').digest()]);
  let ann = '';
  let url = '';
  beforeAll(async () => {
    ann = await newcomer();
    const job = await finished(ann, await running(ann), bytes);
    url = job.outputs[0]!.url;
  });
  const get = (headers: Record<string, string> = {}, method: 'GET' | 'HEAD' = 'GET') =>
    runtime.call({ method, url, key: ann, headers });

  it('is the bytes that were made, under a good name, and may be kept for ever', async () => {
    const answer = await get();
    expect(answer.statusCode).toBe(200);
    expect(answer.rawPayload.equals(bytes)).toBe(true);
    expect(answer.headers).toMatchObject({
      'content-type': 'image/png',
      'content-length': String(bytes.byteLength),
      'content-disposition': 'inline; filename="a-heron-at-dawn.png"',
      'cache-control': 'private, max-age=31536000, immutable',
      'x-content-type-options': 'nosniff',
      'content-security-policy': "default-src 'none'; sandbox",
      'accept-ranges': 'bytes',
      etag: `"${blobIdOf(bytes)}"`,
    });
  });

  it('can be asked about without being sent', async () => {
    const answer = await get({}, 'HEAD');
    expect([answer.statusCode, answer.rawPayload.byteLength]).toEqual([200, 0]);
    expect(answer.headers['content-length']).toBe(String(bytes.byteLength));
  });

  it('comes in ranges', async () => {
    const answer = await get({ range: 'bytes=8-15' });
    expect(answer.statusCode).toBe(206);
    expect(answer.headers['content-range']).toBe(`bytes 8-15/${bytes.byteLength}`);
    expect(answer.headers['content-length']).toBe('8');
    expect(answer.rawPayload.equals(bytes.subarray(8, 16))).toBe(true);
    const tail = await get({ range: 'bytes=-4' });
    expect(tail.rawPayload.equals(bytes.subarray(-4))).toBe(true);
    const changed = await get({ range: 'bytes=0-1', 'if-range': '"another"' });
    expect(changed.statusCode).toBe(200);
  });

  it('has no range beyond its end', async () => {
    const answer = await get({ range: 'bytes=100000-' });
    expect([answer.statusCode, answer.json().code]).toEqual([416, 'range_not_satisfiable']);
    expect(answer.headers['content-range']).toBe(`bytes */${bytes.byteLength}`);
    expect(answer.headers['cache-control']).toBe('no-store');
  });

  it('is not sent again to who has it', async () => {
    const answer = await get({ 'if-none-match': `"x", "${blobIdOf(bytes)}"` });
    expect([answer.statusCode, answer.rawPayload.byteLength]).toEqual([304, 0]);
  });

  it.each(['1', '99', '-1', 'x', '0x0', '%00'])('number %s does not exist', async (n) => {
    const answer = await runtime.call({ url: url.replace(/0$/, n), key: ann });
    expect([answer.statusCode, answer.json().code]).toEqual([404, 'not_found']);
  });

  it('that would run in a browser is only downloaded', async () => {
    const page = Buffer.from('<script>alert(document.domain)</script>');
    const job = await finished(ann, await running(ann), page, 'text/html');
    const answer = await runtime.call({ url: job.outputs[0]!.url, key: ann });
    expect(answer.headers).toMatchObject({
      'content-type': 'application/octet-stream',
      'content-disposition': 'attachment; filename="a-heron-at-dawn.bin"',
    });
  });
});
