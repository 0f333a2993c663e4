import { expect, it } from 'vitest';
import { refuse } from '../problems.ts';
import { envelopeOf } from './envelope.ts';

it.each([
  ['unauthorized', 401, 'authentication_error', 'invalid_api_key'],
  ['insufficient_tokens', 429, 'insufficient_quota', 'insufficient_quota'],
  ['too_many_jobs', 429, 'rate_limit_error', 'too_many_jobs'],
  ['impossible', 400, 'invalid_request_error', 'impossible'],
  ['suspended', 403, 'permission_error', 'suspended'],
  ['unavailable', 503, 'server_error', 'unavailable'],
] as const)('%s is %i, a %s with the code %s', (ours, status, type, code) => {
  const told = envelopeOf(refuse(ours, 'No.'));
  expect(told).toEqual({ status, body: { error: { message: 'No.', type, param: null, code } } });
});

it('names the first place that is wrong, as a path, and all of them in words', () => {
  const errors = [
    { at: '/messages/0/content', reason: 'is missing' },
    { at: '/n', reason: 'is too large' },
  ];
  const { error } = envelopeOf(refuse('invalid_request', 'Not valid.', { errors })).body;
  expect(error.param).toBe('messages[0].content');
  expect(error.message).toBe('Not valid. messages[0].content: is missing n: is too large');
});
