// Which kind of recording a file is, by its first bytes and never by a name. The list is closed: a playlist or a
// script that points elsewhere is no recording, and a converter is told the kind instead of guessing it.

export interface AudioKind {
  readonly name: string;
  readonly extension: string;
  readonly mediaType: string;
  /** How ffmpeg names what reads it. */
  readonly demuxer: string;
}

const kind = (name: string, extension: string, mediaType: string, demuxer: string): AudioKind => ({
  name,
  extension,
  mediaType,
  demuxer,
});

const WAV = kind('WAV', 'wav', 'audio/wav', 'wav');
const MP3 = kind('MP3', 'mp3', 'audio/mpeg', 'mp3');
const FLAC = kind('FLAC', 'flac', 'audio/flac', 'flac');
const OGG = kind('Ogg', 'ogg', 'audio/ogg', 'ogg');
const MP4 = kind('MP4', 'm4a', 'audio/mp4', 'mov');
const WEBM = kind('WebM', 'webm', 'audio/webm', 'matroska');
const AAC = kind('AAC', 'aac', 'audio/aac', 'aac');
const AIFF = kind('AIFF', 'aiff', 'audio/aiff', 'aiff');
const AMR = kind('AMR', 'amr', 'audio/amr', 'amr');

export function kindOf(file: Uint8Array): AudioKind | null {
  const head = Buffer.from(file.subarray(0, 16)).toString('latin1');
  if (/^(RIFF|RF64)....WAVE/s.test(head)) return WAV;
  if (head.startsWith('ID3')) return MP3;
  if (head.startsWith('fLaC')) return FLAC;
  if (head.startsWith('OggS')) return OGG;
  if (head.slice(4, 8) === 'ftyp') return MP4;
  if (head.startsWith('\x1aE\xdf\xa3')) return WEBM;
  if (/^FORM....AIF[FC]/s.test(head)) return AIFF;
  if (head.startsWith('#!AMR')) return AMR;
  return bySync(file);
}

/** MPEG frames begin with eleven ones; what follows tells AAC from MP3 and both from chance. */
function bySync(file: Uint8Array): AudioKind | null {
  const [first, second = 0, third = 0] = file;
  if (first !== 0xff) return null;
  if ((second & 0xf6) === 0xf0) return AAC;
  const isLayer = (second & 0xe0) === 0xe0 && (second & 0x06) !== 0 && (second & 0x18) !== 0x08;
  const isRate = (third & 0xf0) !== 0xf0 && (third & 0x0c) !== 0x0c;
  return isLayer && isRate ? MP3 : null;
}
