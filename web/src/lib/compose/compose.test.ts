import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { AccountView, DryRunView } from '../../../../machines/contract/views.ts';
import { fallsWithin, NUMBER_PARAMETERS } from './parameters.ts';
import { priceWords } from './price.ts';
import { DETAILS, fitPixels, nearest, SHAPES, sizeOf } from './sizes.ts';

describe('sizes', () => {
  const shapeAndSide = [fc.constantFrom(...SHAPES), fc.constantFrom(...DETAILS)] as const;

  test('every choice is in blocks of 64, within the limit, and recognized again', () => {
    const property = fc.property(...shapeAndSide, (shape, { side }) => {
      const size = sizeOf(shape, side);
      expect([size.width % 64, size.height % 64]).toEqual([0, 0]);
      expect(nearest(size)).toEqual({ shape, side });
      expect(Math.abs(Math.log(size.width / size.height / shape.ratio))).toBeLessThan(0.1);
    });
    fc.assert(property);
  });

  test('no shape exceeds the pixels of a model, at any limit from 256 × 256', () => {
    const limit = fc.integer({ min: 256 * 256, max: 4_000_000 });
    const property = fc.property(...shapeAndSide, limit, (shape, { side }, pixelsMax) => {
      const { width, height } = sizeOf(shape, side, pixelsMax);
      expect(width * height).toBeLessThanOrEqual(pixelsMax);
      expect(Math.min(width, height)).toBeGreaterThanOrEqual(64);
    });
    fc.assert(property);
  });

  test('a size that fits is left alone', () => {
    expect(fitPixels({ width: 500, height: 333 }, 1_000_000)).toEqual({ width: 500, height: 333 });
  });
});

describe('numbers', () => {
  const parameter = (name: string) => {
    const found = Object.values(NUMBER_PARAMETERS)
      .flat()
      .find((each) => each.name === name);
    if (!found) throw new Error(`no ${name}`);
    return found;
  };

  test('are brought within bounds, and made whole where they must be', () => {
    expect(fallsWithin(parameter('steps'), 40, 90)).toBe(40);
    expect(fallsWithin(parameter('steps'), 40, 12.6)).toBe(13);
    expect(fallsWithin(parameter('seed'), parameter('seed').max, -5)).toBe(0);
    expect(fallsWithin(parameter('temperature'), 2, 0.35)).toBe(0.35);
  });
});

describe('the price line', () => {
  const account = {
    available_millitokens: 400,
    resets_at: '2026-11-24T00:00:00Z',
  } as AccountView;
  const quote = (affordable: boolean, eta: DryRunView['eta'] = null): DryRunView => ({
    object: 'dry_run',
    model: 'sketch',
    params: {},
    cost: { tokens: 1, millitokens: 1000, charged_millitokens: null },
    affordable,
    cancel: {
      ...{ free_s: 5, free_until: null, millitokens_per_s: 100, max_millitokens: 1000 },
      words: '',
    },
    eta,
  });
  const now = Date.parse('2026-11-23T22:48:00Z');
  const say = (given: { quote?: DryRunView | null; sentence?: string | null }) =>
    priceWords({ quote: null, sentence: null, account, now, ...given });

  test('tells the price and how long it takes', () => {
    expect(say({ quote: quote(true) }).text).toBe('1 token');
    const ready = (min_s: number, max_s: number, start: number | null = 0) => {
      const eta = { min_s, max_s, start_min_s: start, start_max_s: start, reason: '' };
      return say({ quote: quote(true, eta) }).text;
    };
    expect(ready(6, 11)).toBe('1 token, ready in about 6 to 11 s');
    expect(ready(0.4, 3)).toBe('1 token, ready within 3 s');
    expect(ready(0.1, 0.9)).toBe('1 token, ready in a moment');
    expect(ready(6, 11, null)).toBe('1 token');
  });

  test('tells what is missing and when there will be more', () => {
    expect(say({ quote: quote(false) })).toEqual({
      tone: 'short',
      text: 'This takes 1 token; you have 0.4. New tokens in 1 h 12 min.',
    });
  });

  test('a problem comes first, and silence is empty', () => {
    const sentence = 'Write a few words first.';
    expect(say({ quote: quote(true), sentence })).toEqual({ tone: 'problem', text: sentence });
    expect(say({}).text).toBe('');
  });
});
