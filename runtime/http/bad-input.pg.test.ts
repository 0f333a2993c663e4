// Whatever arrives is answered with the right problem, the process lives, and nothing is charged.
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import type { AccountView, Problem } from '../../machines/contract/views.ts';
import { problem as problemShape } from '../../machines/contract/views.ts';
import { startTestRuntime, type TestRuntime } from './testing.ts';

let runtime: TestRuntime;
let ann = '';
beforeAll(async () => {
  runtime = await startTestRuntime();
  ann = (await runtime.key('user', 'acc_ann')).key;
  await runtime.worker();
});
afterAll(() => runtime.stop());

afterEach(async () => {
  const { json } = await runtime.call({ url: '/v1/account', key: ann });
  expect(json<AccountView>()).toMatchObject({ available_millitokens: 20_000, held_millitokens: 0 });
  expect((await runtime.call({ url: '/v1/jobs', key: ann })).json().data).toEqual([]);
});

async function refusal(
  status: number,
  payload: string | Buffer,
  headers: Record<string, string> = {},
): Promise<Problem> {
  const answer = await runtime.call({
    method: 'POST',
    url: '/v1/jobs',
    key: ann,
    payload,
    headers: { 'content-type': 'application/json', ...headers },
  });
  expect([answer.statusCode, answer.json().code]).toEqual([status, expect.any(String)]);
  expect(answer.headers['content-type']).toBe('application/problem+json; charset=utf-8');
  const told = problemShape.parse(answer.json());
  expect(told).toMatchObject({ status, request_id: answer.headers['x-request-id'] });
  expect(JSON.stringify(told)).not.toMatch(/zod|fastify|node_modules|\bat .*\.ts/i);
  return told;
}

const asked = (change: object) =>
  JSON.stringify({ modality: 'image', prompt: 'a heron', ...change });

describe('a body that is no JSON', () => {
  it.each<[string, string | Buffer]>([
    ['nothing', ''],
    ['half an object', '{"modality":"image"'],
    ['a trailing comma', '{"modality":"image",}'],
    ['NaN', '{"count":NaN}'],
    ['invalid UTF-8', Buffer.from('{"modality":"image","prompt":"\xff"}', 'latin1')],
    ['a poisoned prototype', '{"modality":"image","prompt":"x","__proto__":{"count":8}}'],
    ['the same in escapes', '{"modality":"image","prompt":"x","\\u005f_proto__":{"count":8}}'],
    ['a poisoned constructor', '{"prompt":"x","constructor":{"prototype":{"count":8}}}'],
    ['a thousand levels', '['.repeat(1000) + ']'.repeat(1000)],
    ['half a million levels', '{"a":'.repeat(200_000)],
  ])('%s is refused', async (_, body) => {
    expect((await refusal(400, body)).code).toBe('invalid_request');
  });

  it('but brackets inside a text are no levels', async () => {
    const told = await refusal(400, asked({ origin: '['.repeat(100), count: 0 }));
    expect(told.errors).toMatchObject([{ at: '/count' }]);
  });

  it.each([
    'text/plain',
    'application/x-www-form-urlencoded',
    'multipart/form-data; boundary=x',
    '',
  ])('of type %j is refused, though it would parse', async (type) => {
    const told = await refusal(415, asked({}), { 'content-type': type });
    expect(told.code).toBe('unsupported_media_type');
  });

  it('that is compressed is refused', async () => {
    const told = await refusal(415, asked({}), { 'content-encoding': 'gzip' });
    expect(told.code).toBe('unsupported_media_type');
  });

  it('is refused when it is larger than 1 MB, before it is read', async () => {
    const body = Buffer.alloc(20 * 1024 * 1024, ' ');
    expect((await refusal(413, body)).code).toBe('too_large');
  });
});

describe('JSON that is not a request', () => {
  it.each<[string, string, string?]>([
    ['null', 'null', ''],
    ['an array', '[]', ''],
    ['a text', '"image"', ''],
    ['a number', '7', ''],
    ['an unknown field', asked({ colour: 'red' }), '/colour'],
    ['a modality of the wrong type', '{"modality":1,"prompt":"x"}', '/modality'],
    ['an unknown modality', '{"modality":"smell","prompt":"x"}', '/modality'],
    ['no modality', '{"prompt":"x"}', '/modality'],
    ['a prompt of the wrong type', asked({ prompt: { text: 'x' } }), '/prompt'],
    ['a null prompt', asked({ prompt: null }), '/prompt'],
    ['an empty prompt', asked({ prompt: '' }), '/prompt'],
    ['a blank prompt', asked({ prompt: ' \n\t' }), '/prompt'],
    ['no prompt', '{"modality":"image"}', '/prompt'],
    ['a prompt with NUL', asked({ prompt: 'a\0b' }), '/prompt'],
    ['a prompt with half a character', '{"modality":"image","prompt":"\\ud800"}', '/prompt'],
    ['a prompt of 8001 characters', asked({ prompt: 'x'.repeat(8001) }), '/prompt'],
    ['a negative count', asked({ count: -1 }), '/count'],
    ['a count of none', asked({ count: 0 }), '/count'],
    ['half a picture', asked({ count: 1.5 }), '/count'],
    ['a count as text', asked({ count: '1' }), '/count'],
    ['an endless count', '{"modality":"image","prompt":"x","count":1e999}', '/count'],
    ['a huge count', asked({ count: 2 ** 53 }), '/count'],
    ['dry_run as text', asked({ dry_run: 'true' }), '/dry_run'],
    ['a deadline in the past', asked({ deadline_s: -5 }), '/deadline_s'],
    ['a model that is a path', asked({ model: '../../etc/passwd' }), '/model'],
    ['an input that is no blob', asked({ inputs: [{ blob: 'sha256:x' }] }), '/inputs/0/blob'],
    [
      'an unknown input',
      asked({ inputs: [{ blob: `sha256:${'a'.repeat(64)}` }] }),
      '/inputs/0/blob',
    ],
    ['an unknown parameter', asked({ params: { nodes: {} } }), '/params'],
    ['a width as text', asked({ params: { width: '512' } }), '/params/width'],
    [
      'an endless width',
      '{"modality":"image","prompt":"x","params":{"width":1e999}}',
      '/params/width',
    ],
    ['a negative width', asked({ params: { width: -1 } }), '/params/width'],
    ['a parameter of another modality', asked({ params: { voice: 'x' } }), '/params'],
    ['a style with NUL', asked({ params: { style: 'a\0' } }), '/params/style'],
  ])('%s is refused, and it says where', async (_, body, at) => {
    const told = await refusal(400, body);
    expect(told.code).toBe('invalid_request');
    expect(told.errors?.map((error) => error.at)).toContain(at);
  });

  it('is refused by its own name when it has slashes in it', async () => {
    const told = await refusal(400, asked({ 'a/b~c': 1 }));
    expect(told.errors).toEqual([{ at: '/a~1b~0c', reason: expect.any(String) }]);
  });

  it('does not come back in full', async () => {
    const fields = Object.fromEntries(Array.from({ length: 500 }, (_, n) => [`f${n}`, 1]));
    expect((await refusal(400, asked(fields))).errors).toHaveLength(20);
    const told = await refusal(400, asked({ ['x'.repeat(100_000)]: 1 }));
    expect(JSON.stringify(told).length).toBeLessThan(1000);
  });
});

describe('what can be asked but not be done', () => {
  it.each<[string, string]>([
    ['an unknown model', asked({ model: 'no-such-model' })],
    ['a modality that no worker has', JSON.stringify({ modality: 'video', prompt: 'x' })],
  ])('%s is impossible, with a reason', async (_, body) => {
    const told = await refusal(422, body);
    expect(told.code).toBe('impossible');
    expect(told.detail.length).toBeGreaterThan(20);
  });

  it('100 megapixels are refused', async () => {
    await refusal(400, asked({ params: { width: 10_000, height: 10_000 } }));
  });
});

describe('an Idempotency-Key', () => {
  it.each(['', ' ', 'a b', 'x'.repeat(256), 'naïve'])('%j is refused', async (key) => {
    const told = await refusal(400, asked({}), { 'idempotency-key': key });
    expect(told.code).toBe('invalid_request');
  });
});

describe('an address', () => {
  it.each([
    ['GET', '/v1/nothing'],
    ['GET', '/v1'],
    ['PUT', '/v1/jobs'],
    ['GET', '/v1/jobs/%E0%A4%A'],
    ['GET', `/v1/jobs/${'x'.repeat(5000)}`],
    ['GET', '/v1/models/none', 'model_not_found'],
    ['GET', '/v1/models/%00', 'model_not_found'],
    ['GET', '/nothing'],
  ] as const)('%s %s is not found', async (method, url, code: string = 'not_found') => {
    const answer = await runtime.call({ method, url, key: ann });
    expect(answer.statusCode).toBe(404);
    expect(answer.headers['content-type']).toBe('application/problem+json; charset=utf-8');
    expect(problemShape.parse(answer.json())).toMatchObject({ code, status: 404 });
  });
});
