import { describe, expect, test } from 'vitest';
import { imageParams, textParams, videoParams } from '../contract/requests.ts';
import { price, timeLimitMs } from './price.ts';

const image = (params: object, count = 1) =>
  price({ modality: 'image', params: imageParams.parse(params), prompt: 'x', count, inputs: 0 });

describe('price', () => {
  test('one 1024x1024 image is one token', () => {
    expect(image({})).toBe(1000);
  });

  test.each([
    [{ width: 512, height: 512 }, 1, 250],
    [{ width: 2048, height: 1024 }, 1, 2000],
    [{ steps: 31 }, 1, 1500],
    [{ steps: 61 }, 2, 4000],
    [{ width: 64, height: 64 }, 1, 50],
  ])('image %o x %i costs %i millitokens', (params, count, costMt) => {
    expect(image(params, count)).toBe(costMt);
  });

  test('a fraction of a millitoken is rounded up, so that the price is an upper bound', () => {
    expect(image({ width: 520, height: 512 })).toBe(Math.ceil((520 * 512 * 1000) / 1024 ** 2));
  });

  test('video is priced by seconds and pixels', () => {
    const params = videoParams.parse({ seconds: 3 });
    expect(price({ modality: 'video', params, prompt: 'x', count: 1, inputs: 0 })).toBe(3000);
  });

  test('text is priced by what may be written, prompt included', () => {
    const params = textParams.parse({ max_tokens: 100 });
    const prompt = 'a'.repeat(400);
    expect(price({ modality: 'text', params, prompt, count: 1, inputs: 0 })).toBe(200);
  });
});

test('a time limit grows with the work and is never under a minute', () => {
  expect(timeLimitMs(1, 1000)).toBe(60_000);
  expect(timeLimitMs(4, 10_000)).toBe(400_000);
});
