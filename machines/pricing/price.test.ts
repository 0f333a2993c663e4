import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { Modality } from '../contract/models.ts';
import { PARAMS } from '../contract/requests.ts';
import { bytesOf, price, timeLimitMs, type SizedFile } from './price.ts';

// fast-check prints the seed and the path of what failed; both go here to see it again.
const AGAIN = { seed: 20_260_101, numRuns: 500 };

interface Rest {
  readonly prompt?: string;
  readonly count?: number;
  readonly files?: readonly SizedFile[];
  /** What the model makes by itself, of sounds. */
  readonly usual?: number;
}

const file = (change: Partial<SizedFile>): SizedFile => ({
  ...{ role: 'input', bytes: 1000, seconds: null },
  ...change,
});

const of = (modality: Modality, params: object, rest: Rest = {}): number => {
  const { prompt = 'x', count = 1, files = [], usual } = rest;
  const parsed = PARAMS[modality].parse(params);
  const offer = usual === undefined ? {} : { seconds: usual };
  return price({ modality, params: parsed, prompt, count, files }, offer);
};

describe('price, in millitokens', () => {
  test.each([
    ['one 1024x1024 image is one token', of('image', {}), 1000],
    ['of 512x512', of('image', { width: 512, height: 512 }), 250],
    ['of 2048x1024', of('image', { width: 2048, height: 1024 }), 2000],
    ['of more than 30 steps', of('image', { steps: 31 }), 1500],
    ['two of more than 60', of('image', { steps: 61 }, { count: 2 }), 4000],
    ['nothing is free', of('image', { width: 64, height: 64 }), 50],
    ['enlarged twice', of('image', { scale: 2 }, { files: [file({})] }), 250],
    [
      'enlarged four times, a large one',
      of('image', { scale: 4 }, { files: [file({ bytes: 3e6 })] }),
      3000,
    ],
    ['three seconds of film', of('video', { seconds: 3 }), 3000],
    [
      '100 LLM tokens to write, 100 to read',
      of('text', { max_tokens: 100 }, { prompt: 'a'.repeat(400) }),
      200,
    ],
    [
      'what was said before is read, too',
      of(
        'text',
        { max_tokens: 100 },
        { prompt: '', files: [file({ role: 'messages', bytes: 4000 })] },
      ),
      1100,
    ],
    [
      'in a script of three bytes',
      of('text', { max_tokens: 100 }, { prompt: '日'.repeat(400) }),
      400,
    ],
    ['500 characters of speech', of('audio', {}, { prompt: 'x'.repeat(500) }), 500],
    ['sound as long as the model makes it', of('audio', {}, { usual: 20 }), 2000],
    ['sound as long as asked for', of('audio', { seconds: 4 }, { usual: 20 }), 400],
    [
      'ten minutes to transcribe',
      of('transcript', {}, { files: [file({ seconds: 600 })] }),
      10_000,
    ],
    ['a word to transcribe', of('transcript', {}, { files: [file({ seconds: 1 })] }), 100],
    ['nobody knows how long', of('transcript', {}, { files: [file({})] }), 1000],
  ])('%s', (_, is, shouldBe) => {
    expect(is).toBe(shouldBe);
  });

  test('a fraction of a millitoken is rounded up, so that the price is an upper bound', () => {
    const exact = (520 * 512 * 1000) / 1024 ** 2;
    expect(of('image', { width: 520, height: 512 })).toBe(Math.ceil(exact));
    expect(exact % 1).not.toBe(0);
  });
});

describe('more never costs less', () => {
  const side = fc.integer({ min: 64, max: 8192 });
  const count = fc.integer({ min: 1, max: 8 });
  const wish = fc.record({
    width: side,
    height: side,
    steps: fc.integer({ min: 1, max: 150 }),
    seconds: fc.integer({ min: 1, max: 60 }),
    tokens: fc.integer({ min: 1, max: 32_768 }),
    scale: fc.integer({ min: 2, max: 4 }),
    characters: fc.integer({ min: 1, max: 8000 }),
    bytes: fc.integer({ min: 1, max: 1e8 }),
    count,
  });
  type Wish = typeof wish extends fc.Arbitrary<infer W> ? W : never;

  const PRICES: Readonly<Record<string, (wish: Wish) => number>> = {
    image: ({ width, height, steps, count: n }) =>
      of('image', { width, height, steps }, { count: n }),
    enlarging: ({ scale, bytes, count: n }) =>
      of('image', { scale }, { count: n, files: [file({ bytes })] }),
    video: ({ width, height, steps, seconds, count: n }) =>
      of('video', { width, height, steps, seconds }, { count: n }),
    text: ({ tokens, characters, bytes, count: n }) =>
      of(
        'text',
        { max_tokens: tokens },
        { count: n, prompt: 'é'.repeat(characters), files: [file({ role: 'messages', bytes })] },
      ),
    speech: ({ characters, count: n }) =>
      of('audio', {}, { prompt: 'x'.repeat(characters), count: n }),
    sound: ({ seconds, count: n }) => of('audio', { seconds }, { usual: 20, count: n }),
    transcript: ({ seconds, count: n }) =>
      of('transcript', {}, { files: [file({ seconds: seconds * 60 })], count: n }),
  };

  test.each(Object.keys(PRICES))('%s', (kind) => {
    const priceOf = PRICES[kind]!;
    const least = {
      width: 64,
      height: 64,
      steps: 1,
      seconds: 1,
      tokens: 1,
      scale: 2,
      characters: 1000,
      bytes: 1,
      count: 1,
    };
    const moves = new Set<string>();
    fc.assert(
      fc.property(wish, wish, (one, other) => {
        const more = { ...one };
        for (const name of Object.keys(one) as (keyof Wish)[])
          more[name] = Math.max(one[name], other[name]);
        const [cheap, dear] = [priceOf(one), priceOf(more)];
        expect(Number.isSafeInteger(cheap) && cheap >= 50).toBe(true);
        expect(dear).toBeGreaterThanOrEqual(cheap);
        for (const name of Object.keys(one) as (keyof Wish)[])
          if (priceOf({ ...least, [name]: one[name] }) !== priceOf(least)) moves.add(name);
      }),
      AGAIN,
    );
    // A price that nothing moves is monotone, too.
    expect(moves.size).toBeGreaterThanOrEqual(2);
  });
});

test('bytes are those of UTF-8', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary' }), (text) => {
      expect(bytesOf(text)).toBe(Buffer.byteLength(text));
    }),
    AGAIN,
  );
});

test('a time limit grows with the work and is never under a minute', () => {
  expect(timeLimitMs(1, 1000)).toBe(60_000);
  expect(timeLimitMs(4, 10_000)).toBe(400_000);
});
