// What a job costs: an upper bound known before the start, held at the submit. 1 token = 1000 millitokens = one
// 1024x1024 image. One row per modality; amounts are integers, rounded up. Of this delivered.ts keeps what came.
//
//   image       pixels / 1024^2 x step class x count
//   enlarging   (times as wide / 4)^2 x megabytes of the picture, 1 at least
//   video       seconds x pixels / 512^2 x step class x count      (a second of 512x512 = 1 token)
//   text        LLM tokens / 1000 x count                          (to read: a quarter of the bytes; to write: the most)
//   speech      characters / 1000 x count
//   sound       seconds / 10 x count                               (asked for, or what the model makes by itself)
//   transcript  minutes, a tenth at least
//
// What a person can see of a wish decides it; how long it takes is another question (work.ts).
import type { ModelOffer } from '../contract/models.ts';
import type {
  AudioParams,
  ImageParams,
  JobParams,
  TextParams,
  VideoParams,
} from '../contract/requests.ts';
import type { Modality } from '../contract/models.ts';

export const MEGAPIXEL = 1024 * 1024;
export const VIDEO_PIXELS = 512 * 512;
export const BYTES_PER_LLM_TOKEN = 4;
export const SOUND_SECONDS = 10;
/** About what a picture of 1024x1024 takes as a file. */
export const PICTURE_BYTES = 1_000_000;
export const SCALE = 4;
/** Nothing is free: it keeps a flood of tiny jobs from costing nothing. */
export const COST_MIN_MT = 50;

/** A file that the job works on. */
export interface SizedFile {
  readonly role: string;
  readonly bytes: number;
  /** Of a recording, as far as anybody knows. */
  readonly seconds: number | null;
}

export interface SizedRequest {
  readonly modality: Modality;
  readonly params: JobParams;
  readonly prompt: string;
  readonly count: number;
  readonly files: readonly SizedFile[];
}

/** Of the model: `seconds` says that it makes sounds of that length where none is asked for. */
export type SizedOffer = Pick<ModelOffer, 'seconds'> | null;

export const sum = (values: readonly number[]): number =>
  values.reduce((all, each) => all + each, 0);

/** Many steps take longer than a standard image: up to 30 steps count once, then 1.5 and 2 times. */
export const stepClass = (steps: number | undefined): number =>
  steps === undefined || steps <= 30 ? 1 : steps <= 60 ? 1.5 : 2;

/** As UTF-8, which is nearer to what a model reads than characters: most scripts have more than one byte each. */
export function bytesOf(text: string): number {
  let bytes = 0;
  for (const character of text) {
    const code = character.codePointAt(0)!;
    bytes += code < 0x80 ? 1 : code < 0x800 ? 2 : code < 0x10000 ? 3 : 4;
  }
  return bytes;
}

/** LLM tokens that a text job has to read: its prompt, and the messages before it. */
export function llmTokensToRead({ prompt, files }: Pick<SizedRequest, 'prompt' | 'files'>): number {
  const before = files.filter(({ role }) => role === 'messages').map(({ bytes }) => bytes);
  return Math.ceil((bytesOf(prompt) + sum(before)) / BYTES_PER_LLM_TOKEN);
}

export const pictureUnits = (files: readonly SizedFile[], scale: number): number =>
  (scale / SCALE) ** 2 * Math.max(1, sum(files.map(({ bytes }) => bytes)) / PICTURE_BYTES);

/** Tokens for one output. */
function units(request: SizedRequest, offer: SizedOffer): number {
  const { modality, prompt, files } = request;
  switch (modality) {
    case 'image': {
      const { width, height, steps, scale } = request.params as ImageParams;
      if (scale !== undefined) return pictureUnits(files, scale);
      return ((width * height) / MEGAPIXEL) * stepClass(steps);
    }
    case 'video': {
      const { width, height, seconds, steps } = request.params as VideoParams;
      return ((seconds * width * height) / VIDEO_PIXELS) * stepClass(steps);
    }
    case 'text':
      return (llmTokensToRead(request) + (request.params as TextParams).max_tokens) / 1000;
    case 'audio': {
      if (offer?.seconds === undefined) return prompt.length / 1000;
      return ((request.params as AudioParams).seconds ?? offer.seconds) / SOUND_SECONDS;
    }
    case 'transcript':
      return Math.max(0.1, sum(files.map(({ seconds }) => seconds ?? 60)) / 60);
  }
}

/**
 * In millitokens.
 * @param offer null: no model was found for it
 */
export const price = (request: SizedRequest, offer: SizedOffer): number =>
  Math.max(COST_MIN_MT, Math.ceil(units(request, offer) * request.count * 1000));

/** An attempt may take ten times what a job of its size typically takes, but never under a minute. */
export const timeLimitMs = (work: number, runMs: number): number =>
  Math.ceil(Math.max(60_000, 10 * runMs * Math.max(work, 0.1)));
