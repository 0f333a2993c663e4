// A text in parts that are spoken one after the other: whole sentences, as many as fit. Progress then moves, a
// cancelled job stops soon, and a part that the server leaves out is noticed.

const SPOKEN = /[\p{L}\p{N}]/u;
/** A pause in a long sentence, where a voice may draw breath. */
const PAUSES = [/[,;:，、；：—–]\s*/gu, /\s+/gu];

/** Empty where nothing in the text can be spoken. */
export function splitText(text: string, charactersMax: number): string[] {
  const parts: string[] = [];
  for (const piece of sentencesOf(text).flatMap((sentence) => shorten(sentence, charactersMax))) {
    const last = parts.at(-1);
    // Marks alone have no sound: they end the sentence before them.
    const joined = last === undefined ? piece : `${last} ${piece}`;
    if (last === undefined || (joined.length > charactersMax && SPOKEN.test(piece)))
      parts.push(piece);
    else parts[parts.length - 1] = joined;
  }
  return parts.filter((part) => SPOKEN.test(part));
}

/** Letters and figures: what a voice needs time for. */
export const spokenCharacters = (text: string): number => text.match(/[\p{L}\p{N}]/gu)?.length ?? 0;

const sentencesOf = (text: string): string[] =>
  [...new Intl.Segmenter('und', { granularity: 'sentence' }).segment(text)]
    .map(({ segment }) => segment.trim())
    .filter((sentence) => sentence !== '');

/** Cut at the last comma that fits, else between words, else between letters. */
function shorten(sentence: string, charactersMax: number): string[] {
  const pieces: string[] = [];
  let rest = sentence;
  while (rest.length > charactersMax) {
    const end = endOfPiece(rest, charactersMax);
    pieces.push(rest.slice(0, end).trim());
    rest = rest.slice(end).trim();
  }
  return rest === '' ? pieces : [...pieces, rest];
}

function endOfPiece(text: string, charactersMax: number): number {
  const start = text.slice(0, charactersMax);
  for (const pause of PAUSES) {
    const ends = [...start.matchAll(pause)].map((match) => match.index + match[0].length);
    const end = ends.findLast((each) => each > charactersMax / 3);
    if (end !== undefined) return end;
  }
  const isHalfALetter = /[\ud800-\udbff]$/.test(start);
  return isHalfALetter ? charactersMax - 1 : charactersMax;
}
