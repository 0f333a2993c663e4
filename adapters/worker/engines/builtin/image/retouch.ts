// The skill of changing pictures: what the words say is drawn as a picture of its own and laid over the given one,
// where the mask is white, or thinly over all of it.
import sharp from 'sharp';
import {
  EngineFailure,
  type EngineJob,
  type EngineOutput,
} from '../../../../../machines/contract/engine.ts';
import { imageParams } from '../../../../../machines/contract/requests.ts';
import { readParams, type Craft } from '../craft.ts';
import { createAtlas } from './atlas.ts';
import { encodePicture, encodePreview, readWish, type ImageCraftOptions } from './craft.ts';
import { MASK_ROLE, PICTURE_ROLES } from './input-roles.ts';
import { createPicture } from './picture.ts';

/** Where there is no mask: how much is seen of what is new. */
const STRENGTH_USUAL = 0.5;
/** The edge of a mask is softened by this share of the longer side. */
const FEATHER = 0.004;
const PIXELS_MAX = 64_000_000;

export function createRetouchCraft(options: ImageCraftOptions): Craft {
  const atlas = createAtlas(options.tableSize, options.octaves);
  return {
    bytes: atlas.bytes,
    run: async (job, { report, check }) => {
      const { width, height, steps, style, seed } = readWish(job, options);
      const { strength = STRENGTH_USUAL } = readParams(imageParams, job);
      report({ type: 'started' });
      const ground = await groundOf(job, width, height);
      const share = (await maskOf(job, width, height)) ?? strength;
      const outputs: EngineOutput[] = [];
      for (let index = 0; index < job.count; index += 1) {
        const ownSeed = (seed + index) >>> 0;
        const picture = await createPicture({
          ...{ prompt: job.prompt, seed: ownSeed, style, width, height, steps, atlas, check },
          onStep: async (step, soFar) => {
            check();
            const preview = { mediaType: 'image/jpeg', bytes: await encodePreview(soFar()) };
            const fraction = (index + step / steps) / job.count;
            report({ type: 'progress', fraction, step, steps, preview });
          },
        });
        const bytes = await encodePicture(
          ...([laid(picture.bytes, ground, share), width, height, job.prompt] as const),
        );
        const facts = { seed: ownSeed, steps, ...picture.facts };
        outputs.push({ mediaType: 'image/png', bytes, width, height, facts });
      }
      return outputs;
    },
  };
}

/** The given pictures side by side, each as high as the whole. */
async function groundOf(job: EngineJob, width: number, height: number): Promise<Uint8Array> {
  const given = PICTURE_ROLES.flatMap(
    (role) => job.inputs.find((input) => input.role === role)?.bytes ?? [],
  );
  if (given.length === 0) throw new EngineFailure('invalidInput', 'There is no picture to change.');
  const edges = Array.from({ length: given.length + 1 }, (_, n) =>
    Math.round((n * width) / given.length),
  );
  const strips = await Promise.all(
    given.map(async (bytes, n) => {
      const size = { width: edges[n + 1]! - edges[n]!, height };
      const input = await readable(() =>
        sharp(bytes, { limitInputPixels: PIXELS_MAX })
          .rotate()
          .resize({ ...size, fit: 'cover' })
          .flatten({ background: '#fff' })
          .toColourspace('srgb')
          .png()
          .toBuffer(),
      );
      return { input, left: edges[n]!, top: 0 };
    }),
  );
  return sharp({ create: { width, height, channels: 3, background: '#fff' } })
    .composite(strips)
    .removeAlpha()
    .raw()
    .toBuffer();
}

/** 0 to 255 for each pixel; null without a mask. */
async function maskOf(job: EngineJob, width: number, height: number): Promise<Uint8Array | null> {
  const mask = job.inputs.find(({ role }) => role === MASK_ROLE);
  if (!mask) return null;
  const feather = Math.max(0.3, Math.max(width, height) * FEATHER);
  return readable(() =>
    sharp(mask.bytes, { limitInputPixels: PIXELS_MAX })
      .flatten({ background: '#000' })
      .resize({ width, height, fit: 'fill' })
      .toColourspace('b-w')
      .blur(feather)
      .extractChannel(0)
      .raw()
      .toBuffer(),
  );
}

async function readable(read: () => Promise<Buffer>): Promise<Buffer> {
  try {
    return await read();
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    throw new EngineFailure('invalidInput', `A picture could not be read: ${why}.`);
  }
}

function laid(drawn: Uint8Array, ground: Uint8Array, share: Uint8Array | number): Uint8Array {
  const bytes = new Uint8Array(drawn.length);
  for (let at = 0; at < bytes.length; at += 1) {
    const part = typeof share === 'number' ? share : share[Math.floor(at / 3)]! / 255;
    bytes[at] = Math.round(ground[at]! + (drawn[at]! - ground[at]!) * part);
  }
  return bytes;
}
