// Which craft each model is. Only what a model needs is imported: a picture's thread never reads the
// voices.
import type { Craft } from './craft.ts';
import { OFFERS } from './offers.ts';

/** The limits that are offered are the limits that are kept. */
const limitsOf = (model: string) => {
  const limits = OFFERS.find(({ id }) => id === model)?.limits ?? {};
  const {
    pixelsMax = 0,
    stepsMax = 0,
    secondsMax = 0,
    charactersMax = 0,
    llmTokensMax = 0,
  } = limits;
  return { pixelsMax, stepsMax, secondsMax, charactersMax, llmTokensMax };
};

export const CRAFTS: Readonly<Record<string, () => Promise<Craft>>> = {
  sketch: async () => {
    const { createImageCraft } = await import('./image/craft.ts');
    return createImageCraft({ tableSize: 512, octaves: 7, stepsDefault: 8, ...limitsOf('sketch') });
  },
  atelier: async () => {
    const { createImageCraft } = await import('./image/craft.ts');
    return createImageCraft({
      tableSize: 1024,
      octaves: 9,
      stepsDefault: 24,
      ...limitsOf('atelier'),
    });
  },
  retouch: async () => {
    const { createRetouchCraft } = await import('./image/retouch.ts');
    return createRetouchCraft({
      ...{ tableSize: 512, octaves: 7, stepsDefault: 8 },
      ...limitsOf('retouch'),
    });
  },
  'sketch-motion': async () => {
    const { createMotionCraft } = await import('./motion/craft.ts');
    return createMotionCraft({ tableSize: 512, octaves: 7, ...limitsOf('sketch-motion') });
  },
  flite: async () => {
    const { createSpeechCraft } = await import('./speech/craft.ts');
    return createSpeechCraft(limitsOf('flite'));
  },
  parrot: async () => {
    const { createWritingCraft } = await import('./writing/craft.ts');
    return createWritingCraft(limitsOf('parrot'));
  },
};
