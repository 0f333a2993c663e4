// How big a job is, in standard outputs: what a model's `runMs` is the time of. It is what time limits, estimates
// and learned times go by. Not the price: reading a text costs as much as writing one, and takes a tenth of it; a
// film of more frames costs the same, and takes longer.
//
//   image       pixels / 1024^2 x step class; enlarged: by the picture that is sent
//   video       seconds x pixels / 512^2 x step class x frames a second / 12
//   text        LLM tokens to write / 1000, and a tenth of those to read
//   audio       speech: characters / 1000 at usual speed; sound: seconds / the model's usual seconds
//   transcript  minutes
import type { ModelOffer } from '../contract/models.ts';
import type { AudioParams, ImageParams, TextParams, VideoParams } from '../contract/requests.ts';
import {
  llmTokensToRead,
  MEGAPIXEL,
  pictureUnits,
  stepClass,
  sum,
  VIDEO_PIXELS,
  type SizedRequest,
} from './price.ts';

const FPS = 12;
/** Reading is that much faster than writing, on any hardware. */
const READ_SHARE = 0.1;

function units(request: SizedRequest, offer: Pick<ModelOffer, 'seconds'> | null): number {
  const { modality, prompt, files } = request;
  switch (modality) {
    case 'image': {
      const { width, height, steps, scale } = request.params as ImageParams;
      if (scale !== undefined) return pictureUnits(files, scale);
      return ((width * height) / MEGAPIXEL) * stepClass(steps);
    }
    case 'video': {
      const { width, height, seconds, fps, steps } = request.params as VideoParams;
      return ((seconds * width * height) / VIDEO_PIXELS) * stepClass(steps) * (fps / FPS);
    }
    case 'text': {
      const { max_tokens } = request.params as TextParams;
      return (max_tokens + llmTokensToRead(request) * READ_SHARE) / 1000;
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
