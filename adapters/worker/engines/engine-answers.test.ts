import { expect, it } from 'vitest';
import { failureOf } from './engine-answers.ts';

const answerOf = (status: number, said: unknown) => ({
  status,
  contentType: 'application/json',
  bytes: Buffer.from(typeof said === 'string' ? said : JSON.stringify(said)),
});
const missing = { type: 'missing', loc: ['body', 'input'], msg: 'Field required', input: 'SECRET' };

it.each([
  [
    400,
    { detail: { error: 'validation_error', message: 'Too loud', type: 'x' } },
    'invalidInput',
    'validation_error: Too loud',
  ],
  [422, { detail: [missing] }, 'invalidInput', 'body.input Field required'],
  [404, { detail: 'Not Found' }, 'engineError', 'Not Found'],
  [
    400,
    { message: 'Empty Input', code: 400, type: 'BadRequestError' },
    'invalidInput',
    'Empty Input',
  ],
  [
    500,
    { error: { code: 500, message: 'could not load', type: '' } },
    'engineError',
    'could not load',
  ],
  [500, { error: 'rpc error' }, 'engineError', 'rpc error'],
  [
    400,
    { detail: { error: 'invalid_model', message: 'Unsupported model: x' } },
    'modelMissing',
    'Unsupported model',
  ],
  [404, { error: { message: "model 'x' not found" } }, 'modelMissing', 'not found'],
  [500, { detail: 'CUDA out of memory. Tried to allocate' }, 'outOfMemory', 'out of memory'],
  [503, '<html>', 'engineError', 'answered 503'],
  [429, {}, 'engineError', 'answered 429'],
] as const)('%s %j becomes %s', (status, said, code, words) => {
  const failure = failureOf(answerOf(status, said));
  expect(failure.code).toBe(code);
  expect(failure.message).toContain(words);
  expect(failure.message).not.toContain('SECRET');
});

it('lets no prompt decide what went wrong', () => {
  const said = { detail: 'cannot say: CUDA out of memory please' };
  const failure = failureOf(answerOf(500, said), 'CUDA out of memory please');
  expect(failure.code).toBe('engineError');
  expect(failureOf(answerOf(500, { detail: 'out of memory' }), 'out').code).toBe('outOfMemory');
});

it('repeats nothing that a person wrote, and is never long', () => {
  const prompt = 'a poem about my neighbour Johanna and her cat';
  const echo = failureOf(answerOf(500, { detail: `failed on: my neighbour Johanna and` }), prompt);
  expect(echo.message).toBe('The engine answered 500');
  expect(failureOf(answerOf(500, { detail: 'no BOOM' }), 'BOOM').message).not.toContain('BOOM');
  expect(failureOf(answerOf(500, { detail: 'x'.repeat(9000) })).message.length).toBeLessThan(300);
});
