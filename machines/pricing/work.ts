// How big a job is, in standard outputs: what a model's `runMs` is the time of. It is what time limits, estimates
// and learned times go by. Not the price, which follows from what was said alone: a recording costs the same
// whatever its length, and takes its time.
//
//   image       pixels / 1024^2 x step class; enlarged: by the picture that is sent
//   video       seconds x pixels / 512^2 x step class x frames a second / 12
//   text        LLM tokens to write / 1000, and a tenth of those to read
//   audio       speech: characters / 1000 at usual speed; sound: seconds / the model's usual seconds
//   transcript  minutes
import type { ModelOffer } from '../contract/models.ts';
import type { AudioParams, ImageParams, TextParams, VideoParams } from '../contract/requests.ts';
import {
  CHARACTERS_PER_LLM_TOKEN,
  MEGAPIXEL,
  stepClass,
  VIDEO_PIXELS,
  type PricedRequest,
} from './price.ts';

const FPS = 12;
/** Reading is that much faster than writing, on any hardware. */
const READ_SHARE = 0.1;
const SCALE = 4;
/** About what a picture of 1024x1024 takes as a file. */
const PICTURE_BYTES = 1_000_000;

export interface SizedFile {
  readonly role: string;
  readonly bytes: number;
  /** Of a recording, as far as anybody knows. */
  readonly seconds: number | null;
}

export interface SizedRequest extends Omit<PricedRequest, 'inputs'> {
  readonly files: readonly SizedFile[];
}

const sum = (values: readonly number[]): number => values.reduce((all, each) => all + each, 0);

function units(request: SizedRequest, offer: Pick<ModelOffer, 'seconds'> | null): number {
  const { modality, prompt, files } = request;
  switch (modality) {
    case 'image': {
      const { width, height, steps, scale } = request.params as ImageParams;
      if (scale === undefined) return ((width * height) / MEGAPIXEL) * stepClass(steps);
      const pictures = sum(files.map(({ bytes }) => bytes)) / PICTURE_BYTES;
      return (scale / SCALE) ** 2 * Math.max(1, pictures);
    }
    case 'video': {
      const { width, height, seconds, fps, steps } = request.params as VideoParams;
      return ((seconds * width * height) / VIDEO_PIXELS) * stepClass(steps) * (fps / FPS);
    }
    case 'text': {
      const before = files.filter(({ role }) => role === 'messages').map(({ bytes }) => bytes);
      const read = (prompt.length + sum(before)) / CHARACTERS_PER_LLM_TOKEN;
      return ((request.params as TextParams).max_tokens + read * READ_SHARE) / 1000;
    }
    case 'audio': {
      const { seconds, speed } = request.params as AudioParams;
      const usual = offer?.seconds;
      if (usual !== undefined) return (seconds ?? usual) / usual;
      return prompt.length / 1000 / speed;
    }
    case 'transcript':
      return sum(files.map(({ seconds }) => seconds ?? 60)) / 60;
  }
}

/** @param offer null: no model was found for it */
export const workOf = (request: SizedRequest, offer: Pick<ModelOffer, 'seconds'> | null): number =>
  units(request, offer) * request.count;
