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
    const fits = last !== undefined && (last + piece).trim().length <= charactersMax;
    if (fits) parts[parts.length - 1] += piece;
    // Marks alone have no sound, and are no part of their own.
    else if (SPOKEN.test(piece)) parts.push(piece);
  }
  return parts.filter((part) => SPOKEN.test(part)).map((part) => part.trim());
}

/** Letters and figures: what a voice needs time for. */
export const spokenCharacters = (text: string): number => text.match(/[\p{L}\p{N}]/gu)?.length ?? 0;

/** With the spaces between them: put together they are the text again. */
const sentencesOf = (text: string): string[] =>
  [...new Intl.Segmenter('und', { granularity: 'sentence' }).segment(text)].map(
    ({ segment }) => segment,
  );

/** Cut at the last comma that fits, else between words, else between letters. */
function shorten(sentence: string, charactersMax: number): string[] {
  const pieces: string[] = [];
  let rest = sentence;
  while (rest.trim().length > charactersMax) {
    const end = endOfPiece(rest, charactersMax);
    pieces.push(rest.slice(0, end));
    rest = rest.slice(end);
  }
  return [...pieces, rest];
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
