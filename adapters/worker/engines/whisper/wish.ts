// What a job wants, checked before anything is done for it.
import { EngineFailure, type EngineJob } from '../../../../machines/contract/engine.ts';
import { transcriptParams, type TranscriptParams } from '../../../../machines/contract/requests.ts';
import { languageOf } from './languages.ts';
import type { WhisperModel } from './settings.ts';
import type { Transcript } from './transcript.ts';

export interface Wish {
  readonly params: TranscriptParams;
  readonly language: string | null;
  readonly task: Transcript['task'];
}

export function wishOf({ modality, params, count }: EngineJob, model: WhisperModel): Wish {
  if (modality !== 'transcript')
    throw new EngineFailure('unsupported', `${model.name} makes transcripts, not ${modality}.`);
  const checked = transcriptParams.safeParse(params);
  if (!checked.success)
    throw new EngineFailure('invalidInput', 'The parameters of this transcript are not valid.');
  if (count !== 1)
    throw new EngineFailure('invalidInput', 'A recording has one transcript. Ask for one.');
  const { translate = false, language } = checked.data;
  if (translate && !model.canTranslate)
    throw new EngineFailure('unsupported', `${model.name} cannot translate.`);
  return {
    params: checked.data,
    language: languageOf(language),
    task: translate ? 'translate' : 'transcribe',
  };
}

export function recordingOf({ inputs }: EngineJob): Uint8Array {
  const input = inputs.find(({ role }) => role === 'audio') ?? (inputs.length === 1 && inputs[0]);
  if (!input || input.bytes.byteLength === 0)
    throw new EngineFailure(
      'invalidInput',
      'There is no recording. Send one as the input `audio`.',
    );
  return input.bytes;
}
