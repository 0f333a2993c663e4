// The catalogue: whole in every language, alike in its values, and without a word that is written elsewhere.
import { FluentResource } from '@fluent/bundle';
import { describe, expect, it } from 'vitest';
import { FAILURE_CODES } from '../../../machines/contract/failures.ts';
import { LANGUAGES, sourceOf, tamed, Texts, textsFor } from './texts.ts';

const valuesIn = (value: unknown): string[] => {
  if (typeof value !== 'object' || value === null) return [];
  const { type, name } = value as { type?: string; name?: string };
  const inner = Object.values(value).flatMap(valuesIn);
  return type === 'var' && name !== undefined ? [name, ...inner] : inner;
};
const messages = (source: string) =>
  new Map(
    new FluentResource(source).body.map(({ id, value }) => [id, new Set(valuesIn(value))] as const),
  );
const english = messages(sourceOf('en'));

describe.each(LANGUAGES)('%s', (language) => {
  it('has every message of English, with the same values, and no others', () => {
    const own = messages(sourceOf(language));
    expect([...own.keys()].sort()).toEqual([...english.keys()].sort());
    for (const [key, values] of own)
      expect([key, [...values].sort()]).toEqual([key, [...english.get(key)!].sort()]);
  });

  it('says every failure', () => {
    const texts = textsFor(language);
    for (const code of FAILURE_CODES) expect(texts.say(`failure-${code}`)).not.toBe('');
  });

  it('counts as its people do', () => {
    const texts = textsFor(language);
    expect(texts.tokens(1_000)).toMatch(/^1 \S+$/);
    expect(texts.tokens(1_500)).toMatch(language === 'en' ? /^1\.5 / : /^1,5 /);
    // One Token, two Token.
    const isAlike = texts.tokens(1_000) === texts.tokens(2_000).replace('2', '1');
    expect(isAlike).toBe(language === 'de');
    expect(texts.span(40)).toContain('40');
    expect(texts.span(7_500)).toMatch(/2.*5/);
  });
});

/** Every letter as another one that looks like it, and a third longer, as translations are. */
const pseudo = (source: string): string =>
  source
    .split('\n')
    .map((line) => {
      const match = /^([a-z][\w-]*\s*=|\s+\*?\[[^\]]+\]|\s+)(.*)$/i.exec(line);
      if (!match || line.startsWith('#')) return line;
      return (
        match[1]! +
        match[2]!.replace(
          /(^|\})([^{}]+)(?=\{|$)/g,
          (_all, before: string, text: string) =>
            before + text.replace(/[a-z]/g, (letter) => PSEUDO[letter] ?? letter),
        )
      );
    })
    .join('\n');
const PSEUDO: Readonly<Record<string, string>> = {
  a: 'á',
  c: 'ç',
  e: 'é',
  g: 'ĝ',
  i: 'í',
  n: 'ñ',
  o: 'ö',
  r: 'ř',
  s: 'š',
  u: 'ü',
  y: 'ý',
  z: 'ž',
};

it('can be said in a language that nobody speaks: no text is built of pieces', () => {
  const texts = new Texts('en', [pseudo(sourceOf('en'))]);
  for (const [key, names] of english) {
    const values = Object.fromEntries(
      [...names].map((name) => [name, name === 'n' || name === 'position' ? 3 : 'VALUE']),
    );
    const said = texts.say(key, values);
    expect([key, said.replaceAll('VALUE', '').match(/[aceginorsuyz]{4,}/)?.[0]]).toEqual([
      key,
      undefined,
    ]);
  }
});

it('falls back to English, for a language that is not there and for none', () => {
  expect(textsFor('xx').language).toBe('en');
  expect(textsFor(undefined).language).toBe('en');
  expect(textsFor('de-AT').language).toBe('de');
  expect(() => textsFor('en').say('no-such-text')).toThrow('no-such-text');
});

it('lets no stranger turn its text around', () => {
  expect(tamed('abc\u202ecba\u2066x\u2069\u200b')).toBe('abccbax');
  expect(tamed('שלום')).toBe('\u2068שלום\u2069');
});
