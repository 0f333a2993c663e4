// What the person is about to ask for, and the request it becomes. Pure.
import type { Modality } from '../../../../machines/contract/models.ts';
import type * as requests from '../../../../machines/contract/requests.ts';
import type { JobView, ModelView } from '../../../../machines/contract/views.ts';
import { fitPixels } from '../compose/sizes.ts';

/** Only what was chosen. What is absent is left to the server's defaults. */
type Chosen<Params> = { readonly [Name in keyof Params]?: Params[Name] | undefined };

export interface DraftParams {
  readonly image: Chosen<requests.ImageParams>;
  readonly video: Chosen<requests.VideoParams>;
  readonly audio: Chosen<requests.AudioParams>;
  readonly text: Chosen<requests.TextParams>;
  readonly transcript: Chosen<requests.TranscriptParams>;
}

export interface Recording {
  readonly blob: string;
  readonly name: string;
}

export interface Draft {
  readonly modality: Modality;
  readonly prompt: string;
  readonly count: number;
  readonly models: { readonly [M in Modality]?: string };
  readonly params: DraftParams;
  /** Named styles of the house; what a model has by itself is among the params. */
  readonly styles: { readonly [M in Modality]?: string | undefined };
  /** What is to be transcribed; already uploaded. */
  readonly recording: Recording | null;
}

export const EMPTY_DRAFT: Draft = {
  modality: 'image',
  prompt: '',
  count: 1,
  models: {},
  params: {
    image: { width: 1024, height: 1024 },
    video: { width: 512, height: 512, seconds: 3 },
    audio: {},
    text: {},
    transcript: {},
  },
  styles: {},
  recording: null,
};

export const PROMPT_MAX = 8000;
export const COUNT_MAX = 8;

/** The chosen model if it is still there, else the readiest of its kind. */
export function modelFor(draft: Draft, models: readonly ModelView[]): ModelView | null {
  const able = models.filter((model) => model.modality === draft.modality);
  const chosen = able.find((model) => model.id === draft.models[draft.modality]);
  const readiness = ['ready', 'loadable', 'offline'] as const;
  const readiest = readiness
    .map((status) => able.find((model) => model.status === status))
    .find((model) => model !== undefined);
  return chosen ?? readiest ?? null;
}

/** The chosen params, brought within what this model can do. */
export function paramsFor(
  draft: Draft,
  model: ModelView | null,
): Chosen<requests.ImageParams> &
  Chosen<requests.VideoParams> &
  Chosen<requests.AudioParams> &
  Chosen<requests.TextParams> &
  Chosen<requests.TranscriptParams> {
  const params: Record<string, unknown> = {
    ...EMPTY_DRAFT.params[draft.modality],
    ...chosenOnly(draft.params[draft.modality]),
  };
  if (model) {
    const { limits } = model;
    cap(params, 'steps', limits.stepsMax);
    cap(params, 'seconds', limits.secondsMax);
    cap(params, 'max_tokens', limits.llmTokensMax);
    keepKnown(params, 'style', model.styles);
    keepKnown(params, 'voice', model.voices);
    const { width, height } = params;
    if (typeof width === 'number' && typeof height === 'number' && limits.pixelsMax) {
      Object.assign(params, fitPixels({ width, height }, limits.pixelsMax));
    }
  }
  return params;
}

const chosenOnly = (params: object): Record<string, unknown> =>
  Object.fromEntries(Object.entries(params).filter(([, value]) => value !== undefined));

function cap(params: Record<string, unknown>, name: string, max: number | undefined): void {
  const value = params[name];
  if (max !== undefined && typeof value === 'number') params[name] = Math.min(value, max);
}

function keepKnown(params: Record<string, unknown>, name: string, known: readonly string[]): void {
  if (!known.includes(String(params[name]))) delete params[name];
}

export const countsResults = (modality: Modality): boolean =>
  modality === 'image' || modality === 'video';

export function countFor(draft: Draft, model: ModelView | null): number {
  if (!countsResults(draft.modality)) return 1;
  return Math.min(draft.count, model?.limits.countMax ?? COUNT_MAX);
}

export function requestOf(draft: Draft, model: ModelView | null): requests.JobRequestInput {
  const { modality, recording } = draft;
  return {
    modality,
    ...(model ? { model: model.id } : {}),
    ...(modality === 'transcript' ? {} : { prompt: draft.prompt.trim() }),
    params: paramsFor(draft, model),
    ...(draft.styles[modality] === undefined ? {} : { style: draft.styles[modality] }),
    ...(modality === 'transcript' && recording ? { inputs: [{ blob: recording.blob }] } : {}),
    count: countFor(draft, model),
    origin: 'web',
  };
}

/** What is missing before it can be sent, as a sentence; null when nothing is. */
export function missing(draft: Draft, model: ModelView | null): string | null {
  if (draft.modality === 'transcript') {
    return draft.recording ? null : 'Choose a recording first.';
  }
  const prompt = draft.prompt.trim();
  if (prompt === '') return 'Write a few words first.';
  const most = Math.min(PROMPT_MAX, model?.limits.charactersMax ?? PROMPT_MAX);
  return prompt.length > most
    ? `That is ${prompt.length} characters; this model reads ${most} at most.`
    : null;
}

/** "Use again": the job's prompt and settings, with the seed that was drawn for it. */
export function draftAgain(draft: Draft, job: JobView): Draft {
  const seed = job.outputs[0]?.facts['seed'];
  const seeded = typeof seed === 'number' && job.modality !== 'audio' ? { seed } : {};
  return {
    ...draft,
    modality: job.modality,
    prompt: job.prompt,
    count: job.count,
    models: { ...draft.models, [job.modality]: job.model },
    params: { ...draft.params, [job.modality]: { ...job.params, ...seeded } },
    styles: { ...draft.styles, [job.modality]: job.style },
    recording: null,
  };
}
