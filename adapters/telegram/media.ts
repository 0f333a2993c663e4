// A result as Telegram takes it: what is too large is made smaller, what it does not show is made something it does.
import sharp from 'sharp';

/** Of the public server. */
export const LIMITS = {
  photoBytes: 10 * 1024 * 1024,
  fileBytes: 50 * 1024 * 1024,
  downloadBytes: 20 * 1024 * 1024,
  /** Width and height together. */
  photoSides: 10_000,
  photoRatio: 20,
  captionLength: 1024,
  textLength: 4096,
  albumMax: 10,
} as const;

export type MediaKind = 'photo' | 'video' | 'animation' | 'audio' | 'document';

export interface Media {
  readonly kind: MediaKind;
  readonly bytes: Buffer;
  readonly name: string;
  readonly width?: number;
  readonly height?: number;
  readonly seconds?: number;
}

export interface Result {
  readonly bytes: Buffer;
  readonly mediaType: string;
  readonly name: string;
  readonly width?: number | undefined;
  readonly height?: number | undefined;
  readonly seconds?: number | undefined;
}

/** Null: Telegram takes it in no form. */
export async function fit(result: Result): Promise<Media | null> {
  const { mediaType } = result;
  if (mediaType.startsWith('image/')) return fitImage(result);
  const kind =
    mediaType === 'video/mp4' ? 'video' : mediaType.startsWith('audio/') ? 'audio' : 'document';
  return whole(result, kind);
}

/** As it was made. Null: it is too large for that. */
export const asFile = (result: Result): Media | null => whole(result, 'document');

function whole(result: Result, kind: MediaKind): Media | null {
  const { bytes, name, width, height, seconds } = result;
  if (bytes.byteLength > LIMITS.fileBytes) return null;
  return {
    ...{ kind, bytes, name },
    ...(width === undefined ? {} : { width }),
    ...(height === undefined ? {} : { height }),
    ...(seconds === undefined ? {} : { seconds }),
  };
}

async function fitImage(result: Result): Promise<Media | null> {
  const { pages = 1, format } = await sharp(result.bytes).metadata();
  if (pages > 1) return fitAnimation(result, format === 'gif');
  const { width = 0, height = 0, bytes } = result;
  const isShown =
    width + height <= LIMITS.photoSides &&
    Math.max(width, height) <= Math.min(width, height) * LIMITS.photoRatio;
  if (!isShown) return whole(result, 'document');
  const isTaken = /^image\/(png|jpeg)$/.test(result.mediaType);
  if (isTaken && bytes.byteLength <= LIMITS.photoBytes) return whole(result, 'photo');
  for (const quality of [92, 80]) {
    const smaller = await sharp(bytes).flatten({ background: '#fff' }).jpeg({ quality }).toBuffer();
    if (smaller.byteLength <= LIMITS.photoBytes)
      return whole({ ...result, bytes: smaller, name: renamed(result.name, 'jpg') }, 'photo');
  }
  return whole(result, 'document');
}

/** Telegram plays GIF (and MP4) in the chat, animated WebP it does not. */
async function fitAnimation(result: Result, isGif: boolean): Promise<Media | null> {
  if (isGif) return whole(result, 'animation');
  const bytes = await sharp(result.bytes, { animated: true }).gif({ effort: 3 }).toBuffer();
  return whole({ ...result, bytes, name: renamed(result.name, 'gif') }, 'animation');
}

const renamed = (name: string, extension: string): string =>
  `${name.replace(/\.[^.]+$/, '')}.${extension}`;

const EXTENSIONS: Readonly<Record<string, string>> = {
  'image/png': 'png',
  'image/jpeg': 'jpg',
  'image/webp': 'webp',
  'image/gif': 'gif',
  'video/mp4': 'mp4',
  'video/webm': 'webm',
  'audio/wav': 'wav',
  'audio/mpeg': 'mp3',
  'text/plain': 'txt',
};
export const fileName = (job: string, n: number, mediaType: string): string =>
  `${job}-${n + 1}.${EXTENSIONS[mediaType] ?? 'bin'}`;
