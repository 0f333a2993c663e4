import { describe, expect, it } from 'vitest';
import { wordsOf } from './fold.ts';

/** Somewhere in the text, the word can be read. */
const reads = (text: string, word: string): boolean =>
  wordsOf(text).some((readings) => readings.includes(word));

describe('a word is read', () => {
  it.each([
    ['whatever its case', 'a HERON at dawn', 'heron'],
    ['without accents', 'un héron', 'heron'],
    ['in fancy letters', '𝖍𝖊𝖗𝖔𝖓 and ｈｅｒｏｎ', 'heron'],
    ['in circles', 'ⓗⓔⓡⓞⓝ', 'heron'],
    ['with what cannot be seen in it', 'he\u200br\u00adon', 'heron'],
    ['with marks heaped on it', 'h̶e̷r̸o̵n̴', 'heron'],
    ['with letters of other scripts', 'hеrоn', 'heron'],
    ['in Greek letters among ours', 'herοn', 'heron'],
    ['with digits for letters', 'h3r0n', 'heron'],
    ['with a one for an l', '1ighthouse', 'lighthouse'],
    ['with a one for an i', 'l1ghthouse', 'lighthouse'],
    ['with signs for letters', 'p@r@de of $wans', 'parade'],
    ['with a sign at the beginning', 'p@r@de of $wans', 'swans'],
    ['with gaps', 'h e r o n', 'heron'],
    ['with gaps, among others', 'draw h e r o n please', 'heron'],
    ['with gaps, two words in one', 'o n e h e r o n', 'heron'],
    ['with points between', 'h.e.r.o.n', 'heron'],
    ['with one sign in it', 'her-on', 'heron'],
    ['with stars in it', 'h*e*r*o*n', 'heron'],
    ['with letters repeated', 'heeeerooon', 'heron'],
    ['with a letter that stands there twice', 'bottttle', 'bottle'],
    ['before an exclamation mark', 'heron!!!', 'heron'],
    ['after a point without a space', 'dawn.Heron', 'heron'],
    ['with ss for ß', 'STRASSE straße', 'strasse'],
    ['in its own script', 'Ещё одна ЦАПЛЯ', 'цапля'],
    ['with gaps and digits', 'h 3 r 0 n', 'heron'],
  ])('%s: %s', (_, text, word) => {
    expect(reads(text, word)).toBe(true);
  });

  it('as it stands first of all', () => {
    expect(wordsOf('Two herons, 1999')).toEqual([['two'], ['herons'], ['1999']]);
  });
});

describe('a word is not read', () => {
  it.each([
    ['inside another', 'chaperone', 'heron'],
    ['over the end of another', 'the roni', 'heron'],
    ['where lines and double spaces are between', 'h e  r o n', 'heron'],
    ['in a number', '43r0', 'hero'],
    ['where letters of another script look like none of ours', 'цапля', 'lapla'],
  ])('%s: %s', (_, text, word) => {
    expect(reads(text, word)).toBe(false);
  });
});

it('takes a long text in its stride, and any text at all', () => {
  expect(wordsOf('x '.repeat(4000)).length).toBe(4000);
  expect(wordsOf('@1'.repeat(4000))).toHaveLength(1);
  expect(wordsOf('')).toEqual([]);
  expect(wordsOf('\u{1F9A2} \u{E0001} !!! ---')).toEqual([]);
});
