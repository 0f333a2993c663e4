// Which model is meant. Clients have names of OpenAI's written into them; those mean the readiest model of the
// kind, and the answer says which one it was. Any other name has to be one of ours.
import type { Modality, ModelOffer } from '../../../machines/contract/models.ts';
import type { Host } from '../../host.ts';
import { refuse } from '../problems.ts';

const OPENAI_NAMES =
  /^(gpt-|chatgpt-|o\d|text-davinci|davinci|babbage|dall-e-|tts-1|whisper-1|sora-)/;

/** Undefined: whichever is readiest. @throws Refused when nothing of this name can be had */
export function modelFor(
  host: Host,
  modality: Modality,
  name: string | undefined,
): string | undefined {
  if (name === undefined) return undefined;
  if (host.dispatcher.offersFor(modality, name).length > 0) return name;
  if (OPENAI_NAMES.test(name)) return undefined;
  const known = host.dispatcher.offersFor(modality, null).map(({ offer }) => offer.id);
  throw refuse(
    'model_not_found',
    `There is no model "${name}" for this. ` +
      (known.length > 0 ? `There are ${known.join(', ')}.` : 'No worker offers one.'),
    { errors: [{ at: '/model', reason: 'is not known' }] },
  );
}

/** What the job is likely to run on: of the named model, else of the readiest. */
export const offerFor = (
  host: Host,
  modality: Modality,
  model: string | undefined,
): ModelOffer | null => host.dispatcher.offersFor(modality, model ?? null)[0]?.offer ?? null;
