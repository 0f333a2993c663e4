import { expect, it } from 'vitest';
import { batchKeyOf, batchTimes, type Batchable } from './batching.ts';

const job = (params: object, change: Partial<Batchable> = {}): Batchable => ({
  ...{ model: 'sketch', modality: 'image', count: 1, inputs: [] },
  params: { width: 512, height: 512, ...params },
  ...change,
});
const keyOf = (params: object, change?: Partial<Batchable>) => batchKeyOf(job(params, change));

it('is the same for jobs that differ in what each picture has of its own', () => {
  const key = keyOf({ steps: 8 });
  expect(key).not.toBeNull();
  expect(keyOf({ steps: 8, seed: 7, style: 'oil', negative_prompt: 'blurry' })).toBe(key);
  expect(batchKeyOf(job({ steps: 8, guidance: undefined }))).toBe(key);
});

it('does not depend on the order in which parameters were written', () => {
  const { width, height } = { width: 64, height: 96 };
  expect(keyOf({}, { params: { height, width } })).toBe(keyOf({}, { params: { width, height } }));
});

it.each([
  ['size', { width: 1024 }, {}],
  ['steps', { steps: 9 }, {}],
  ['adaptations', { loras: [{ name: 'paper', weight: 1 }] }, {}],
  ['model', {}, { model: 'atelier' }],
  ['modality', {}, { modality: 'video' }],
] as const)('differs with the %s', (_, params, change) => {
  expect(keyOf(params, change)).not.toBe(keyOf({}));
});

it.each([
  ['text leaves as it is written', { modality: 'text' }],
  ['a transcript is of one file', { modality: 'transcript' }],
  ['several fill a call by themselves', { count: 2 }],
  ['a file is worked on', { inputs: [{ role: 'image' }] }],
] as const)('is none where %s', (_, change) => {
  expect(keyOf({}, change)).toBeNull();
});

it('says how long a call of several takes', () => {
  expect(batchTimes(1, 0.5)).toBe(1);
  expect(batchTimes(3, 0.5)).toBe(2);
});
