// A picture, decoded and drawn anew: what was hidden in it, before it or behind it is gone, and so is all that it tells
// besides its pixels. Which way up it is and its colours are kept by turning and converting it.
import sharp, { type Metadata } from 'sharp';
import { Damaged, TooLarge } from './bad-file.ts';

export const PIXELS_MAX = 40_000_000;
export const FRAMES_MAX = 300;
const QUALITY = 95;

/** By media type: what the decoder calls it, and whether it can move. */
const KINDS = {
  'image/png': ['png', false],
  'image/jpeg': ['jpeg', false],
  'image/webp': ['webp', true],
  'image/gif': ['gif', true],
  'image/avif': ['heif', false],
} as const satisfies Record<string, readonly [format: string, canMove: boolean]>;

// Decoders that nothing here is meant for: not even a mistake can reach them.
sharp.block({ operation: ['VipsForeignLoad'] });
sharp.unblock({
  operation: ['Jpeg', 'Png', 'Webp', 'Nsgif', 'Heif'].map((kind) => `VipsForeignLoad${kind}File`),
});
sharp.cache(false);
sharp.concurrency(1);

export const isPicture = (mediaType: string): mediaType is keyof typeof KINDS => mediaType in KINDS;

/** @returns the media type of what was written */
export async function cleanPicture(
  from: string,
  to: string,
  mediaType: keyof typeof KINDS,
): Promise<string> {
  const [format, canMove] = KINDS[mediaType];
  // Truncated counts as an error; a decoder's mere warnings do not.
  const options = { limitInputPixels: PIXELS_MAX, failOn: 'error', animated: canMove } as const;
  const head = await sharp(from, { ...options, limitInputPixels: false })
    .metadata()
    .catch(() => {
      throw damaged();
    });
  if (head.format !== format) throw damaged();
  refuseTooLarge(head);
  const upright = sharp(from, options).autoOrient().toColourspace('srgb');
  const drawn =
    mediaType === 'image/jpeg'
      ? upright.jpeg({ quality: QUALITY, chromaSubsampling: '4:4:4' })
      : mediaType === 'image/webp'
        ? upright.webp({ quality: QUALITY })
        : mediaType === 'image/gif'
          ? upright.gif()
          : upright.png();
  await drawn.toFile(to).catch((error: Error) => {
    if (/pixel limit/.test(error.message)) throw tooLarge();
    throw damaged();
  });
  // AVIF takes minutes to write.
  return mediaType === 'image/avif' ? 'image/png' : mediaType;
}

function refuseTooLarge({ width, height, pages = 1, pageHeight = height }: Metadata): void {
  if (pages > FRAMES_MAX)
    throw new TooLarge(`The picture has ${pages} frames; ${FRAMES_MAX} at most are taken.`);
  if (width * pageHeight * pages > PIXELS_MAX) throw tooLarge();
}

const tooLarge = () =>
  new TooLarge(
    `The picture has more than ${PIXELS_MAX / 1e6} megapixels, all its frames together. Make it smaller.`,
  );

const damaged = () => new Damaged('The picture is damaged, cut off, or not what it begins as.');
