// The models of one server, whatever they make, and how they are offered.
import type { ModelOffer } from '../../../../machines/contract/models.ts';
import type {
  ImageModel,
  KoboldcppSettings,
  SpeechModel,
  TextModel,
  TranscriptionModel,
} from './settings.ts';

export type KoboldModel =
  | { readonly modality: 'text'; readonly of: TextModel }
  | { readonly modality: 'audio'; readonly of: SpeechModel }
  | { readonly modality: 'transcript'; readonly of: TranscriptionModel }
  | { readonly modality: 'image'; readonly of: ImageModel };

/** The flag in GET /api/extra/version that says whether the server can do it now. */
export const CAPABILITY = {
  text: 'llm',
  audio: 'tts',
  transcript: 'transcribe',
  image: 'txt2img',
} as const;

export function modelsOf(settings: KoboldcppSettings): ReadonlyMap<string, KoboldModel> {
  const { models, speech, transcription, image } = settings;
  const all: KoboldModel[] = models.map((of) => ({ modality: 'text', of }));
  if (speech) all.push({ modality: 'audio', of: speech });
  if (transcription) all.push({ modality: 'transcript', of: transcription });
  if (image) all.push({ modality: 'image', of: image });
  return new Map(all.map((model) => [model.of.id, model]));
}

export function offerOf(model: KoboldModel): ModelOffer {
  const { id, name, description, vramBytes, loadMs, runMs } = model.of;
  const offer = {
    id,
    name,
    engine: 'koboldcpp',
    modality: model.modality,
    description,
    vramBytes,
    loadMs,
    runMs,
    styles: [],
    voices: [],
  };
  switch (model.modality) {
    case 'text':
      return {
        ...offer,
        // One text is written as it is read: a second one would mix with it.
        limits: {
          charactersMax: model.of.charactersMax,
          llmTokensMax: model.of.tokensMax,
          countMax: 1,
        },
        inputs: [{ role: 'messages', kind: 'text', isRequired: false }],
      };
    case 'audio':
      return {
        ...offer,
        limits: { charactersMax: model.of.charactersMax, countMax: 1 },
        voices: model.of.voices,
        formats: ['wav', 'mp3'],
      };
    case 'transcript':
      return {
        ...offer,
        limits: { countMax: 1 },
        inputs: [{ role: 'audio', kind: 'audio', isRequired: true }],
      };
    case 'image':
      return {
        ...offer,
        limits: { pixelsMax: model.of.pixelsMax, stepsMax: model.of.stepsMax, countMax: 4 },
        inputs: [{ role: 'image', kind: 'image', isRequired: false }],
      };
  }
}
