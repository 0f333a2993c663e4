// What a job costs: an upper bound known before the start. 1 token = 1000 millitokens = one 1024x1024
// image. One row per modality; amounts are integers, rounded up. What a person can see of a wish decides it; how
// long it takes is another question (work.ts).
//
//   image       pixels / 1024^2 x step class x count
//   video       seconds x pixels / 512^2 x count       (a second of 512x512 = 1 token)
//   text        LLM tokens / 1000 x count              (prompt and answer; 4 characters = 1 LLM token)
//   audio       characters / 1000 x count
//   transcript  1 token per input
import type { Modality } from '../contract/models.ts';
import type { ImageParams, JobParams, TextParams, VideoParams } from '../contract/requests.ts';

export const MEGAPIXEL = 1024 * 1024;
export const VIDEO_PIXELS = 512 * 512;
export const CHARACTERS_PER_LLM_TOKEN = 4;
/** Nothing is free: it keeps a flood of tiny jobs from costing nothing. */
const COST_MIN_MT = 50;

export interface PricedRequest {
  readonly modality: Modality;
  readonly params: JobParams;
  readonly prompt: string;
  readonly count: number;
  readonly inputs: number;
}

/** Many steps take longer than a standard image: up to 30 steps count once, then 1.5 and 2 times. */
export const stepClass = (steps: number | undefined): number =>
  steps === undefined || steps <= 30 ? 1 : steps <= 60 ? 1.5 : 2;

/** Tokens for one output, by modality. */
function units({ modality, params, prompt, inputs }: PricedRequest): number {
  switch (modality) {
    case 'image': {
      const { width, height, steps } = params as ImageParams;
      return ((width * height) / MEGAPIXEL) * stepClass(steps);
    }
    case 'video': {
      const { width, height, seconds, steps } = params as VideoParams;
      return ((seconds * width * height) / VIDEO_PIXELS) * stepClass(steps);
    }
    case 'text':
      return (
        (Math.ceil(prompt.length / CHARACTERS_PER_LLM_TOKEN) + (params as TextParams).max_tokens) /
        1000
      );
    case 'audio':
      return prompt.length / 1000;
    case 'transcript':
      return inputs;
  }
}

/** In millitokens. */
export const price = (request: PricedRequest): number =>
  Math.max(COST_MIN_MT, Math.ceil(units(request) * request.count * 1000));

/** An attempt may take ten times what a job of its size typically takes, but never under a minute. */
export const timeLimitMs = (work: number, runMs: number): number =>
  Math.ceil(Math.max(60_000, 10 * runMs * Math.max(work, 0.1)));
