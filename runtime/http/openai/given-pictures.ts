// The pictures of an edit as the models here take them: each in a slot of its own, and the mask white where it is
// clear in the client's, for OpenAI's masks say by transparency what may change.
import sharp from 'sharp';
import type { JobRequestInput } from '../../../machines/contract/requests.ts';
import type { Host } from '../../host.ts';
import { invalid } from '../../refusals.ts';
import { takeFile } from '../routes/blobs.ts';
import type { Form } from './forms.ts';
import { bytesOfBlob } from './results.ts';

/** In the order of the pictures; what a model has no slot for, it refuses. */
const ROLES = ['image', 'second_image', 'third_image', 'fourth_image'] as const;
const PIXELS_MAX = 40_000_000;
/** As many pixels as are usual; sides of which models can do something. */
const PIXELS_USUAL = 1024 * 1024;
const BLOCK = 64;
const SIDES = { min: 64, max: 8192 };

export interface GivenPictures {
  readonly inputs: NonNullable<JobRequestInput['inputs']>;
  /** As wide and high as the first one, as far as that is usual. */
  readonly size: string;
}

/** @throws Refused */
export async function picturesOf(
  host: Host,
  accountId: string,
  files: Form['files'],
): Promise<GivenPictures> {
  const images = files['image'] ?? [];
  const [first] = images;
  if (first === undefined)
    throw invalid('Send the picture.', [{ at: '/image', reason: 'is missing' }]);
  if (images.length > ROLES.length)
    throw invalid(`At most ${ROLES.length} pictures are changed at a time.`, [
      { at: '/image', reason: `is there ${images.length} times` },
    ]);
  const [mask] = files['mask'] ?? [];
  const inputs = images.map((blob, n) => ({ role: ROLES[n]!, blob }));
  const size = await sizeOf(await bytesOfBlob(host, first));
  if (mask === undefined) return { inputs, size };
  const white = await whiteWhereClear(await bytesOfBlob(host, mask));
  const { id } = await takeFile(host, accountId, once(white));
  return { inputs: [...inputs, { role: 'mask', blob: id }], size };
}

async function sizeOf(picture: Buffer): Promise<string> {
  const { autoOrient } = await read('/image', () =>
    sharp(picture, { limitInputPixels: PIXELS_MAX }).metadata(),
  );
  const { width, height } = autoOrient;
  const scale = Math.min(1, Math.sqrt(PIXELS_USUAL / (width * height)));
  const side = (length: number): number => {
    const whole = Math.floor((length * scale) / BLOCK) * BLOCK;
    return Math.min(SIDES.max, Math.max(SIDES.min, whole));
  };
  return `${side(width)}x${side(height)}`;
}

/** One without transparency is taken as it is: white where something may change. */
async function whiteWhereClear(mask: Buffer): Promise<Buffer> {
  const picture = () => sharp(mask, { limitInputPixels: PIXELS_MAX });
  const { hasAlpha } = await read('/mask', () => picture().metadata());
  if (!hasAlpha) return mask;
  return read('/mask', () => picture().extractChannel('alpha').negate().png().toBuffer());
}

async function read<T>(at: string, look: () => Promise<T>): Promise<T> {
  try {
    return await look();
  } catch {
    throw invalid('A picture cannot be read.', [{ at, reason: 'is not a picture we can read' }]);
  }
}

async function* once(bytes: Buffer): AsyncGenerator<Buffer> {
  yield bytes;
}
