// A text as words that can be compared, whatever was done to them so that they could not: accents and fancy letters,
// look-alikes of other scripts, digits for letters, letters with gaps between them, letters repeated.

/** One word, in each way that it may be read; the first is as it stands. */
export type Word = readonly string[];

const JOINED_MAX = 24;
const SPELLED_MIN = 3;
const SPELLED_MAX = 40;
const READINGS_MAX = 16;

const LEET: Readonly<Record<string, readonly string[]>> = {
  '0': ['o'],
  '1': ['i', 'l'],
  '3': ['e'],
  '4': ['a'],
  '5': ['s'],
  '7': ['t'],
  '8': ['b'],
  '9': ['g'],
  '@': ['a'],
  $: ['s'],
  '€': ['e'],
  '!': ['i'],
  '|': ['l', 'i'],
  '+': ['t'],
};

/** Cyrillic and Greek letters beside the Latin ones that they look like. */
const LOOK_ALIKES = new Map([
  ...zip('авсеһіјкмнорѕтхуԁԛԝгпьѵɡ', 'abcehijkmhopstxydqwrnbvg'),
  ...zip('αβεηικνορτυχωγς', 'abenikvoptuxwyc'),
]);

function zip(from: string, to: string): [string, string][] {
  return [...from].map((letter, n) => [letter, to[n]!]);
}

/** In the order of the text. A text of n characters makes about n/5 words and never more than n. */
export function wordsOf(text: string): Word[] {
  const words: Word[] = [];
  let spelled: { readonly from: number; letters: string } | null = null;
  const endSpelling = (): void => {
    if (spelled && spelled.letters.length >= SPELLED_MIN)
      words[spelled.from] = [...words[spelled.from]!, ...spelledOut(spelled.letters)];
    spelled = null;
  };
  for (const [chunk, isApart] of chunksOf(plain(text))) {
    const parts = chunk.split(BETWEEN).map(trimmed).filter(Boolean);
    if (isApart || parts.length !== 1 || [...parts[0]!].length > 1) endSpelling();
    parts.forEach((part, n) => {
      const joined = n === 0 && parts.length > 1 ? parts.join('') : '';
      const whole = joined !== '' && joined.length <= JOINED_MAX ? readingsOf(joined) : [];
      words.push([...readingsOf(part), ...whole]);
    });
    if (parts.length !== 1 || [...parts[0]!].length > 1) continue;
    spelled ??= { from: words.length - 1, letters: '' };
    if (spelled.letters.length < SPELLED_MAX) spelled.letters += parts[0]!;
  }
  endSpelling();
  return words;
}

/** A word of a rule, the way the texts are folded that it is looked for in. */
export const folded = (word: string): string => plain(word);

/** Small letters without accents, and nothing that cannot be seen. */
const plain = (text: string): string =>
  text
    .normalize('NFKC')
    .toLowerCase()
    .normalize('NFD')
    .replace(/[\p{Mn}\p{Me}\p{Cf}]+/gu, '')
    .replaceAll('ß', 'ss');

/** What can stand for a letter belongs to a word. */
const BETWEEN = /[^\p{L}\p{N}@$€!|+]+/u;
const trimmed = (part: string): string => part.replace(/^[!|+]+|[!|+]+$/g, '');

/** What stands between spaces, and whether more than one space or a line's end comes before it. */
function* chunksOf(text: string): Generator<[chunk: string, isApart: boolean]> {
  for (const [, space = '', chunk = ''] of text.matchAll(/(\s*)(\S+)/gu))
    yield [chunk, space.length > 1 || space.includes('\n')];
}

function readingsOf(word: string): string[] {
  const readings = new Set([word]);
  const also = (make: (reading: string) => readonly string[]): void => {
    for (const reading of [...readings])
      for (const made of make(reading)) if (readings.size < READINGS_MAX) readings.add(made);
  };
  also(unleeted);
  also((reading) => latin(reading) ?? []);
  also((reading) =>
    /(\p{L})\1\1/u.test(reading)
      ? [reading.replace(/(\p{L})\1{2,}/gu, '$1'), reading.replace(/(\p{L})\1{2,}/gu, '$1$1')]
      : [],
  );
  return [...readings];
}

/** Where there are letters too: 1999 is a year, and 18 an age. */
function unleeted(word: string): readonly string[] {
  if (!/\p{L}/u.test(word) || !/[\d@$€!|+]/.test(word)) return [];
  const [first, second] = [0, 1].map((n) =>
    [...word].map((letter) => LEET[letter]?.[n] ?? LEET[letter]?.[0] ?? letter).join(''),
  );
  return [first!, second!];
}

/** Null where a letter of another script looks like none of ours: then it is a word of that script. */
function latin(word: string): [string] | null {
  const letters = [...word];
  if (!letters.some((letter) => LOOK_ALIKES.has(letter))) return null;
  const all = letters.map((letter) => LOOK_ALIKES.get(letter) ?? letter);
  return all.every((letter) => /[a-z\d]/.test(letter)) ? [all.join('')] : null;
}

/** Nobody spells letter by letter without a reason, so a word anywhere in it counts. */
function spelledOut(letters: string): string[] {
  const all = new Set<string>();
  for (const reading of readingsOf(letters))
    for (let from = 0; from + SPELLED_MIN <= reading.length; from++)
      for (let to = from + SPELLED_MIN; to <= reading.length; to++)
        all.add(reading.slice(from, to));
  return [...all];
}
