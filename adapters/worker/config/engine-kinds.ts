// The kinds of engines there are: what an operator writes for one, and how it is made from that.
import { z } from 'zod';
import type { Engine } from '../../../machines/contract/engine.ts';
import { createBuiltinEngine } from '../engines/builtin/engine.ts';
import { createComfyuiEngine } from '../engines/comfyui/engine.ts';
import { comfyuiSettings } from '../engines/comfyui/settings.ts';
import { createKoboldcppEngine } from '../engines/koboldcpp/engine.ts';
import { koboldcppSettings } from '../engines/koboldcpp/settings.ts';
import { createSoundEngine } from '../engines/sound/engine.ts';
import { soundSettings } from '../engines/sound/settings.ts';
import { createSpeechEngine } from '../engines/speech/engine.ts';
import { speechSettings } from '../engines/speech/settings.ts';
import { createWhisperEngine } from '../engines/whisper/engine.ts';
import { whisperSettings } from '../engines/whisper/settings.ts';
import { wordsFor } from './sentences.ts';

export interface EngineKind {
  readonly read: (input: unknown) => ReadSettings;
}

export type ReadSettings =
  | {
      /** Made only when asked: the file may still be refused for another entry. */
      readonly create: () => Engine | Promise<Engine>;
      /** Where its server answers; null where it has none. */
      readonly url: string | null;
    }
  | { readonly issues: readonly z.core.$ZodIssue[] };

const NOTHING_TO_SET = z.strictObject({});

export const ENGINE_KINDS = {
  builtin: kind(NOTHING_TO_SET, () => createBuiltinEngine()),
  comfyui: kind(comfyuiSettings, (settings) => createComfyuiEngine(settings)),
  koboldcpp: kind(koboldcppSettings, (settings) => createKoboldcppEngine(settings)),
  whisper: kind(whisperSettings, (settings) => createWhisperEngine(settings)),
  speech: kind(speechSettings, (settings) => createSpeechEngine(settings)),
  sound: kind(soundSettings, (settings) => createSoundEngine(settings)),
} satisfies Record<string, EngineKind>;

export type KindName = keyof typeof ENGINE_KINDS;
export const KIND_NAMES = Object.keys(ENGINE_KINDS) as [KindName, ...KindName[]];

function kind<S extends object>(
  schema: z.ZodType<S>,
  create: (settings: S) => Engine | Promise<Engine>,
): EngineKind {
  return {
    read: (input) => {
      const { success, data, error } = schema.safeParse(input, { error: wordsFor });
      if (!success) return { issues: error.issues };
      const url = 'url' in data && typeof data.url === 'string' ? data.url : null;
      return { create: () => create(data), url };
    },
  };
}
