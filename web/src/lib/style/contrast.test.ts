// Text must be readable on what it stands on, by day and by night: WCAG AA, 4.5 to 1.
import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';

const css = readFileSync(new URL('./tokens.css', import.meta.url), 'utf8');
const MODES = ['light', 'dark'] as const;
const TEXT_MIN = 4.5;
// Borders of fields, and marks that carry meaning (WCAG 1.4.11).
const MARK_MIN = 3;

function colour(name: string, mode: (typeof MODES)[number]): number[] {
  const value = new RegExp(`--${name}: light-dark\\((#\\w{6}), (#\\w{6})\\)`).exec(css);
  const hex = value?.[mode === 'light' ? 1 : 2];
  if (!hex) throw new Error(`--${name} is not a pair of colours`);
  return [1, 3, 5].map((at) => parseInt(hex.slice(at, at + 2), 16) / 255);
}

const luminance = (rgb: number[]): number => {
  const [r = 0, g = 0, b = 0] = rgb.map((c) =>
    c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4,
  );
  return 0.2126 * r + 0.7152 * g + 0.0722 * b;
};

const contrast = (a: number[], b: number[]): number => {
  const [light = 0, dark = 0] = [luminance(a), luminance(b)].sort((x, y) => y - x);
  return (light + 0.05) / (dark + 0.05);
};

const HUES = ['clay', 'plum', 'pine', 'lapis', 'ochre'];
const TEXT: [string, string][] = [
  ...['paper', 'surface', 'raised', 'sunken'].flatMap((ground): [string, string][] => [
    ['ink', ground],
    ['muted', ground],
  ]),
  ...HUES.flatMap((hue): [string, string][] => [
    [hue, 'surface'],
    [hue, 'paper'],
    ['on-accent', hue],
  ]),
  ['good', 'surface'],
  ['bad', 'surface'],
];

test.each(MODES)('text is readable by %s', (mode) => {
  const poor = TEXT.map(([text, ground]) => ({
    pair: `${text} on ${ground}`,
    ratio: contrast(colour(text, mode), colour(ground, mode)),
  })).filter(({ ratio }) => ratio < TEXT_MIN);
  expect(poor).toEqual([]);
});

test.each(MODES)('text is readable on a wash of its own hue by %s', (mode) => {
  // Mixed in sRGB here, in Oklab by the browser; at 9 % the two differ by less than the margin.
  const poor = HUES.flatMap((hue) => {
    const surface = colour('surface', mode);
    const wash = colour(hue, mode).map((c, n) => 0.09 * c + 0.91 * (surface[n] ?? 0));
    return ['ink', 'muted', 'good', hue]
      .map((text) => ({ pair: `${text} on ${hue}`, ratio: contrast(colour(text, mode), wash) }))
      .filter(({ ratio }) => ratio < TEXT_MIN);
  });
  expect(poor).toEqual([]);
});

test.each(MODES)('the borders of fields can be seen by %s', (mode) => {
  for (const ground of ['surface', 'raised']) {
    expect(contrast(colour('line-strong', mode), colour(ground, mode))).toBeGreaterThan(MARK_MIN);
  }
});
