// The voices of a server: asked for when the models are, kept for the checks of a job.
import { EngineFailure } from '../../../../machines/contract/engine.ts';
import { jsonOf } from '../engine-answers.ts';
import type { Caller } from '../http-call.ts';
import { FLAVOURS, type Flavour } from './flavours.ts';
import type { SpeechModel, SpeechSettings } from './settings.ts';

const VOICES_MAX = 200;

export interface Voices {
  /** Asks the server anew. */
  refresh(model: SpeechModel): Promise<readonly string[]>;
  /** As last heard. */
  of(model: SpeechModel): Promise<readonly string[]>;
}

export function createVoices(settings: SpeechSettings, caller: Caller): Voices {
  const heard = new Map<string, readonly string[]>();
  const { voicesPath }: Flavour = FLAVOURS[settings.flavour];

  const refresh = async (model: SpeechModel) => {
    if (model.voices !== undefined) return model.voices;
    if (voicesPath === null) return [];
    const answer = await caller.get(`${voicesPath}?model=${encodeURIComponent(model.model)}`);
    const voices = readVoices(jsonOf(answer)).slice(0, VOICES_MAX);
    heard.set(model.id, voices);
    return voices;
  };

  return { refresh, of: async (model) => heard.get(model.id) ?? refresh(model) };
}

/** `{voices: [{id, name}]}`, `{voices: [names]}`, `{data: [...]}` or the bare list. */
export function readVoices(said: unknown): string[] {
  const { voices, data } = fieldsOf(said);
  const list = [said, voices, data].find(Array.isArray) as unknown[] | undefined;
  if (list === undefined)
    throw new EngineFailure('outputInvalid', 'The engine listed its voices in an unknown form.');
  return list
    .map((each) =>
      typeof each === 'string' ? each : (fieldsOf(each)['id'] ?? fieldsOf(each)['name']),
    )
    .filter((each): each is string => typeof each === 'string' && each !== '' && each.length <= 64);
}

const fieldsOf = (value: unknown): Record<string, unknown> =>
  typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : {};
