// One blob over a network that misbehaves: what arrives is whole, and nothing is sent that is held.
import { createHash, randomBytes } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { quickTimers } from './clock-testing.ts';
import { startTestRuntime, WORKER_KEY } from './runtime-testing.ts';
import { systemSeams } from './seams.ts';
import { upload, type UploadOptions } from './upload.ts';

const MEBIBYTE = 1024 * 1024;

async function prepare(bytes: Buffer, change: Partial<UploadOptions> = {}) {
  const runtime = await startTestRuntime();
  const folder = await mkdtemp(join(tmpdir(), 'tessera-upload-'));
  onTestFinished(async () => {
    await runtime.close();
    await rm(folder, { recursive: true, force: true });
  });
  const path = join(folder, '0');
  await writeFile(path, bytes);
  const hash = createHash('sha256').update(bytes).digest('hex');
  const options: UploadOptions = {
    url: runtime.url,
    key: WORKER_KEY,
    job: 'j1',
    attempt: 2,
    stored: {
      path,
      told: { blob: `sha256:${hash}`, bytes: bytes.length, mediaType: 'video/mp4', facts: {} },
    },
    seams: { ...systemSeams, timers: quickTimers },
    log: { info: () => {}, warn: () => {}, error: () => {} },
    signal: new AbortController().signal,
    isOnline: () => true,
    whenOnline: async () => {},
    ...change,
  };
  const puts = () =>
    runtime.requests.filter(({ method }) => method === 'PUT').map(({ offset }) => offset);
  return { runtime, options, hash, puts };
}

test('sends in chunks and is believed only when the hash matches', async () => {
  const bytes = randomBytes(2.5 * MEBIBYTE);
  const { runtime, options, hash, puts } = await prepare(bytes);
  await upload(options);
  expect(runtime.blobs.get(hash)?.equals(bytes)).toBe(true);
  expect(puts()).toEqual([0, MEBIBYTE, 2 * MEBIBYTE]);
});

test('goes on where a broken connection left off', async () => {
  const bytes = randomBytes(2 * MEBIBYTE);
  const { runtime, options, hash, puts } = await prepare(bytes);
  runtime.faults.push({ breakAfterBytes: 300_000 }, { breakAfterBytes: 0 });
  await upload(options);
  expect(runtime.blobs.get(hash)?.equals(bytes)).toBe(true);
  expect(puts()).toEqual([0, 300_000, 300_000, 300_000 + MEBIBYTE]);
});

test('asks what is held first, so a repeated upload sends nothing twice', async () => {
  const bytes = randomBytes(1.5 * MEBIBYTE);
  const { runtime, options, hash, puts } = await prepare(bytes);
  runtime.blobs.set(hash, bytes.subarray(0, 1_200_000));
  await upload(options);
  expect(puts()).toEqual([1_200_000]);
  await upload(options);
  // The whole is held: an empty last request asks for the verdict.
  expect(puts()).toEqual([1_200_000, bytes.length]);
});

test('believes the offset of a 409', async () => {
  const bytes = randomBytes(1000);
  const { runtime, options, hash, puts } = await prepare(bytes);
  runtime.faults.push({ status: 409, offset: 400 });
  runtime.blobs.set(hash, bytes.subarray(0, 400));
  runtime.requests.length = 0;
  await upload(options);
  expect(puts().at(-1)).toBe(400);
  expect(runtime.blobs.get(hash)?.equals(bytes)).toBe(true);
});

test('starts again when what was held turns out to be damaged', async () => {
  const bytes = randomBytes(1000);
  const { runtime, options, hash, puts } = await prepare(bytes);
  runtime.blobs.set(hash, randomBytes(600));
  await upload(options);
  expect(puts()).toEqual([600, 0]);
  expect(runtime.blobs.get(hash)?.equals(bytes)).toBe(true);
});

test('gives up with outputInvalid when every arrival is damaged', async () => {
  const { runtime, options } = await prepare(randomBytes(100));
  runtime.faults.push({ status: 422 }, { status: 422 }, { status: 422 });
  await expect(upload(options)).rejects.toMatchObject({ code: 'outputInvalid' });
});

test('trouble passes, also a runtime that does not know the attempt yet', async () => {
  const { runtime, options, puts } = await prepare(randomBytes(100));
  runtime.faults.push({ status: 503 }, { status: 404 });
  await upload(options);
  expect(puts()).toHaveLength(3);
});

test('a result that is too large is not sent again', async () => {
  const { runtime, options, puts } = await prepare(randomBytes(100));
  runtime.faults.push({ status: 413 });
  await expect(upload(options)).rejects.toMatchObject({ code: 'outputInvalid' });
  expect(puts()).toHaveLength(1);
});

test('tries a bounded number of times while the runtime is there', async () => {
  const { runtime, options, puts } = await prepare(randomBytes(100));
  runtime.faults.push(...Array.from({ length: 50 }, () => ({ status: 500 })));
  await expect(upload(options)).rejects.toMatchObject({ code: 'outputMissing' });
  expect(puts()).toHaveLength(9);
});

test('waits for the connection, however long, while the runtime is away', async () => {
  let waits = 0;
  const { runtime, options, puts } = await prepare(randomBytes(100), {
    isOnline: () => false,
    whenOnline: async () => void (waits += 1),
  });
  runtime.faults.push(...Array.from({ length: 20 }, () => ({ status: 502 })));
  await upload(options);
  expect(waits).toBe(2);
  expect(puts()).toHaveLength(21);
});

test('stops with the reason of its signal', async () => {
  const stop = new AbortController();
  const { runtime, options } = await prepare(randomBytes(100), { signal: stop.signal });
  runtime.faults.push({ breakAfterBytes: 10 });
  const reason = new Error('cancelled');
  const ended = upload({
    ...options,
    log: { ...options.log, warn: () => stop.abort(reason) },
  });
  await expect(ended).rejects.toBe(reason);
});
