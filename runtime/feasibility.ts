// Can any worker, connected or known, ever do this? If not, the sentence says why and what would help.
import type { JobSpec } from '../machines/contract/events.ts';
import type { Modality, ModelOffer } from '../machines/contract/models.ts';
import type {
  ImageParams,
  JobRequest,
  TextParams,
  VideoParams,
} from '../machines/contract/requests.ts';

const TO_CONNECT: Readonly<Record<Modality, string>> = {
  image: 'Connect a worker with the builtin engine or ComfyUI.',
  video: 'Connect a worker with the builtin engine or ComfyUI.',
  text: 'Connect a worker with the builtin engine or KoboldCPP.',
  audio: 'Connect a worker with the builtin engine or a speech server.',
  transcript: 'Connect a Whisper server to a worker to transcribe.',
};

type Spec = Pick<JobSpec, 'modality' | 'params' | 'prompt' | 'count'>;

export function whyImpossible(
  request: Pick<JobRequest, 'model' | 'modality'>,
  spec: Spec,
  offer: ModelOffer | null,
): string | null {
  const { modality } = request;
  if (!offer)
    return request.model
      ? `No worker offers the model "${request.model}" for ${modality}. GET /v1/models lists what there is.`
      : `No worker offers ${modality}. ${TO_CONNECT[modality]}`;
  const over = overLimit(spec, offer);
  return over && `${offer.name} cannot do this: ${over}.`;
}

function overLimit({ modality, params, prompt, count }: Spec, offer: ModelOffer): string | null {
  const { limits, styles, voices } = offer;
  const { width = 0, height = 0, steps = 0, style } = params as Partial<ImageParams>;
  const { seconds = 0 } = params as Partial<VideoParams>;
  const { voice } = params as { voice?: string };
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
    [style !== undefined && !styles.includes(style), `its styles are ${styles.join(', ')}`],
    [voice !== undefined && !voices.includes(voice), `its voices are ${voices.join(', ')}`],
  ];
  return checks.find(([isOver]) => isOver)?.[1] ?? null;
}
