// What a file is, told by its first bytes: what a client or a worker calls it is not believed.

/** As many bytes as `mediaTypeOf` wants to see. */
export const HEAD_BYTES = 64;

const at = (head: Buffer, offset: number, text: string): boolean =>
  head.subarray(offset, offset + text.length).equals(Buffer.from(text, 'latin1'));

const riff = (kind: string) => (head: Buffer) => at(head, 0, 'RIFF') && at(head, 8, kind);
const brand =
  (...brands: string[]) =>
  (head: Buffer) =>
    at(head, 4, 'ftyp') && brands.some((each) => at(head, 8, each));
/** EBML: the document type stands a few bytes in. */
const ebml = (kind: string) => (head: Buffer) =>
  at(head, 0, '\x1a\x45\xdf\xa3') && head.includes(kind, 0, 'latin1');
const mpegAudio = (head: Buffer): boolean => {
  const [first = 0, second = 0] = head;
  return at(head, 0, 'ID3') || (first === 0xff && (second & 0xe6) === 0xe2);
};
/** AAC in ADTS frames. */
const adts = (head: Buffer): boolean => head[0] === 0xff && ((head[1] ?? 0) & 0xf6) === 0xf0;

const SIGNATURES: readonly (readonly [mediaType: string, is: (head: Buffer) => boolean])[] = [
  ['image/png', (head) => at(head, 0, '\x89PNG\r\n\x1a\n')],
  ['image/jpeg', (head) => at(head, 0, '\xff\xd8\xff')],
  ['image/webp', riff('WEBP')],
  ['image/gif', (head) => at(head, 0, 'GIF87a') || at(head, 0, 'GIF89a')],
  ['image/avif', brand('avif', 'avis')],
  ['audio/wav', riff('WAVE')],
  ['audio/ogg', (head) => at(head, 0, 'OggS')],
  ['audio/flac', (head) => at(head, 0, 'fLaC')],
  ['audio/mp4', brand('M4A ', 'M4B ')],
  ['video/quicktime', brand('qt  ')],
  [
    'video/mp4',
    brand('isom', 'iso2', 'iso4', 'iso5', 'iso6', 'mp41', 'mp42', 'avc1', 'M4V ', 'dash'),
  ],
  ['video/webm', ebml('webm')],
  ['video/x-matroska', ebml('matroska')],
  ['audio/aac', adts],
  ['audio/mpeg', mpegAudio],
];

/** Null when it is none of the images, sounds and films that are known here. */
export const mediaTypeOf = (head: Buffer): string | null =>
  SIGNATURES.find(([, is]) => is(head))?.[0] ?? null;

const EXTENSIONS = new Map([
  ['image/png', 'png'],
  ['image/jpeg', 'jpg'],
  ['image/webp', 'webp'],
  ['image/gif', 'gif'],
  ['image/avif', 'avif'],
  ['audio/wav', 'wav'],
  ['audio/ogg', 'ogg'],
  ['audio/flac', 'flac'],
  ['audio/mp4', 'm4a'],
  ['audio/aac', 'aac'],
  ['audio/mpeg', 'mp3'],
  ['video/quicktime', 'mov'],
  ['video/mp4', 'mp4'],
  ['video/webm', 'webm'],
  ['video/x-matroska', 'mkv'],
  ['text/plain', 'txt'],
  ['text/vtt', 'vtt'],
  ['application/x-subrip', 'srt'],
  ['application/json', 'json'],
]);

/** Types that a browser shows without ever running anything in them; the rest is only downloaded. */
export const isShown = (mediaType: string): boolean => EXTENSIONS.has(mediaType);

export const extensionOf = (mediaType: string): string => EXTENSIONS.get(mediaType) ?? 'bin';

/** `a-heron-at-dawn-1.png`: the first words of what was asked. */
export function fileNameOf(prompt: string, n: number, mediaType: string): string {
  const words = prompt
    .normalize('NFKD')
    .toLowerCase()
    .match(/[a-z0-9]+/g);
  const name = words?.slice(0, 6).join('-').slice(0, 60) || 'tessera';
  return `${name}${n === 0 ? '' : `-${n + 1}`}.${extensionOf(mediaType)}`;
}
