// What runs inside a model's thread. A craft is one model's skill with the tables it needs; building it
// is loading the model, and letting the thread end is unloading it.
import type {
  EngineJob,
  EngineOutput,
  EngineUpdate,
} from '../../../../machines/contract/engine.ts';
import { OFFERS } from './offers.ts';

export interface Craft {
  /** Memory its tables hold. */
  readonly bytes: number;
  run(job: EngineJob, ports: CraftPorts): Promise<EngineOutput[]>;
}

export interface CraftPorts {
  readonly report: (update: EngineUpdate) => void;
  /** Throws `Cancelled` when the job is no longer wanted. Called between small pieces of work. */
  readonly check: () => void;
}

/** The limits that are offered are the limits that are kept. */
const limitsOf = (model: string) => {
  const {
    pixelsMax = 0,
    stepsMax = 0,
    secondsMax = 0,
    charactersMax = 0,
    llmTokensMax = 0,
  } = OFFERS.find(({ id }) => id === model)?.limits ?? {};
  return { pixelsMax, stepsMax, secondsMax, charactersMax, llmTokensMax };
};

export class Cancelled extends Error {
  constructor() {
    super('cancelled');
    this.name = 'Cancelled';
  }
}

/** Only what a model needs is imported: a picture's thread never reads the voices. */
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
  flite: async () => {
    const { createSpeechCraft } = await import('./speech/craft.ts');
    return createSpeechCraft(limitsOf('flite'));
  },
  parrot: async () => {
    const { createWritingCraft } = await import('./writing/craft.ts');
    return createWritingCraft(limitsOf('parrot'));
  },
};
