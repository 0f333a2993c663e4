// What a job asks of a voice, checked before the server hears of it: only voices that it listed, only formats that
// it can send, and a text with something to say.
import { EngineFailure, type EngineJob } from '../../../../machines/contract/engine.ts';
import { audioParams } from '../../../../machines/contract/requests.ts';
import type { SoundFormat } from '../sound-files/probe.ts';
import { FLAVOURS, type FlavourName } from './flavours.ts';
import type { SpeechModel } from './settings.ts';
import { spokenCharacters, splitText } from './text-parts.ts';

export interface SpeechWish {
  readonly parts: readonly string[];
  readonly format: SoundFormat;
  readonly speed: number;
  readonly voice: string | undefined;
  readonly seed: number | undefined;
}

/** Shorter parts need less memory; sentences still stay whole where they can. */
const SAFE_SHARE = 0.4;

export const formatsOf = (model: SpeechModel, flavour: FlavourName): readonly SoundFormat[] =>
  model.formats ?? FLAVOURS[flavour].formats;

export function readWish(
  job: EngineJob,
  model: SpeechModel,
  flavour: FlavourName,
  voices: readonly string[],
): SpeechWish {
  const params = audioParams.safeParse(job.params);
  if (!params.success) {
    const [issue] = params.error.issues;
    throw refused(`The parameters are not valid: ${issue?.path.join('.')} ${issue?.message}.`);
  }
  const { format, speed, seed } = params.data;
  const formats = formatsOf(model, flavour);
  if (!formats.includes(format))
    throw refused(`${model.name} can only be had as ${formats.join(', ')}.`);
  if (job.count !== 1) throw refused(`${model.name} speaks a text once at a time.`);
  const voice = chooseVoice(params.data.voice, model, voices);
  return { parts: partsOf(job, model, format), format, speed, voice, seed };
}

function chooseVoice(asked: string | undefined, model: SpeechModel, voices: readonly string[]) {
  if (asked === undefined) return model.voice ?? voices[0];
  if (voices.includes(asked)) return asked;
  const some = voices.slice(0, 8).join(', ');
  throw refused(
    voices.length === 0
      ? `${model.name} has no voices to choose from.`
      : `${model.name} has no such voice. Choose one of: ${some}${voices.length > 8 ? ', …' : ''}.`,
  );
}

function partsOf(job: EngineJob, model: SpeechModel, format: SoundFormat): readonly string[] {
  const { prompt, isSafe = false } = job;
  if (prompt.length > model.charactersMax)
    throw refused(`${model.name} speaks at most ${model.charactersMax} characters at once.`);
  if (spokenCharacters(prompt) === 0) throw refused('There is nothing in this text to be spoken.');
  const isJoined = format === 'wav' || format === 'mp3';
  if (!isJoined) {
    if (prompt.length <= model.wholeCharactersMax) return [prompt];
    throw refused(
      `Texts of more than ${model.wholeCharactersMax} characters can be had as wav or mp3 only.`,
    );
  }
  const share = isSafe ? SAFE_SHARE : 1;
  return splitText(prompt, Math.max(40, Math.round(model.partCharactersMax * share)));
}

const refused = (sentence: string) => new EngineFailure('invalidInput', sentence);
