// A picture in the format that was asked for. What is stored is as the engine made it.
import sharp from 'sharp';

export const PICTURE_FORMATS = ['png', 'jpeg', 'webp'] as const;
export type PictureFormat = (typeof PICTURE_FORMATS)[number];

/** As large as any result here, and no larger. */
const PIXELS_MAX = 64_000_000;
const QUALITY_USUAL = 90;

/** @param quality of what is compressed with losses, 0 to 100 */
export async function pictureIn(
  format: PictureFormat,
  stored: { readonly bytes: Buffer; readonly mediaType: string },
  quality: number = QUALITY_USUAL,
): Promise<Buffer> {
  if (stored.mediaType === `image/${format}`) return stored.bytes;
  const picture = sharp(stored.bytes, { limitInputPixels: PIXELS_MAX });
  if (format === 'png') return picture.png().toBuffer();
  const lossy = { quality: Math.max(1, quality) };
  // JPEG has no transparency: what was clear would be black.
  if (format === 'jpeg') return picture.flatten({ background: '#fff' }).jpeg(lossy).toBuffer();
  return picture.webp(lossy).toBuffer();
}
