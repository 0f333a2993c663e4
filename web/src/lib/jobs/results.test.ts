import { describe, expect, test } from 'vitest';
import type { JobView } from '../../../../machines/contract/views.ts';
import { factsOf, fileName, showingOf } from './files.ts';
import { bars } from './waveform.ts';

type Output = JobView['outputs'][number];
const output = (fields: Partial<Output> = {}): Output => ({
  n: 0,
  url: '/v1/jobs/job_1/outputs/0',
  media_type: 'image/png',
  bytes: 1,
  facts: {},
  ...fields,
});
const job = (prompt: string, outputs: Output[], params = {}) =>
  ({ id: 'job_1', modality: 'image', prompt, outputs, params }) as unknown as JobView;

describe('file names', () => {
  test.each([
    ['A heron, at first light!', 'image/png', 'a-heron-at-first-light.png'],
    ['../../etc/passwd', 'image/webp', 'etc-passwd.webp'],
    ['Ein Fähre im Nebel', 'audio/wav', 'ein-fahre-im-nebel.wav'],
    ['夜の灯台', 'video/mp4', '夜の灯台.mp4'],
    ['', 'text/plain; charset=utf-8', 'image.txt'],
    ['x', 'application/x-unknown', 'x.bin'],
  ])('%s as %s is %s', (prompt, media_type, expected) => {
    const only = output({ media_type });
    expect(fileName(job(prompt, [only]), only)).toBe(expected);
  });

  test('several results are numbered from one', () => {
    const outputs = [output(), output({ n: 1 })];
    expect(fileName(job('a', outputs), outputs[1] as Output)).toBe('a-2.png');
  });
});

test.each([
  ['image/webp', 'picture'],
  ['video/webm', 'film'],
  ['audio/ogg', 'sound'],
  ['text/vtt', 'words'],
  ['application/json', 'words'],
  ['application/zip', 'file'],
])('%s is shown as %s', (media_type, expected) => {
  expect(showingOf(output({ media_type }))).toBe(expected);
});

test('facts read well and repeat nothing', () => {
  const only = output({ width: 640, height: 320, facts: { seed: 7, steps: 24 } });
  const facts = factsOf(job('a', [only], { width: 640, height: 320, steps: 20 }), only);
  expect(facts).toEqual([
    ['Size', '640 × 320'],
    ['Steps', '24'],
    ['Seed', '7'],
  ]);
});

describe('the shape of a sound', () => {
  test('is as high as its loudest part, and flat for silence', () => {
    const samples = new Float32Array([0.1, -0.1, 0.4, -0.4, 0, 0]);
    const shape = bars(samples, 3);
    expect(shape.map((bar) => Number(bar.toFixed(3)))).toEqual([0.25, 1, 0]);
    expect(bars(new Float32Array(9), 3)).toEqual([0, 0, 0]);
    expect(bars(new Float32Array(0), 2)).toEqual([0, 0]);
  });
});
