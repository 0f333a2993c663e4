import { expect, test } from 'vitest';
import { splitSentences, toSpeakable } from './sentences.ts';

test('keeps what voices can say and turns the rest into it', () => {
  expect(toSpeakable('“Übung” – naïve… 5% & more')).toBe('"Ubung", naive... 5 percent and more');
  expect(toSpeakable('emoji 🦊 and 日本')).toBe('emoji and');
});

test('splits at sentences and lines, and leaves out what has no sound', () => {
  expect(splitSentences('One. Two!\nThree\n...\n')).toEqual(['One.', 'Two!', 'Three']);
});

test('breaks what is too long at commas, at spaces, at last anywhere', () => {
  const byComma = `${'word '.repeat(30)}here, ${'word '.repeat(30)}end.`;
  expect(splitSentences(byComma)[0]).toMatch(/here,$/);
  for (const text of [byComma, 'word '.repeat(300), 'x'.repeat(1000)]) {
    const pieces = splitSentences(text);
    expect(Math.max(...pieces.map(({ length }) => length))).toBeLessThanOrEqual(240);
    expect(pieces.join('').replaceAll(' ', '')).toBe(text.replaceAll(' ', ''));
  }
});
