// The skill of the moving model: the scene of a picture at many moments, seen by a slow camera.
import { EngineFailure, type EngineJob } from '../../../../../machines/contract/engine.ts';
import { videoParams } from '../../../../../machines/contract/requests.ts';
import { readParams, type Craft } from '../craft.ts';
import { createAtlas } from '../image/atlas.ts';
import { encodePreview, readStyle } from '../image/craft.ts';
import { openStudio } from '../image/picture.ts';
import { hashText } from '../random.ts';
import { encodeMp4, hasFfmpeg } from './ffmpeg.ts';
import type { Film } from './film.ts';
import { encodeWebp } from './webp.ts';

export interface MotionCraftOptions {
  readonly tableSize: number;
  readonly octaves: number;
  readonly pixelsMax: number;
  readonly secondsMax: number;
  readonly stepsMax: number;
}

/** All frames together. A film beyond it gets fewer frames a second, and its facts say so. */
const FILM_PIXELS_MAX = 64 * 1024 * 1024;
const FPS_MIN = 4;

export function createMotionCraft(options: MotionCraftOptions): Craft {
  const atlas = createAtlas(options.tableSize, options.octaves);
  return {
    bytes: atlas.bytes,
    run: async (job, { report, check }) => {
      const wish = readWish(job, options);
      const { width, height, seconds, fps, steps } = wish;
      report({ type: 'started' });
      const studio = openStudio({ ...wish, prompt: job.prompt, atlas });
      const frameCount = Math.max(2, Math.round(seconds * fps));
      // H.264 halves the colour's resolution: it cannot do odd sizes.
      const isMp4 = width % 2 === 0 && height % 2 === 0 && (await hasFfmpeg());
      async function* frames() {
        for (let frame = 0; frame < frameCount; frame += 1) {
          check();
          const moment = studio.moment((frame * seconds) / frameCount, seconds, steps, check);
          const preview = { mediaType: 'image/jpeg', bytes: await encodePreview(moment.preview()) };
          // The last share belongs to the encoder.
          const fraction = ((frame + 1) / frameCount) * 0.97;
          report({ type: 'progress', fraction, step: frame + 1, steps: frameCount, preview });
          yield moment.bytes;
        }
      }
      const film: Film = { width, height, seconds, frameCount, frames };
      const bytes = isMp4 ? await encodeMp4(film) : await encodeWebp(film);
      check();
      report({ type: 'progress', fraction: 1, step: frameCount, steps: frameCount });
      const mediaType = isMp4 ? 'video/mp4' : 'image/webp';
      const facts = {
        seed: wish.seed,
        frames: frameCount,
        fps: Math.round((frameCount / seconds) * 100) / 100,
        ...studio.facts,
      };
      return [{ mediaType, bytes, width, height, seconds, facts }];
    },
  };
}

function readWish(job: EngineJob, options: MotionCraftOptions) {
  const { width, height, seconds, fps, steps = 1, style, seed } = readParams(videoParams, job);
  if (width * height > options.pixelsMax) {
    throw new EngineFailure(
      'invalidInput',
      `At most ${options.pixelsMax} pixels a frame fit; ${width} x ${height} is more.`,
    );
  }
  if (seconds > options.secondsMax)
    throw new EngineFailure('invalidInput', `At most ${options.secondsMax} seconds are possible.`);
  if (steps > options.stepsMax)
    throw new EngineFailure(
      'invalidInput',
      `At most ${options.stepsMax} steps a frame are possible.`,
    );
  const affordable = Math.max(FPS_MIN, Math.floor(FILM_PIXELS_MAX / (width * height * seconds)));
  return {
    width,
    height,
    seconds,
    steps,
    fps: Math.min(fps, affordable),
    style: readStyle(style),
    seed: seed ?? hashText(job.id),
  };
}
