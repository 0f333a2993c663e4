// What the built-in engine offers, and what each model honestly is.
import type { ModelOffer } from '../../../../machines/contract/models.ts';
import { MASK_ROLE, PICTURE_ROLES } from './image/input-roles.ts';
import { STYLES } from './image/style-names.ts';
import { VOICES } from './speech/voices.ts';

const MEBIBYTE = 1024 * 1024;
const ENGINE = 'builtin';

export const OFFERS: readonly ModelOffer[] = [
  {
    id: 'sketch',
    name: 'Sketch',
    engine: ENGINE,
    modality: 'image',
    description:
      'Built-in sketch engine: draws landscapes, seas, cities and skies from the words of a prompt on the processor, in about a second. It is not a language model; connect ComfyUI for models.',
    vramBytes: 4 * MEBIBYTE,
    loadMs: 400,
    runMs: 1800,
    limits: { pixelsMax: 4 * MEBIBYTE, stepsMax: 50, countMax: 8 },
    styles: [...STYLES],
    voices: [],
  },
  {
    id: 'atelier',
    name: 'Atelier',
    engine: ENGINE,
    modality: 'image',
    description:
      'Built-in sketch engine with finer tables and more samples: the same motifs as Sketch, drawn slower and smoother. It is not a language model; connect ComfyUI for models.',
    vramBytes: 16 * MEBIBYTE,
    loadMs: 1200,
    runMs: 4000,
    limits: { pixelsMax: 4 * MEBIBYTE, stepsMax: 100, countMax: 8 },
    styles: [...STYLES],
    voices: [],
  },
  {
    id: 'retouch',
    name: 'Retouch',
    engine: ENGINE,
    modality: 'image',
    description:
      'Built-in sketch engine over a picture of yours: draws what the words say where the mask is white, or thinly over all of it; several pictures stand side by side. It is not a trained model; connect ComfyUI for those.',
    vramBytes: 4 * MEBIBYTE,
    loadMs: 400,
    runMs: 2200,
    limits: { pixelsMax: 4 * MEBIBYTE, stepsMax: 50, countMax: 8 },
    styles: [...STYLES],
    voices: [],
    inputs: [
      ...PICTURE_ROLES.map((role, n) => ({ role, kind: 'image' as const, isRequired: n === 0 })),
      { role: MASK_ROLE, kind: 'image', isRequired: false },
    ],
  },
  {
    id: 'sketch-motion',
    name: 'Sketch Motion',
    engine: ENGINE,
    modality: 'video',
    description:
      'Built-in sketch engine in motion: drifting clouds, waves, turning planets and a slow camera, as MP4 where ffmpeg is installed and as animated WebP otherwise. Not a trained model; connect ComfyUI for those.',
    vramBytes: 4 * MEBIBYTE,
    loadMs: 500,
    runMs: 12_000,
    limits: { pixelsMax: MEBIBYTE, secondsMax: 10, stepsMax: 8, countMax: 1 },
    styles: [...STYLES],
    voices: [],
  },
  {
    id: 'flite',
    name: 'Flite',
    engine: ENGINE,
    modality: 'audio',
    description:
      'Built-in English speech by the Flite synthesizer, on the processor. Clear, small and audibly synthetic; connect a speech server for natural voices.',
    vramBytes: 45 * MEBIBYTE,
    loadMs: 900,
    runMs: 1500,
    limits: { charactersMax: 5000, countMax: 1 },
    styles: [],
    voices: [...VOICES],
  },
  {
    id: 'parrot',
    name: 'Parrot',
    engine: ENGINE,
    modality: 'text',
    description:
      'Built-in toy writer: continues a prompt from the word statistics of a few pages of tales. It understands nothing; connect KoboldCPP for language models.',
    vramBytes: 64 * 1024,
    loadMs: 150,
    runMs: 1500,
    limits: { charactersMax: 8000, llmTokensMax: 1024, countMax: 1 },
    styles: [],
    voices: [],
  },
];

/**
 * Each picture of a call is drawn in a thread of its own, but encoding keeps two cores busy already: on two cores,
 * two pictures took 1.9 to 2.3 times one's time. With fewer than four there is nothing to gain. The cost is a guess,
 * which the worker corrects by what it measures.
 */
export const offersFor = (cores: number): readonly ModelOffer[] =>
  cores < 4
    ? OFFERS
    : OFFERS.map((offer) =>
        offer.modality === 'image' && offer.inputs === undefined
          ? { ...offer, batch: { max: Math.min(4, Math.floor(cores / 2)), cost: 0.5 } }
          : offer,
      );
