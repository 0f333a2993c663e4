// What somebody could ask for instead, when what they want costs too much or the line is too long: settings that
// would be taken now, each tried the way a request is.
import type {
  AudioParams,
  ImageParams,
  JobRequest,
  TextParams,
  VideoParams,
} from '../machines/contract/requests.ts';
import type { AlternativeView } from '../machines/contract/views.ts';
import { readAccount } from './account.ts';
import type { Host } from './host.ts';
import { prepareWith, type Asked, type Work } from './prepare.ts';
import { costView } from './views.ts';

const ALTERNATIVES_MAX = 3;
/** From little less to much less: the first that will do is the nearest to the wish. */
const SHARES = [0.75, 0.5, 0.25];
/** Models work in blocks of that many pixels. */
const BLOCK = 64;
const STEPS_USUAL = 30;
const LLM_TOKENS_MIN = 16;

type Patch = Partial<Pick<JobRequest, 'model' | 'params' | 'count'>>;
type Params = JobRequest['params'];

/**
 * @param work what was asked for, as it was prepared
 * @param isCheaper whether it would help
 */
export async function cheaperThan(
  host: Host,
  asked: Asked,
  work: Work,
  isCheaper: (spec: Work['spec']) => boolean,
): Promise<AlternativeView[]> {
  const { request } = asked;
  const { plan } = await readAccount(host, asked.accountId);
  const tryOne = async (patch: Patch): Promise<AlternativeView | null> => {
    const wanted = { ...asked, request: { ...request, ...patch } };
    const { spec, refusal } = await prepareWith(host, wanted, work.files);
    if (refusal !== null || !isCheaper(spec)) return null;
    return { ...patch, cost: costView(spec.costMt, null), eta: host.dispatcher.etaOf(spec, plan) };
  };
  const found: AlternativeView[] = [];
  for (const patches of kindsOfPatches(host, request, work.spec)) {
    if (found.length === ALTERNATIVES_MAX) break;
    for (const patch of patches) {
      const alternative = await tryOne(patch);
      if (alternative === null) continue;
      found.push(alternative);
      break;
    }
  }
  return found;
}

/** Of each kind the first that works is told; the kinds that change least come first. */
function kindsOfPatches(host: Host, request: JobRequest, spec: Work['spec']): Patch[][] {
  const { params, count } = request;
  const smaller = SMALLER[request.modality](spec.params as never).map((less) => ({
    params: { ...params, ...less },
  }));
  const fewer = [Math.floor(count / 2), 1].filter(
    (n, at, all) => n < count && all.indexOf(n) === at,
  );
  const { steps = 0 } = spec.params as Partial<ImageParams>;
  return [
    smaller,
    // Without a name the choice among them was made already.
    request.model === undefined ? [] : fasterModels(host, spec),
    count > 1 ? fewer.filter((n) => n > 0).map((n) => ({ count: n })) : [],
    steps > STEPS_USUAL ? [{ params: { ...params, steps: STEPS_USUAL } }] : [],
    count > 1 ? smaller.map((patch) => ({ ...patch, count: 1 })) : [],
  ];
}

/** Those that would be done soonest first. */
function fasterModels({ dispatcher }: Host, spec: Work['spec']): Patch[] {
  const ids = dispatcher.offersFor(spec.modality, null).map(({ offer }) => offer.id);
  const soonest = [...new Set(ids)].map((model) => ({
    ...{ model, runMs: dispatcher.expectedMs({ model, work: spec.work }) },
  }));
  const ownMs = dispatcher.expectedMs(spec);
  return soonest
    .filter(({ model, runMs }) => model !== spec.model && runMs <= ownMs)
    .sort((a, b) => a.runMs - b.runMs)
    .map(({ model }) => ({ model }));
}

const shrunk = (side: number, share: number): number =>
  Math.min(side, Math.max(BLOCK, Math.round((side * share) / BLOCK) * BLOCK));

const sizes = ({ width, height }: { width: number; height: number }): Params[] =>
  SHARES.map((share) => ({ width: shrunk(width, share), height: shrunk(height, share) }));

const lengths = (seconds: number): number[] =>
  SHARES.map((share) => Math.max(0.5, Math.floor(seconds * share * 2) / 2)).filter(
    (shorter) => shorter < seconds,
  );

/** What to ask less of, by modality. A recording and a text to speak are as long as they are. */
const SMALLER: Readonly<{
  image: (params: ImageParams) => Params[];
  video: (params: VideoParams) => Params[];
  audio: (params: AudioParams) => Params[];
  text: (params: TextParams) => Params[];
  transcript: () => Params[];
}> = {
  image: (params) =>
    params.scale === undefined
      ? sizes(params)
      : [3, 2].filter((scale) => scale < params.scale!).map((scale) => ({ scale })),
  video: (params) => [
    ...lengths(params.seconds).map((seconds) => ({ seconds })),
    ...sizes(params),
    ...lengths(params.seconds).flatMap((seconds) =>
      sizes(params).map((size) => ({ ...size, seconds })),
    ),
  ],
  audio: ({ seconds }) =>
    seconds === undefined ? [] : lengths(seconds).map((s) => ({ seconds: s })),
  text: ({ max_tokens }) =>
    SHARES.map((share) => ({
      max_tokens: Math.min(max_tokens, Math.max(LLM_TOKENS_MIN, Math.floor(max_tokens * share))),
    })),
  transcript: () => [],
};
