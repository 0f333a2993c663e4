// From what somebody wants to what is asked of the control plane: the persona's defaults, then what the person chose,
// then what the message itself says.
import { z } from 'zod';
import type { JobRequestInput } from '../../machines/contract/requests.ts';
import type { JobView, ModelView } from '../../machines/contract/views.ts';
import { isAllowed, type Persona } from './persona.ts';

/** What a person chose with /settings; what is unknown or wrong counts as not chosen. */
const chosenValues = z.object({
  model: z.string().optional().catch(undefined),
  count: z.number().int().min(1).max(8).optional().catch(undefined),
  shape: z.enum(['square', 'tall', 'wide']).optional().catch(undefined),
  style: z.string().optional().catch(undefined),
  seed: z.number().int().min(0).max(4_294_967_295).optional().catch(undefined),
});
export type Chosen = z.infer<typeof chosenValues>;
export const readChosen = (value: unknown): Chosen => chosenValues.parse(value ?? {});

export interface Wish {
  readonly prompt: string;
  /** Ids of files that it starts from, as they were uploaded. */
  readonly image?: string | undefined;
  /** The model it starts from a file with. */
  readonly model?: string | undefined;
}

type Request = Omit<JobRequestInput, 'origin'>;

export function requestFor(persona: Persona, chosen: Chosen, wish: Wish): Request {
  const { defaults, modality } = persona;
  const model = wish.model ?? chosen.model ?? defaults.model;
  const params = {
    ...defaults.params,
    ...(chosen.shape === undefined ? {} : shaped(persona, chosen.shape)),
    ...(chosen.style === undefined ? {} : { style: chosen.style }),
    ...(chosen.seed === undefined ? {} : { seed: chosen.seed }),
  };
  return {
    modality,
    prompt: wish.prompt,
    count: Math.min(persona.countMax, chosen.count ?? defaults.count),
    params,
    ...(model === undefined ? {} : { model }),
    ...(wish.image === undefined ? {} : { inputs: [{ blob: wish.image, role: 'image' }] }),
  };
}

const SIDES: Readonly<
  Record<Persona['modality'], Record<NonNullable<Chosen['shape']>, [number, number]>>
> = {
  image: { square: [1024, 1024], tall: [832, 1216], wide: [1216, 832] },
  video: { square: [512, 512], tall: [432, 768], wide: [768, 432] },
};

function shaped({ modality }: Persona, shape: NonNullable<Chosen['shape']>) {
  const [width, height] = SIDES[modality][shape];
  return { width, height };
}

/** The same once more: with another seed, since the same seed makes the same. */
export function requestAgain(job: JobView): Request {
  const { seed: _, ...params } = job.params;
  return { modality: job.modality, model: job.model, prompt: job.prompt, count: job.count, params };
}

/** The same with other words. The model may be gone by now, so it is left to the catalogue. */
export const requestEdited = (job: JobView, prompt: string): Request => ({
  ...{ modality: job.modality, prompt, count: job.count },
  ...{ params: { ...job.params }, model: job.model },
});

/** The models that this persona may use, those that are there now. */
export const modelsOf = (persona: Persona, models: readonly ModelView[]): readonly ModelView[] =>
  models.filter(
    ({ id, modality, status }) =>
      modality === persona.modality && status !== 'offline' && isAllowed(persona, id),
  );

/** One that starts from a picture, or null. */
export const modelFromImage = (persona: Persona, models: readonly ModelView[]): ModelView | null =>
  modelsOf(persona, models).find(
    ({ inputs, scales }) => scales.length === 0 && inputs.some(({ kind }) => kind === 'image'),
  ) ?? null;

/** One that enlarges, or null. */
export const modelThatEnlarges = (models: readonly ModelView[]): ModelView | null =>
  models.find(({ status, scales }) => status !== 'offline' && scales.length > 0) ?? null;
