import { expect, it } from 'vitest';
import { spokenCharacters, splitText } from './text-parts.ts';

const lettersOf = (text: string) => text.replace(/\s/g, '');

it('keeps sentences whole and puts as many together as fit', () => {
  const text = 'One two three. Four five six! Seven eight nine?\n\nTen.';
  expect(splitText(text, 30)).toEqual([
    'One two three. Four five six!',
    'Seven eight nine?\n\nTen.',
  ]);
  expect(splitText(text, 400)).toHaveLength(1);
});

it('loses no letter and exceeds no limit, whatever the text', () => {
  const texts = [
    `${'word '.repeat(30)}here, ${'word '.repeat(30)}end.`,
    'x'.repeat(1000),
    '今日は天気がいいです。'.repeat(40),
    'Ein Satz mit, vielen, Kommas '.repeat(20),
    '🦊'.repeat(90) + ' fox',
  ];
  for (const text of texts) {
    const parts = splitText(text, 101);
    expect(Math.max(...parts.map(({ length }) => length))).toBeLessThanOrEqual(101);
    expect(spokenCharacters(parts.join(''))).toBe(spokenCharacters(text));
    expect(parts.every((part) => part.isWellFormed())).toBe(true);
  }
  expect(lettersOf(splitText(texts[0]!, 101).join(''))).toBe(lettersOf(texts[0]!));
});

it('makes no part of what has no sound', () => {
  expect(splitText('… — !!!', 100)).toEqual([]);
  expect(splitText('Well. ... ?! Yes.', 8)).toEqual(['Well.', 'Yes.']);
  expect(splitText(`Stop ${'!'.repeat(500)}`, 40)).toHaveLength(1);
});
