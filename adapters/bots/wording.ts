// What a bot says of a job, on its way and at its end, in any language; a platform adds its own look.
import type { DeliveryView } from '../../machines/contract/frontend-views.ts';
import type { EtaView, JobView } from '../../machines/contract/views.ts';
import { tamed, type Texts } from './texts/texts.ts';

/** Where a job is on its way, as much as is told of it. */
export interface Status {
  readonly job: JobView;
  readonly position: number | null;
  readonly eta: EtaView | null;
  /** From 0 to 1, while it runs. */
  readonly fraction: number | null;
  /** The picture forming, as a data URL. */
  readonly preview: string | null;
}

/** "about 40 s", "20 s to 3 min", or the word for nobody knows. */
export function waitOf(texts: Texts, eta: EtaView | null): string {
  if (eta === null || eta.start_max_s === null) return 'none';
  const [min, max] = [texts.span(eta.min_s), texts.span(eta.max_s)];
  return eta.max_s > eta.min_s * 2 && min !== max
    ? texts.say('wait-between', { min, max })
    : texts.say('wait-about', { max });
}

export function statusText(texts: Texts, status: Status): string {
  const { job, position, eta, fraction } = status;
  const wait = waitOf(texts, eta);
  switch (job.phase) {
    case 'retrying':
      return texts.say('status-retrying');
    case 'loading_model':
      return texts.say('status-loading', { model: job.model });
    case 'executing':
      return texts.say('status-running', { percent: Math.floor((fraction ?? 0) * 100) });
    case 'storing':
    case 'settled':
      return texts.say('status-storing');
    case 'waiting':
      return position === null
        ? texts.say('status-accepted', { wait })
        : texts.say('status-waiting', { position, wait });
  }
}

/** Under the status: what is set aside for it. */
export const heldText = (texts: Texts, { cost }: JobView): string =>
  texts.say('status-held', { cost: texts.tokens(cost.millitokens) });

/** A job that did not succeed: what happened, that it cost nothing, what to do. */
export function endedText(texts: Texts, job: JobView): string {
  const reasonKey = `failure-${job.failure?.code ?? ''}`;
  const reason = texts.has(reasonKey) ? texts.say(reasonKey) : (job.failure?.message ?? '');
  const refund = { cost: texts.tokens(job.cost.millitokens), job: job.id };
  return [
    texts.say(`ended-${job.state}`, { reason }),
    texts.say('ended-refund', refund),
    texts.say('ended-next'),
  ].join('\n');
}

/** What it was made with, what it cost, and the job's id: on every result. */
export function resultText(texts: Texts, job: JobView): string {
  const [output] = job.outputs;
  const size =
    output?.width === undefined || output.height === undefined
      ? sizeOf(texts, output?.bytes ?? 0)
      : `${output.width}×${output.height}`;
  const charged = job.cost.charged_millitokens ?? job.cost.millitokens;
  return [
    texts.say('result-caption', { model: job.model, size, seed: seedOf(job) ?? 'none' }),
    texts.say('result-cost', { cost: texts.tokens(charged), job: job.id }),
  ].join('\n');
}

/** The seed it was made with, by which it can be made again; null where it has none. */
export function seedOf({ outputs, params }: JobView, n = 0): string | null {
  const seed = outputs[n]?.facts['seed'] ?? params['seed'];
  return typeof seed === 'number' || typeof seed === 'string' ? String(seed) : null;
}

export const sizeOf = (texts: Texts, bytes: number): string =>
  `${new Intl.NumberFormat(texts.language, { maximumFractionDigits: 1 }).format(bytes / 1024 / 1024)} MB`;

/** The prompt as it may stand in a message, cut where it is long. */
export function shownPrompt(prompt: string, max: number): string {
  const plain = tamed(prompt.replaceAll(/\s+/g, ' ').trim());
  return plain.length <= max
    ? plain
    : `${[...plain]
        .slice(0, max - 1)
        .join('')
        .slice(0, max - 1)}…`;
}

/** Set aside for a job that is in somebody's chat. */
export const isOver = ({ job }: DeliveryView): boolean => job.phase === 'settled';
