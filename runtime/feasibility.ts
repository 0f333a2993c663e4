// Can any worker, connected or known, ever do this? If not, the sentence says why and what would help.
import type { JobSpec, WorkerOffer } from '../machines/contract/events.ts';
import { RANGED, type Modality, type ModelOffer } from '../machines/contract/models.ts';
import type {
  AudioParams,
  ImageParams,
  TextParams,
  VideoParams,
} from '../machines/contract/requests.ts';
import { whyFilesDoNotFit, type InputFile } from './input-files.ts';

const TO_CONNECT: Readonly<Record<Modality, string>> = {
  image: 'Connect a worker with the builtin engine or ComfyUI.',
  video: 'Connect a worker with the builtin engine or ComfyUI.',
  text: 'Connect a worker with the builtin engine or KoboldCPP.',
  audio: 'Connect a worker with the builtin engine or a speech server.',
  transcript: 'Connect a Whisper server to a worker to transcribe.',
};

type Spec = Pick<JobSpec, 'modality' | 'params' | 'prompt' | 'count'> & {
  readonly files: readonly InputFile[];
};

export const noneOffers = (modality: Modality, model: string | undefined): string =>
  model === undefined
    ? `No worker offers ${modality}. ${TO_CONNECT[modality]}`
    : `No worker offers the model "${model}" for ${modality}. GET /v1/models lists what there is.`;

/** A model as one known worker has it, connected or away. */
export interface KnownOffer {
  readonly offer: ModelOffer;
  /** The worker's card; null: it computes on the processor, or does not tell. */
  readonly gpu: WorkerOffer['gpu'];
}

export const fitsCard = ({ offer, gpu }: KnownOffer): boolean =>
  gpu === null || gpu.vramBytes <= 0 || offer.vramBytes <= gpu.vramBytes;

export function whyImpossible(spec: Spec, known: KnownOffer): string | null {
  const { offer } = known;
  if (!fitsCard(known)) return tooSmall(known);
  const why = overLimit(spec, offer) ?? notOffered(spec, offer);
  return why && `${offer.name} cannot do this: ${why}.`;
}

const gigabytes = (bytes: number): string => `${Math.round(bytes / 1e8) / 10} GB`;

const tooSmall = ({ offer, gpu }: KnownOffer): string =>
  `${offer.name} needs ${gigabytes(offer.vramBytes)} of graphics memory, and the largest card of a worker ` +
  `that has it (${gpu!.name}) has ${gigabytes(gpu!.vramBytes)}. Connect a worker with a larger card, or ` +
  'name a smaller model.';

/** What audio comes as: of a model that says nothing, wav. */
export const formatsOf = ({ modality, formats }: ModelOffer): readonly string[] =>
  modality === 'audio' ? (formats ?? ['wav']) : [];

function overLimit({ modality, params, prompt, count }: Spec, offer: ModelOffer): string | null {
  const { limits } = offer;
  const { width = 0, height = 0, steps = 0 } = params as Partial<ImageParams>;
  const { seconds = 0 } = params as Partial<AudioParams>;
  const llmTokens = modality === 'text' ? (params as TextParams).max_tokens : 0;
  const checks: [boolean, string][] = [
    [width * height > (limits.pixelsMax ?? Infinity), `at most ${limits.pixelsMax} pixels`],
    [steps > (limits.stepsMax ?? Infinity), `at most ${limits.stepsMax} steps`],
    [seconds > (limits.secondsMax ?? Infinity), `at most ${limits.secondsMax} seconds`],
    [
      prompt.length > (limits.charactersMax ?? Infinity),
      `at most ${limits.charactersMax} characters`,
    ],
    [llmTokens > (limits.llmTokensMax ?? Infinity), `at most ${limits.llmTokensMax} tokens`],
    [count > (limits.countMax ?? Infinity), `at most ${limits.countMax} at a time`],
  ];
  return checks.find(([isOver]) => isOver)?.[1] ?? outOfRange(params, offer);
}

function outOfRange(params: JobSpec['params'], { limits: { ranges = {} } }: ModelOffer) {
  const { seconds = 0, fps = 0 } = params as Partial<VideoParams>;
  const values = { frames: seconds * fps, ...params } as Readonly<Record<string, unknown>>;
  for (const name of RANGED) {
    const [range, value] = [ranges[name], values[name]];
    if (range === undefined || typeof value !== 'number') continue;
    if (value < range.min || value > range.max)
      return `its ${name} may be from ${range.min} to ${range.max}, not ${value}`;
  }
  return null;
}

function notOffered({ modality, params, files }: Spec, offer: ModelOffer): string | null {
  const { styles, voices, loras = [], scales = [] } = offer;
  const { style, loras: wanted = [], scale, strength } = params as Partial<ImageParams>;
  const { voice } = params as Partial<AudioParams>;
  const format = modality === 'audio' ? (params as AudioParams).format : undefined;
  const unknown = wanted.find(({ name }) => !loras.includes(name));
  if (style !== undefined && !styles.includes(style)) return choice('styles', styles);
  if (voice !== undefined && !voices.includes(voice)) return choice('voices', voices);
  if (format !== undefined && !formatsOf(offer).includes(format))
    return choice('formats', formatsOf(offer));
  if (unknown) return `it has no LoRA "${unknown.name}": ${choice('LoRAs', loras)}`;
  if (new Set(wanted.map(({ name }) => name)).size < wanted.length)
    return 'it takes each LoRA once';
  if (scale !== undefined && !scales.includes(scale)) return choice('scales', scales.map(String));
  return (
    whyFilesDoNotFit(files, offer) ??
    (strength !== undefined && !files.some(({ role }) => role === 'image')
      ? 'strength says how much of a picture may change, so it needs one as its input "image"'
      : null)
  );
}

const choice = (what: string, names: readonly string[]): string =>
  names.length === 0 ? `it has no ${what} to choose from` : `its ${what} are ${names.join(', ')}`;
