// The numbers of the advanced drawer, with a sentence each. Data, so that a new one is one entry.
import type { Modality } from '../../../../machines/contract/models.ts';
import type { ModelLimits } from '../../../../machines/contract/models.ts';

export interface NumberParameter {
  readonly name: string;
  readonly label: string;
  readonly explanation: string;
  readonly unit?: string;
  readonly min: number;
  readonly max: number;
  readonly step: number;
  /** Shown while nothing is chosen. */
  readonly fallback: string;
  readonly limit?: Exclude<keyof ModelLimits, 'ranges'>;
}

const steps: NumberParameter = {
  name: 'steps',
  label: 'Steps',
  explanation:
    'How often the picture is gone over. More takes longer and adds detail, up to a point.',
  min: 1,
  max: 150,
  step: 1,
  fallback: 'as the model likes',
  limit: 'stepsMax',
};

const side = (name: string, label: string): NumberParameter => ({
  name,
  label,
  explanation: 'Exact pixels, for when none of the shapes above fits.',
  unit: 'pixels',
  min: 64,
  max: 8192,
  step: 1,
  fallback: '',
});

const sides = [side('width', 'Width'), side('height', 'Height')];

export const SEED_MAX = 4_294_967_295;

const seed: NumberParameter = {
  name: 'seed',
  label: 'Seed',
  explanation: 'Where chance begins. The same seed, words and settings give the same result again.',
  min: 0,
  max: SEED_MAX,
  step: 1,
  fallback: 'by chance',
};

export const NUMBER_PARAMETERS: Readonly<Record<Modality, readonly NumberParameter[]>> = {
  image: [steps, seed, ...sides],
  video: [
    {
      name: 'seconds',
      label: 'Length',
      explanation: 'How long the video plays. The price grows with it.',
      unit: 's',
      min: 0.5,
      max: 60,
      step: 0.5,
      fallback: '3',
      limit: 'secondsMax',
    },
    {
      name: 'fps',
      label: 'Frames per second',
      explanation: 'More frames move more smoothly and take longer to make.',
      min: 4,
      max: 60,
      step: 1,
      fallback: '12',
    },
    steps,
    seed,
    ...sides,
  ],
  audio: [
    {
      name: 'speed',
      label: 'Speed',
      explanation: '1 is the voice’s own pace, 2 is twice as fast.',
      min: 0.25,
      max: 4,
      step: 0.05,
      fallback: '1',
    },
  ],
  text: [
    {
      name: 'max_tokens',
      label: 'Length at most',
      explanation:
        'In pieces of words, as language models count: about three quarters of a word each.',
      min: 1,
      max: 32_768,
      step: 1,
      fallback: '256',
      limit: 'llmTokensMax',
    },
    {
      name: 'temperature',
      label: 'Temperature',
      explanation: '0 is predictable, 1 is lively, 2 is wild.',
      min: 0,
      max: 2,
      step: 0.1,
      fallback: '0.8',
    },
    seed,
  ],
  transcript: [],
};

/** What was typed, made acceptable: within bounds, and whole where only whole numbers count. */
export function fallsWithin(parameter: NumberParameter, max: number, value: number): number {
  const whole = Number.isInteger(parameter.step) ? Math.round(value) : value;
  return Math.min(max, Math.max(parameter.min, whole));
}
