import { expect, it } from 'vitest';
import { without, withEntry } from './records.ts';

const before = Object.freeze({ job_2: 'b', job_1: 'a' });

it('adds an entry at the end, or replaces one where it is', () => {
  expect(Object.entries(withEntry(before, 'job_0', 'c'))).toEqual([
    ['job_2', 'b'],
    ['job_1', 'a'],
    ['job_0', 'c'],
  ]);
  expect(Object.entries(withEntry(before, 'job_2', 'c'))).toEqual([
    ['job_2', 'c'],
    ['job_1', 'a'],
  ]);
});

it('takes one entry away, and leaves the record it was given as it is', () => {
  expect(JSON.stringify(without(before, 'job_2'))).toBe('{"job_1":"a"}');
  expect(JSON.stringify(without(before, 'job_9'))).toBe(JSON.stringify(before));
  expect(Object.keys(before)).toEqual(['job_2', 'job_1']);
});

it('takes any id, also one that a plain object would understand differently', () => {
  expect(Object.keys(withEntry(before, '__proto__', 'c'))).toContain('__proto__');
  expect('toString' in withEntry(before, 'job_3', 'c')).toBe(false);
});
