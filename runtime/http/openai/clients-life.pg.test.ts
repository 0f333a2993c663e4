/* eslint-disable @typescript-eslint/no-deprecated -- clients in use still send what OpenAI has given up */
// What OpenAI's own client sends along, and what becomes of it when it hangs up, is cut off, or tries again.
import { createReadStream } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import OpenAI, { toFile } from 'openai';
import sharp from 'sharp';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { take } from '../../../adapters/worker/engines/whisper/recordings-testing.ts';
import type { JobView } from '../../../machines/contract/views.ts';
import { mediaTypeOf } from '../media-types.ts';
import { PNG } from '../testing.ts';
import { startOpenaiStage } from './testing.ts';

let stage: Awaited<ReturnType<typeof startOpenaiStage>>;
let folder: string;
beforeAll(async () => {
  stage = await startOpenaiStage();
  folder = await mkdtemp(join(tmpdir(), 'tessera-openai-files-'));
});
afterAll(async () => {
  await stage.stop();
  await rm(folder, { recursive: true });
});

let people = 0;
let key: string;
let client: OpenAI;
beforeEach(async () => {
  ({ key } = await stage.runtime.key('user', `acc_life_${++people}`));
  client = stage.client.withOptions({ apiKey: key });
  stage.kobold.pace.wordMs = 1;
});

const native = async <T>(path: string): Promise<T> => {
  const headers = { authorization: `Bearer ${key}` };
  return (await (await fetch(`${stage.url}${path}`, { headers })).json()) as T;
};
const jobs = async () => (await native<{ data: JobView[] }>('/v1/jobs')).data;
interface Line {
  readonly job_id: string;
  readonly reason: string;
  readonly available_change: number;
  readonly held_change: number;
}
/** What each job came to in the end, from the receipts alone. */
async function books() {
  const { data } = await native<{ data: Line[] }>('/v1/account/ledger?limit=100');
  const sums: Record<string, { available: number; held: number }> = {};
  for (const { job_id, available_change, held_change } of data) {
    if (job_id === null) continue;
    const sum = (sums[job_id] ??= { available: 0, held: 0 });
    sum.available += available_change;
    sum.held += held_change;
  }
  return sums;
}
const hello = [{ role: 'user' as const, content: 'Tell me about herons.' }];
const long = { model: 'writer', max_tokens: 2000, messages: hello };
const settled = async () => (await jobs()).every(({ cancellable }) => !cancellable);
const within = { timeout: 15_000 };

describe('a picture that is given', () => {
  const [width, height] = [192, 128];
  const plain = (background: object | string) =>
    sharp({ create: { width, height, channels: 4, background: background as string } })
      .png()
      .toBuffer();
  const red = { r: 255, g: 0, b: 0, alpha: 1 };
  const named = async (bytes: Buffer, name: string) => toFile(bytes, name, { type: 'image/png' });
  const decoded = async (b64: string | undefined) => {
    const { data, info } = await sharp(Buffer.from(b64!, 'base64'))
      .removeAlpha()
      .raw()
      .toBuffer({ resolveWithObject: true });
    const at = (x: number, y: number) => [
      ...data.subarray((y * info.width + x) * 3).subarray(0, 3),
    ];
    return { size: [info.width, info.height], at };
  };

  it('is changed, and comes back as large as it was', async () => {
    const image = await named(await plain(red), 'red.png');
    const { data } = await client.images.edit({ image, prompt: 'a heron at dawn', n: 2 });
    expect(data).toHaveLength(2);
    expect((await decoded(data![0]!.b64_json)).size).toEqual([width, height]);
  });

  it('is changed only where the mask is clear', async () => {
    const half = { width: width / 2, height, channels: 4, background: '#000000ff' } as const;
    const mask = await sharp(await plain({ r: 0, g: 0, b: 0, alpha: 0 }))
      .composite([{ input: { create: half }, left: width / 2, top: 0 }])
      .png()
      .toBuffer();
    const { data } = await client.images.edit({
      image: await named(await plain(red), 'red.png'),
      mask: await named(mask, 'mask.png'),
      prompt: 'a stormy sea',
    });
    const { at } = await decoded(data![0]!.b64_json);
    expect(at(width - 8, 60)).toEqual([255, 0, 0]);
    expect(at(8, 60)).not.toEqual([255, 0, 0]);
  });

  it('may be one of several, and be shown while it forms', async () => {
    const image = await Promise.all(
      ['#f00', '#00f'].map(async (colour, n) => named(await plain(colour), `${n}.png`)),
    );
    const stream = await client.images.edit({
      ...{ image, prompt: 'a heron at dawn', size: '512x512' },
      ...{ stream: true, partial_images: 2 },
    });
    const kinds: string[] = [];
    for await (const event of stream) {
      kinds.push(event.type);
      expect(mediaTypeOf(Buffer.from(event.b64_json, 'base64'))).toMatch(/^image\//);
    }
    expect(kinds.at(-1)).toBe('image_edit.completed');
    expect(kinds.slice(0, -1).every((kind) => kind === 'image_edit.partial_image')).toBe(true);
  });

  it.each([
    ['which is no picture', PNG, 'image'],
    ['which is no file at all', Buffer.from('hello'), null],
  ])('%s is refused', async (_name, bytes, param) => {
    const call = client.images.edit({ image: await named(bytes, 'x.png'), prompt: 'x' });
    const error = await call.catch((reason: unknown) => reason);
    expect(error).toBeInstanceOf(OpenAI.APIError);
    const { status, param: told } = error as InstanceType<typeof OpenAI.APIError>;
    expect([[400, 415].includes(status as number), told]).toEqual([true, param]);
  });
});

describe('speech', () => {
  it.each([
    ['mp3', 'audio/mpeg'],
    ['opus', 'audio/ogg'],
    ['flac', 'audio/flac'],
    ['wav', 'audio/wav'],
  ] as const)('comes as %s', async (format, type) => {
    const answer = await client.audio.speech.create({
      ...{ model: 'speaker', voice: 'alloy', input: 'A heron at dawn.', response_format: format },
    });
    expect(mediaTypeOf(Buffer.from(await answer.arrayBuffer()))).toBe(type);
    expect(answer.headers.get('content-type')).toBe(type);
  });

  it('comes as bare samples, from a voice that only knows wav', async () => {
    const ask = (response_format: 'pcm' | 'wav') =>
      client.audio.speech.create({
        ...{ model: 'flite', voice: 'alloy', input: 'A heron at dawn.', response_format },
      });
    const raw = Buffer.from(await (await ask('pcm')).arrayBuffer());
    const wav = Buffer.from(await (await ask('wav')).arrayBuffer());
    const rate = wav.readUInt32LE(24);
    const seconds = (wav.byteLength - 44) / 2 / rate;
    expect(raw.byteLength / 2 / 24_000).toBeCloseTo(seconds, 2);
    expect(raw.some((byte) => byte !== 0)).toBe(true);
  });

  it('that a voice cannot deliver is refused with what it can', async () => {
    const call = client.audio.speech.create({
      ...{ model: 'flite', voice: 'alloy', input: 'A heron.', response_format: 'mp3' },
    });
    await expect(call).rejects.toMatchObject({ status: 400, code: 'impossible' });
    await expect(call).rejects.toThrow('its formats are wav');
  });
});

describe('a recording', () => {
  it('may be sent as every kind of file that the client knows', async () => {
    const path = join(folder, 'take.wav');
    await writeFile(path, take(2));
    const files = [
      createReadStream(path),
      new File([new Uint8Array(take(2))], 'take.wav', { type: 'audio/wav' }),
      await toFile(new Response(new Uint8Array(take(2))), 'take.wav'),
    ];
    for (const file of files) {
      const { text } = await client.audio.transcriptions.create({ model: 'whisper-1', file });
      expect(text).not.toBe('');
    }
  });

  it('is told while it is heard', async () => {
    const stream = await client.audio.transcriptions.create({
      ...{ model: 'whisper-1', file: await toFile(take(2), 'take.wav'), stream: true },
    });
    let text = '';
    let whole: string | null = null;
    for await (const event of stream) {
      if (event.type === 'transcript.text.delta') text += event.delta;
      if (event.type === 'transcript.text.done') whole = event.text;
    }
    expect(whole).not.toBe('');
    expect(text.trim()).toBe(whole);
  });

  it('is put into English', async () => {
    const file = await toFile(take(2), 'take.wav', { type: 'audio/wav' });
    const { text } = await client.audio.translations.create({ model: 'whisper-1', file });
    expect(text).not.toBe('');
    const [job] = await jobs();
    expect(job!.params).toMatchObject({ translate: true });
  });
});

it('a film that is there can be removed, and is gone', async () => {
  const { videos } = client;
  const { id } = await videos.create({
    ...{ prompt: 'waves', seconds: '1' as '4', size: '128x128' as '720x1280' },
  });
  await expect.poll(async () => (await videos.retrieve(id)).status, within).toBe('completed');
  expect(await videos.delete(id)).toMatchObject({ id, deleted: true });
  await expect(videos.retrieve(id)).rejects.toMatchObject({ status: 404 });
  await expect(videos.downloadContent(id)).rejects.toMatchObject({ status: 404 });
  const left = [];
  for await (const video of videos.list()) left.push(video.id);
  expect(left).toEqual([]);
  // Its receipt stays.
  expect((await books())[id.replace('video_', 'job_')]!.available).toBeLessThan(0);
});

describe('a client that hangs up', () => {
  it('gets back what was held for it', async () => {
    stage.kobold.pace.wordMs = 50;
    const gone = new AbortController();
    const call = client.chat.completions.create(long, { signal: gone.signal });
    await expect.poll(async () => (await jobs())[0]?.state, within).toBe('running');
    const [{ id }] = (await jobs()) as [JobView];
    expect((await books())[id]!.held).toBeGreaterThan(0);
    gone.abort();
    await expect(call).rejects.toThrow(OpenAI.APIUserAbortError);
    await expect.poll(settled, within).toBe(true);
    expect((await jobs())[0]!.state).toBe('cancelled');
    expect((await books())[id]).toEqual({ available: 0, held: 0 });
  });

  it('at any moment leaves nothing behind that goes on', async () => {
    stage.kobold.pace.wordMs = 50;
    for (let moment = 0; moment < 12; moment++) {
      const gone = new AbortController();
      const call = client.chat.completions.create(long, { signal: gone.signal });
      // From before the request has left to when it is long under way.
      for (let turn = 0; turn < moment * 4; turn++) await new Promise(setImmediate);
      gone.abort();
      await expect(call).rejects.toThrow(OpenAI.APIUserAbortError);
    }
    await expect.poll(settled, within).toBe(true);
    for (const { available, held } of Object.values(await books()))
      expect([available, held]).toEqual([0, 0]);
  });
});

describe('a client that tries again by itself', () => {
  /** The first answers are lost on the way, after the request has arrived. */
  const losing = (times: number) => {
    let left = times;
    return async (...[url, init]: Parameters<typeof fetch>): Promise<Response> => {
      if (left-- <= 0) return fetch(url, init);
      const line = new AbortController();
      const lost = fetch(url, { ...init, signal: line.signal }).catch(() => null);
      const before = (await jobs()).length;
      await expect.poll(async () => (await jobs()).length, within).toBeGreaterThan(before);
      line.abort();
      await lost;
      throw new Error('The line is down.');
    };
  };

  it('pays for the one answer that it got', async () => {
    stage.kobold.pace.wordMs = 10;
    const answer = await client
      .withOptions({ maxRetries: 2, fetch: losing(2) })
      .chat.completions.create({ ...long, max_tokens: 60 });
    expect(answer.choices[0]!.message.content).not.toBe('');
    await expect.poll(settled, within).toBe(true);
    const states = (await jobs()).map(({ state }) => state).sort();
    expect(states).toEqual(['cancelled', 'cancelled', 'succeeded']);
    const paid = Object.values(await books()).filter(({ available }) => available !== 0);
    expect(paid).toHaveLength(1);
  });

  it('gets the very same job under an Idempotency-Key', async () => {
    stage.kobold.pace.wordMs = 10;
    const again = client.withOptions({ maxRetries: 2, fetch: losing(1) });
    const headers = { 'Idempotency-Key': 'once' };
    const answer = await again.chat.completions.create({ ...long, max_tokens: 60 }, { headers });
    const all = await jobs();
    expect(all.map(({ id }) => `chatcmpl-${id}`)).toEqual([answer.id]);
    expect(Object.values(await books())).toMatchObject([{ held: 0 }]);
  });
});
