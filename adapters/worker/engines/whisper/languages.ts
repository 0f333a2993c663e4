// The languages that Whisper was trained on, by code and by the English names that servers answer with.
import { EngineFailure } from '../../../../machines/contract/engine.ts';

const NAMES = new Map(
  `en english|zh chinese|de german|es spanish|ru russian|ko korean|fr french|ja japanese|pt portuguese|tr turkish|
pl polish|ca catalan|nl dutch|ar arabic|sv swedish|it italian|id indonesian|hi hindi|fi finnish|vi vietnamese|
he hebrew|uk ukrainian|el greek|ms malay|cs czech|ro romanian|da danish|hu hungarian|ta tamil|no norwegian|th thai|
ur urdu|hr croatian|bg bulgarian|lt lithuanian|la latin|mi maori|ml malayalam|cy welsh|sk slovak|te telugu|
fa persian|lv latvian|bn bengali|sr serbian|az azerbaijani|sl slovenian|kn kannada|et estonian|mk macedonian|
br breton|eu basque|is icelandic|hy armenian|ne nepali|mn mongolian|bs bosnian|kk kazakh|sq albanian|sw swahili|
gl galician|mr marathi|pa punjabi|si sinhala|km khmer|sn shona|yo yoruba|so somali|af afrikaans|oc occitan|
ka georgian|be belarusian|tg tajik|sd sindhi|gu gujarati|am amharic|yi yiddish|lo lao|uz uzbek|fo faroese|
ht haitian creole|ps pashto|tk turkmen|nn nynorsk|mt maltese|sa sanskrit|lb luxembourgish|my myanmar|bo tibetan|
tl tagalog|mg malagasy|as assamese|tt tatar|haw hawaiian|ln lingala|ha hausa|ba bashkir|jw javanese|su sundanese|
yue cantonese`
    .replaceAll('\n', '')
    .split('|')
    .map((line) => [line.slice(0, line.indexOf(' ')), line.slice(line.indexOf(' ') + 1)] as const),
);
const CODES = new Map([...NAMES].map(([code, name]) => [name, code]));

/** Written without spaces between words. */
const UNSPACED = new Set(['zh', 'ja', 'th', 'lo', 'my', 'km', 'bo', 'yue']);

/** `en`, `en-GB` and `English` mean the same; `auto` or nothing means that the server finds out. */
export function languageOf(given: string | undefined): string | null {
  const wish = given?.trim().toLowerCase() ?? 'auto';
  if (wish === 'auto' || wish === '') return null;
  const code = codeOf(wish) ?? codeOf(wish.split(/[-_]/)[0]!);
  if (code === null)
    throw new EngineFailure(
      'invalidInput',
      'Whisper does not know this language. Name it by its code, such as en or pt, or leave it out.',
    );
  return code;
}

/** Of what a server says; null when it says nothing that is known. */
export function codeOf(said: string): string | null {
  const name = said.trim().toLowerCase();
  return NAMES.has(name) ? name : (CODES.get(name) ?? null);
}

export const nameOf = (code: string): string => NAMES.get(code) ?? code;

export const hasSpaces = (code: string | null): boolean => code === null || !UNSPACED.has(code);
