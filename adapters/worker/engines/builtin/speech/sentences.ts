// What is written becomes what can be spoken: plain letters, in pieces of a breath's length.

/** A voice needs about a second for this much; longer pieces would make cancelling slow. */
const PIECE_CHARACTERS_MAX = 240;

const PLAIN: readonly (readonly [RegExp, string])[] = [
  [/[‘’‚‛]/g, "'"],
  [/[“”„«»]/g, '"'],
  [/\s*[–—]\s*/g, ', '],
  [/…/g, '...'],
  [/ß/g, 'ss'],
  [/[æÆ]/g, 'ae'],
  [/[øØ]/g, 'o'],
  [/&/g, ' and '],
  [/%/g, ' percent '],
];

/** Letters with marks lose them; what the voices cannot say at all is left out. */
export function toSpeakable(text: string): string {
  let plain = text;
  for (const [pattern, by] of PLAIN) plain = plain.replace(pattern, by);
  return plain
    .normalize('NFKD')
    .replace(/[^\x20-\x7e\n]/g, '')
    .replace(/[<>{}[\]|\\^~`_*#]/g, ' ')
    .replace(/[^\S\n]+/g, ' ')
    .trim();
}

export function splitSentences(text: string): string[] {
  const segments = new Intl.Segmenter('en', { granularity: 'sentence' }).segment(text);
  return [...segments]
    .flatMap(({ segment }) => segment.split('\n'))
    .flatMap((sentence) => splitLong(sentence.trim()))
    .filter((sentence) => /[a-z0-9]/i.test(sentence));
}

/** At a comma if there is one, else between words, else wherever the limit falls. */
function splitLong(sentence: string): string[] {
  if (sentence.length <= PIECE_CHARACTERS_MAX) return [sentence];
  const start = sentence.slice(0, PIECE_CHARACTERS_MAX);
  const comma = Math.max(start.lastIndexOf(', '), start.lastIndexOf('; '), start.lastIndexOf(': '));
  const space = start.lastIndexOf(' ');
  const end =
    comma > PIECE_CHARACTERS_MAX / 3 ? comma + 1 : space > 0 ? space : PIECE_CHARACTERS_MAX;
  return [sentence.slice(0, end).trim(), ...splitLong(sentence.slice(end).trim())];
}
