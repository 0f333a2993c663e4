// The skill of an image model: checks the wish, makes the pictures, shows them while they form.
import sharp from 'sharp';
import {
  EngineFailure,
  type EngineJob,
  type EngineOutput,
} from '../../../../../machines/contract/engine.ts';
import { imageParams } from '../../../../../machines/contract/requests.ts';
import { readParams, type Craft } from '../craft.ts';
import { hashText } from '../random.ts';
import { createAtlas } from './atlas.ts';
import { toBytes } from './finish.ts';
import { createPicture } from './picture.ts';
import type { Raster } from './raster.ts';
import { isStyle, STYLES, type Style } from './style-names.ts';

export interface ImageCraftOptions {
  readonly tableSize: number;
  readonly octaves: number;
  readonly stepsDefault: number;
  readonly stepsMax: number;
  readonly pixelsMax: number;
}

export function createImageCraft(options: ImageCraftOptions): Craft {
  const atlas = createAtlas(options.tableSize, options.octaves);
  return {
    bytes: atlas.bytes,
    run: async (job, { report, check }) => {
      const { width, height, steps, style, seed } = readWish(job, options);
      report({ type: 'started' });
      const outputs: EngineOutput[] = [];
      for (let index = 0; index < job.count; index += 1) {
        const ownSeed = (seed + index) >>> 0;
        const onStep = async (step: number, soFar: () => Raster) => {
          check();
          const preview = { mediaType: 'image/jpeg', bytes: await encodePreview(soFar()) };
          report({
            type: 'progress',
            fraction: (index + step / steps) / job.count,
            step,
            steps,
            preview,
          });
        };
        const picture = await createPicture({
          prompt: job.prompt,
          seed: ownSeed,
          style,
          width,
          height,
          steps,
          atlas,
          check,
          onStep,
        });
        const facts = { seed: ownSeed, steps, ...picture.facts };
        const bytes = await encodePicture(picture.bytes, width, height, job.prompt);
        outputs.push({ mediaType: 'image/png', bytes, width, height, facts });
      }
      return outputs;
    },
  };
}

export function readWish(job: EngineJob, options: ImageCraftOptions) {
  const params = readParams(imageParams, job);
  const { width, height, style } = params;
  const steps = params.steps ?? options.stepsDefault;
  if (width * height > options.pixelsMax) {
    throw new EngineFailure(
      'invalidInput',
      `At most ${options.pixelsMax} pixels fit; ${width} x ${height} is more.`,
    );
  }
  if (steps > options.stepsMax)
    throw new EngineFailure('invalidInput', `At most ${options.stepsMax} steps are possible.`);
  // Without a seed, the job's own name is one: a second attempt draws the same picture.
  return {
    width,
    height,
    steps,
    style: readStyle(style),
    seed: params.seed ?? hashText(job.id),
  };
}

export function readStyle(style: string | undefined): Style | undefined {
  if (style === undefined || isStyle(style)) return style;
  throw new EngineFailure(
    'invalidInput',
    `There is no style ${style}. Choose one of: ${STYLES.join(', ')}.`,
  );
}

export async function encodePreview(screen: Raster): Promise<Uint8Array> {
  const { width, height } = screen;
  return sharp(toBytes(screen), { raw: { width, height, channels: 3 } })
    .jpeg({ quality: 78 })
    .toBuffer();
}

export async function encodePicture(
  bytes: Uint8Array,
  width: number,
  height: number,
  prompt: string,
): Promise<Uint8Array> {
  return sharp(bytes, { raw: { width, height, channels: 3 } })
    .withExif({
      IFD0: { ImageDescription: prompt.slice(0, 2000), Software: 'Tessera built-in sketch engine' },
    })
    .png({ compressionLevel: 6 })
    .toBuffer();
}
