// What the built-in engine offers, and what each model honestly is.
import type { ModelOffer } from '../../../../machines/contract/models.ts';
import { STYLES } from './image/style-names.ts';

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
];
