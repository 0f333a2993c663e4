// Sounds and films, without what they tell besides: their streams are kept as they are, tags are left out or blanked.
// Every reader stays within the bytes: what lies about its length ends in a RangeError.
import { Damaged } from '../bad-file.ts';
import { cleanFlac } from './flac.ts';
import { cleanMatroska } from './matroska.ts';
import { cleanMp4 } from './mp4.ts';
import { cleanMpegAudio } from './mpeg-audio.ts';
import { cleanOgg } from './ogg.ts';
import { cleanWav } from './wav.ts';

type Cleaner = (bytes: Buffer) => Buffer;

const CLEANERS: Readonly<Record<string, Cleaner>> = {
  'audio/wav': cleanWav,
  'audio/flac': cleanFlac,
  'audio/ogg': cleanOgg,
  'audio/mpeg': cleanMpegAudio,
  'audio/aac': cleanMpegAudio,
  'audio/mp4': cleanMp4,
  'video/mp4': cleanMp4,
  'video/quicktime': cleanMp4,
  'video/webm': cleanMatroska,
  'video/x-matroska': cleanMatroska,
};

export function cleanContainer(bytes: Buffer, mediaType: string): Buffer {
  const clean = CLEANERS[mediaType];
  if (!clean) throw new Damaged(`Files of the type ${mediaType} are not taken.`);
  return clean(bytes);
}
