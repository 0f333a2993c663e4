// The client marks what OpenAI has given up; clients in use still send it.
/* eslint-disable @typescript-eslint/no-deprecated */
// What OpenAI's own client gets here, call by call.
import OpenAI, { toFile } from 'openai';
import sharp from 'sharp';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { take } from '../../../adapters/worker/engines/whisper/recordings-testing.ts';
import type { JobView } from '../../../machines/contract/views.ts';
import { mediaTypeOf } from '../media-types.ts';
import { startOpenaiStage } from './testing.ts';

let stage: Awaited<ReturnType<typeof startOpenaiStage>>;
beforeAll(async () => (stage = await startOpenaiStage()));
afterAll(() => stage.stop());

const hello = [{ role: 'user' as const, content: 'Tell me about herons.' }];
const rejected = async (call: Promise<unknown>) => {
  const error = await call.then(
    () => null,
    (reason: unknown) => reason,
  );
  expect(error).toBeInstanceOf(OpenAI.APIError);
  return error as InstanceType<typeof OpenAI.APIError>;
};

const jobs = async () => {
  const answer = await fetch(`${stage.url}/v1/jobs`, {
    headers: { authorization: `Bearer ${stage.key}` },
  });
  return ((await answer.json()) as { data: JobView[] }).data;
};

describe('models', () => {
  it('says in both ways that there is none of a name', async () => {
    const error = await rejected(stage.client.models.retrieve('nobody'));
    expect([error.status, error.code, error.param]).toEqual([404, 'model_not_found', 'model']);
    const answer = await fetch(`${stage.url}/v1/models/nobody`);
    expect(answer.headers.get('content-type')).toContain('application/problem+json');
    expect(await answer.json()).toMatchObject({ status: 404, code: 'model_not_found' });
  });

  it('lists and retrieves', async () => {
    const ids = [];
    for await (const model of stage.client.models.list()) ids.push(model.id);
    expect(ids).toEqual(expect.arrayContaining(['writer', 'hearer', 'speaker', 'parrot']));
    expect((await stage.client.models.retrieve('writer')).object).toBe('model');
  });
});

describe('chat completions', () => {
  it('answers a conversation, with usage and the request id', async () => {
    const answer = await stage.client.chat.completions.create({
      model: 'writer',
      max_completion_tokens: 40,
      messages: [
        { role: 'system', content: 'You are brief.' },
        { role: 'user', content: 'Who are you?' },
        { role: 'assistant', content: 'A writer.' },
        ...hello,
      ],
    });
    expect(answer.object).toBe('chat.completion');
    expect(answer.model).toBe('writer');
    expect(answer.choices[0]!.message.content).not.toBe('');
    expect(['stop', 'length']).toContain(answer.choices[0]!.finish_reason);
    expect(answer.usage!.total_tokens).toBe(
      answer.usage!.prompt_tokens + answer.usage!.completion_tokens,
    );
    expect(answer._request_id).toMatch(/^req_/);
  });

  it('streams the very text that the job keeps', async () => {
    const stream = await stage.client.chat.completions.create({
      model: 'writer',
      max_tokens: 60,
      messages: hello,
      stream: true,
      stream_options: { include_usage: true },
    });
    let text = '';
    let pieces = 0;
    let finish: string | null = null;
    let usage: unknown = null;
    for await (const chunk of stream) {
      const [choice] = chunk.choices;
      if (choice?.delta.content) {
        text += choice.delta.content;
        pieces += 1;
      }
      finish = choice?.finish_reason ?? finish;
      usage = chunk.usage ?? usage;
    }
    expect(pieces).toBeGreaterThan(1);
    expect(finish).not.toBeNull();
    expect(usage).toMatchObject({ total_tokens: expect.any(Number) as number });
    const [{ id }] = (await jobs()) as [JobView];
    const kept = await fetch(`${stage.url}/v1/jobs/${id}/outputs/0`, {
      headers: { authorization: `Bearer ${stage.key}` },
    });
    expect(text).toBe(await kept.text());
  });

  it('takes a name of OpenAI’s as whichever model is readiest', async () => {
    const answer = await stage.client.chat.completions.create({
      model: 'gpt-4o-mini',
      max_tokens: 20,
      messages: hello,
    });
    expect(['writer', 'parrot']).toContain(answer.model);
  });

  it('cancels the job of a client that hangs up, and charges nothing', async () => {
    stage.kobold.pace.wordMs = 50;
    const gone = new AbortController();
    const stream = await stage.client.chat.completions.create(
      { model: 'writer', max_tokens: 2000, messages: hello, stream: true },
      { signal: gone.signal },
    );
    for await (const chunk of stream) if (chunk.choices[0]?.delta.content) gone.abort();
    stage.kobold.pace.wordMs = 1;
    await expect.poll(async () => (await jobs())[0]!.state, { timeout: 10_000 }).toBe('cancelled');
    expect((await jobs())[0]!.cost.charged_millitokens).toBe(0);
  });
});

it('completes a prompt', async () => {
  const answer = await stage.client.completions.create({
    model: 'parrot',
    prompt: 'Once upon a time',
    max_tokens: 20,
  });
  expect(answer.object).toBe('text_completion');
  expect(answer.choices[0]!.text).not.toBe('');
});

describe('images', () => {
  it.each(['png', 'jpeg', 'webp'] as const)('makes one as %s', async (format) => {
    const answer = await stage.client.images.generate({
      ...{ model: 'gpt-image-1', prompt: 'a heron at dawn', size: '256x256' },
      output_format: format,
      output_compression: 40,
    });
    const bytes = Buffer.from(answer.data![0]!.b64_json!, 'base64');
    expect(answer.output_format).toBe(format);
    expect(await sharp(bytes).metadata()).toMatchObject({ format, width: 256, height: 256 });
  });

  it('makes one as base64', async () => {
    const { data } = await stage.client.images.generate({
      model: 'gpt-image-1',
      prompt: 'a heron at dawn',
      size: '256x256',
    });
    const bytes = Buffer.from(data![0]!.b64_json!, 'base64');
    const { width, height } = await sharp(bytes).metadata();
    expect([width, height]).toEqual([256, 256]);
  });

  it('makes two as links that need no key', async () => {
    const { data } = await stage.client.images.generate({
      prompt: 'a heron at dawn',
      size: '256x256',
      n: 2,
      response_format: 'url',
    });
    expect(data).toHaveLength(2);
    for (const { url } of data!) {
      const answer = await fetch(url!);
      expect(answer.headers.get('content-type')).toBe('image/png');
      expect((await fetch(url!.replace(/.$/, (last) => (last === 'A' ? 'B' : 'A')))).status).toBe(
        404,
      );
    }
  });

  it('streams what is seen on the way, then the picture', async () => {
    const stream = await stage.client.images.generate({
      prompt: 'a heron at dawn',
      size: '512x512',
      stream: true,
      partial_images: 1,
    });
    const kinds: string[] = [];
    for await (const event of stream) {
      kinds.push(event.type);
      expect(mediaTypeOf(Buffer.from(event.b64_json, 'base64'))).toMatch(/^image\//);
    }
    expect(kinds.at(-1)).toBe('image_generation.completed');
  });
});

describe('audio', () => {
  it('speaks', async () => {
    const answer = await stage.client.audio.speech.create({
      model: 'speaker',
      voice: 'alloy',
      input: 'A heron at dawn.',
      response_format: 'wav',
    });
    const bytes = Buffer.from(await answer.arrayBuffer());
    expect(mediaTypeOf(bytes)).toBe('audio/wav');
    expect(answer.headers.get('content-type')).toBe('audio/wav');
  });

  it('transcribes, in each form', async () => {
    const file = () => toFile(take(2), 'take.wav', { type: 'audio/wav' });
    const model = 'whisper-1';
    const json = await stage.client.audio.transcriptions.create({ model, file: await file() });
    expect(json.text).not.toBe('');
    const text = await stage.client.audio.transcriptions.create({
      ...{ model, file: await file(), response_format: 'text' as const },
    });
    expect(String(text).trim()).toBe(json.text);
    const verbose = await stage.client.audio.transcriptions.create({
      ...{ model, file: await file(), response_format: 'verbose_json' as const },
    });
    expect(verbose.segments!.length).toBeGreaterThan(0);
    for (const [form, mark] of [
      ['srt', '-->'],
      ['vtt', 'WEBVTT'],
    ] as const) {
      const lines = await stage.client.audio.transcriptions.create({
        ...{ model, file: await file(), response_format: form },
      });
      expect(String(lines)).toContain(mark);
    }
  });
});

it('makes, lists, fetches and deletes videos', async () => {
  const { videos } = stage.client;
  const made = await videos.create({
    prompt: 'waves',
    seconds: '1' as '4',
    size: '256x256' as '720x1280',
  });
  expect(made.status).toMatch(/queued|in_progress/);
  await expect
    .poll(async () => (await videos.retrieve(made.id)).status, { timeout: 30_000 })
    .toBe('completed');
  const content = await videos.downloadContent(made.id);
  const bytes = Buffer.from(await content.arrayBuffer());
  expect(mediaTypeOf(bytes)).toMatch(/^(video|image)\//);
  const ids = [];
  for await (const video of videos.list()) ids.push(video.id);
  expect(ids).toContain(made.id);
  const second = await videos.create({
    prompt: 'waves',
    seconds: '4',
    size: '256x256' as '720x1280',
  });
  expect(await videos.delete(second.id)).toMatchObject({ id: second.id, deleted: true });
  await expect
    .poll(async () => (await videos.retrieve(second.id)).status, { timeout: 30_000 })
    .toBe('failed');
});

describe('errors', () => {
  it.each([
    ['an unknown key', { apiKey: 'sk-nothing' }, 401, 'invalid_api_key'],
    ['an unknown model', {}, 404, 'model_not_found'],
  ])('%s', async (_name, options, status, code) => {
    const client = stage.client.withOptions(options);
    const error = await rejected(
      client.chat.completions.create({ model: 'nobody', messages: hello }),
    );
    expect([error.status, error.code]).toEqual([status, code]);
    expect(error.requestID).toMatch(/^req_/);
  });

  it('says where a request is wrong', async () => {
    const error = await rejected(
      stage.client.chat.completions.create({
        model: 'writer',
        messages: [{ role: 'user', content: [{ type: 'image_url', image_url: { url: 'x' } }] }],
      }),
    );
    expect(error.status).toBe(400);
    expect(error.param).toContain('messages[0].content');
    expect(error.type).toBe('invalid_request_error');
  });

  it('tells no tokens apart from too many requests, and is not asked again', async () => {
    const { key } = await stage.runtime.key('user', 'acc_poor');
    const poor = stage.client.withOptions({ apiKey: key, maxRetries: 2 });
    let asked = 0;
    const counting = poor.withOptions({
      fetch: (...request: Parameters<typeof fetch>) => {
        asked += 1;
        return fetch(...request);
      },
    });
    // Thirty-two tokens, of the twenty of a free day.
    const error = await rejected(
      counting.images.generate({
        ...{ model: 'sketch', prompt: 'waves', n: 8 },
        size: '2048x2048',
      }),
    );
    expect([error.status, error.code]).toEqual([429, 'insufficient_quota']);
    expect(asked).toBe(1);
  });
});
