import { expect, it } from 'vitest';
import { type KeyOptions, requestOf } from './key.ts';

it.each<[KeyOptions, RegExp]>([
  [{ kind: 'root' }, /^--kind must be one of user, frontend, worker, admin\.$/],
  [{ kind: 'worker', account: 'acc_local' }, /^--account is for --kind user/],
  [{ kind: 'user', account: 'system' }, /^--account must be the id/],
  [{ kind: 'user', account: "acc_'; drop" }, /^--account must be the id/],
  [{ kind: 'user', platform: 'telegram' }, /^--platform is for --kind frontend/],
  [{ kind: 'frontend' }, /^--kind frontend needs --platform/],
  [{ kind: 'frontend', platform: 'irc' }, /^--kind frontend needs --platform/],
  [{ kind: 'user', name: 'two\nlines' }, /^--name must/],
])('%j is refused', (options, reason) => {
  expect(() => requestOf(options)).toThrow(reason);
});

it('takes what is left', () => {
  expect(requestOf({ kind: 'frontend', platform: 'discord', name: 'bot 2' })).toEqual({
    kind: 'frontend',
    name: 'bot 2',
    account: null,
    workerName: null,
    platform: 'discord',
  });
  expect(requestOf({ kind: 'user' }).name).toBe('user');
  expect(requestOf({ kind: 'worker' })).toMatchObject({ name: 'worker', workerName: null });
  expect(requestOf({ kind: 'worker', name: 'gpu 1' }).workerName).toBe('gpu 1');
});
