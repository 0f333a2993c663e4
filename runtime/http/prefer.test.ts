import { expect, it } from 'vitest';
import { waitOf } from './prefer.ts';

it.each([
  [undefined, null],
  ['', null],
  ['respond-async', null],
  ['wait', null],
  ['wait=', null],
  ['wait=soon', null],
  ['wait=-1', null],
  ['wait=1.5', null],
  ['waiting=5', null],
  ['wait=0', 0],
  ['wait=10', 10],
  ['Wait = "10"', 10],
  ['respond-async, wait=10', 10],
  ['wait=10; strict=no, handling=lenient', 10],
  ['wait=10, wait=20', 10],
  ['wait=3600', 60],
] as const)('reads `Prefer: %s` as %s', (header, seconds) => {
  expect(waitOf(header)).toBe(seconds);
});
