// What a file is, by its first bytes (and, where it has an end of its own, by its last).
import type { Modality } from '../../../../machines/contract/models.ts';

export interface Kind {
  readonly mediaType: string;
  readonly extension: string;
  readonly serves: readonly Modality[];
}

const PICTURE = ['image'] as const;
/** Pictures that may move. */
const MOVING = ['image', 'video'] as const;
const FILM = ['video'] as const;
const SOUND = ['audio'] as const;

export function sniff(bytes: Uint8Array): Kind | null {
  const file = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const text = (from: number, to: number) => file.toString('latin1', from, to);
  const kind = (mediaType: string, extension: string, serves: Kind['serves']) => ({
    mediaType,
    extension,
    serves,
  });
  if (file.length < 16) return null;
  if (text(0, 8) === '\x89PNG\r\n\x1a\n')
    return text(file.length - 8, file.length - 4) === 'IEND'
      ? kind('image/png', 'png', PICTURE)
      : null;
  if (text(0, 2) === '\xff\xd8')
    return text(file.length - 2, file.length) === '\xff\xd9'
      ? kind('image/jpeg', 'jpg', PICTURE)
      : null;
  if (text(0, 4) === 'RIFF') {
    // The length in its head may leave out a byte of padding.
    if (file.readUInt32LE(4) + 8 > file.length) return null;
    if (text(8, 12) === 'WEBP') return kind('image/webp', 'webp', MOVING);
    return text(8, 12) === 'WAVE' ? kind('audio/wav', 'wav', SOUND) : null;
  }
  if (/^GIF8[79]a$/.test(text(0, 6))) return kind('image/gif', 'gif', MOVING);
  if (text(4, 8) === 'ftyp') return kind('video/mp4', 'mp4', FILM);
  if (text(0, 4) === '\x1a\x45\xdf\xa3') return kind('video/webm', 'webm', FILM);
  if (text(0, 4) === 'fLaC') return kind('audio/flac', 'flac', SOUND);
  if (text(0, 4) === 'OggS') return kind('audio/ogg', 'opus', SOUND);
  if (text(0, 3) === 'ID3' || (file[0] === 0xff && (file[1]! & 0xe0) === 0xe0))
    return kind('audio/mpeg', 'mp3', SOUND);
  return null;
}
