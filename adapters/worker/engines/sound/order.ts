// What a job asks of a maker of sound, checked before the server hears of it.
import { EngineFailure, type EngineJob } from '../../../../machines/contract/engine.ts';
import { audioParams } from '../../../../machines/contract/requests.ts';
import type { SoundModel } from './settings.ts';
import type { SoundOrder } from './wire.ts';

const SEEDS = 2 ** 32;

/** One order for each sound that is asked for: one after the other needs the least memory. */
export function readOrders(job: EngineJob, model: SoundModel, random: () => number): SoundOrder[] {
  const params = audioParams.safeParse(job.params);
  if (!params.success) {
    const [issue] = params.error.issues;
    throw refused(`The parameters are not valid: ${issue?.path.join('.')} ${issue?.message}.`);
  }
  const { format, lyrics, seconds = model.seconds } = params.data;
  const { seed = Math.floor(random() * SEEDS) } = params.data;
  if (!model.formats.includes(format))
    throw refused(`${model.name} can only be had as ${model.formats.join(', ')}.`);
  if (seconds < model.secondsMin || seconds > model.secondsMax)
    throw refused(`${model.name} makes ${model.secondsMin} to ${model.secondsMax} seconds.`);
  if (job.count < 1 || job.count > model.countMax)
    throw refused(`${model.name} makes at most ${model.countMax} at once.`);
  if (lyrics !== undefined && !model.sings)
    throw refused(`${model.name} does not sing: leave out the lyrics.`);
  if (job.prompt.trim() === '') throw refused('There is no word of what it should sound like.');
  if (job.prompt.length > model.charactersMax)
    throw refused(`${model.name} takes at most ${model.charactersMax} characters.`);
  const { prompt, isSafe = false } = job;
  return Array.from({ length: job.count }, (_, index) => ({
    ...{ model, prompt, lyrics, seconds, format, isSafe },
    seed: (seed + index) % SEEDS,
  }));
}

const refused = (sentence: string) => new EngineFailure('invalidInput', sentence);
