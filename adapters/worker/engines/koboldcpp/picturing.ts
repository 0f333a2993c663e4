// Pictures, by the route that A1111 made common.
import { z } from 'zod';
import {
  EngineFailure,
  type EngineJob,
  type EngineOutput,
} from '../../../../machines/contract/engine.ts';
import { imageParams } from '../../../../machines/contract/requests.ts';
import type { Piece } from './blocking.ts';
import { paramsOf } from './params.ts';
import { plainDescription } from './plain-words.ts';
import type { ImageModel } from './settings.ts';

const CHANGE_DEFAULT = 0.6;
/** It cuts a longer prompt at this length, without a word. */
const PROMPT_BYTES_MAX = 3000;
const pictures = z.looseObject({ images: z.array(z.string()) });

export interface PictureRequest extends Piece {
  readonly facts: Readonly<Record<string, string | number>>;
}

export function pictureOf(job: EngineJob, model: ImageModel, seed: number): PictureRequest {
  const params = paramsOf(imageParams, job);
  const { width, height, steps = model.steps, guidance = model.guidance } = params;
  if (width * height > model.pixelsMax)
    throw invalid(`A picture may have at most ${model.pixelsMax} pixels.`);
  if (width % 64 !== 0 || height % 64 !== 0)
    throw invalid('The width and the height must be multiples of 64.');
  if (steps > model.stepsMax) throw invalid(`At most ${model.stepsMax} steps can be taken.`);
  if (Buffer.byteLength(job.prompt) > PROMPT_BYTES_MAX)
    throw invalid(`The prompt of a picture may have at most ${PROMPT_BYTES_MAX} bytes.`);
  if (job.prompt.trim() === '') throw invalid('There is nothing to draw: the prompt is empty.');
  if (params.style !== undefined || params.loras !== undefined || params.scale !== undefined)
    throw invalid('This model has no styles and no adaptations, and does not enlarge.');
  const image = job.inputs.find(({ role }) => role === 'image');
  return {
    path: image ? '/sdapi/v1/img2img' : '/sdapi/v1/txt2img',
    body: {
      prompt: plainDescription(job.prompt),
      negative_prompt: plainDescription(params.negative_prompt ?? ''),
      width,
      height,
      steps,
      cfg_scale: guidance,
      seed,
      ...(image && {
        init_images: [Buffer.from(image.bytes).toString('base64')],
        denoising_strength: params.strength ?? CHANGE_DEFAULT,
      }),
    },
    facts: { seed, steps, guidance },
  };
}

export function imageOf(bytes: Uint8Array, { facts }: PictureRequest): EngineOutput {
  const answer = pictures.safeParse(parse(bytes));
  const png = Buffer.from(answer.data?.images[0] ?? '', 'base64');
  const isPng = png.length > 33 && png.readUInt32BE(0) === 0x89504e47;
  if (!isPng) throw new EngineFailure('outputInvalid', 'KoboldCPP answered without a picture.');
  return {
    mediaType: 'image/png',
    bytes: png,
    width: png.readUInt32BE(16),
    height: png.readUInt32BE(20),
    facts,
  };
}

function parse(bytes: Uint8Array): unknown {
  try {
    return JSON.parse(new TextDecoder().decode(bytes)) as unknown;
  } catch {
    return null;
  }
}

const invalid = (sentence: string) => new EngineFailure('invalidInput', sentence);
