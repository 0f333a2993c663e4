// What a job card says, as sentences. Pure, so that every state can be tested without a page.
import type { CancelView, JobView } from '../../../../machines/contract/views.ts';
import { duration, estimate, took } from './time.ts';
import { amount, settlement, tokens } from './tokens.ts';

/** What only the stream tells: lossy, and gone after a reload. */
export interface LiveBits {
  readonly fraction: number;
  readonly step?: number | undefined;
  readonly steps?: number | undefined;
}

export type Tone = 'waiting' | 'working' | 'done' | 'stopped' | 'failed';

export interface JobWords {
  readonly tone: Tone;
  readonly headline: string;
  readonly detail: string;
  readonly money: string;
  /** What cancelling would do, or null when it cannot be cancelled any more. */
  readonly cancel: string | null;
}

export interface WordsInput {
  readonly job: JobView;
  readonly live: LiveBits | undefined;
  readonly modelName: string;
  /** Seconds since the estimate was made. */
  readonly elapsedS: number;
  readonly now: number;
}

export function wordsOf(input: WordsInput): JobWords {
  const { job } = input;
  const open = job.finished_at === null;
  return {
    ...(open ? openWords(input) : endedWords(job)),
    money: settlement(job.cost),
    cancel: job.cancel && cancelNow(job.cancel, input.now),
  };
}

/** What cancelling would do now: it is free until the run has gone on for a while. */
export function cancelNow(cancel: CancelView, now: number): string {
  const { free_until, millitokens_per_s, max_millitokens } = cancel;
  const runsFor = free_until === null ? 0 : (now - Date.parse(free_until)) / 1000;
  const costs = Math.min(max_millitokens, Math.ceil(Math.max(0, runsFor) * millitokens_per_s));
  if (costs === max_millitokens) return `Costs all of its ${tokens(costs)}`;
  if (costs > 0) return `Costs ${tokens(costs)}, returns ${amount(max_millitokens - costs)}`;
  const returns = `Returns ${tokens(max_millitokens)}`;
  return free_until === null ? returns : `${returns} for the next ${duration(-runsFor)}`;
}

type Status = Pick<JobWords, 'tone' | 'headline' | 'detail'>;

function openWords({ job, live, modelName, elapsedS }: WordsInput): Status {
  // Where nobody can say when it starts, the reason says enough.
  const isKnown = job.eta !== null && job.eta.start_max_s !== null;
  const eta = job.eta && isKnown ? capitalized(estimate(job.eta, elapsedS)) : '';
  switch (job.phase) {
    case 'loading_model':
      return { tone: 'working', headline: `Loading ${modelName}`, detail: eta };
    case 'executing':
      return { tone: 'working', headline: progress(live), detail: again(job) || eta };
    case 'storing':
      return { tone: 'working', headline: 'Saving the result', detail: '' };
    case 'retrying': {
      const detail = `Attempt ${job.attempt} did not work out. Nothing is lost.`;
      return { tone: 'waiting', headline: 'Trying again', detail };
    }
    default: {
      // The headline has said already how many are ahead.
      const reason = (job.eta?.reason ?? '').replace(/^\d+ ahead(, )?/, '');
      return { tone: 'waiting', headline: place(job.position), detail: sentences(eta, reason) };
    }
  }
}

function endedWords(job: JobView): Status {
  const failure = job.failure?.message ?? 'No reason was given.';
  switch (job.state) {
    case 'succeeded':
      return { tone: 'done', headline: 'Done', detail: ranFor(job) };
    case 'cancelled':
      return { tone: 'stopped', headline: 'Cancelled', detail: paidFor(job) };
    case 'expired':
      return { tone: 'failed', headline: 'Ran out of time', detail: failure };
    case 'refused':
      return { tone: 'failed', headline: 'Refused', detail: failure };
    default:
      return { tone: 'failed', headline: 'Did not work out', detail: failure };
  }
}

/** Whoever paid for a run that was stopped wants to know what for. */
const paidFor = ({ receipt }: JobView): string =>
  receipt !== null && receipt.charged_millitokens > 0 ? `${receipt.reason}.` : '';

function place(position: number | null): string {
  if (position === null) return 'Starting';
  if (position === 0) return 'Next in line';
  return position === 1 ? '1 job ahead' : `${position} jobs ahead`;
}

function progress(live: LiveBits | undefined): string {
  if (!live) return 'Working';
  const percent = `${Math.round(live.fraction * 100)} %`;
  return live.steps ? `${percent} · step ${live.step ?? 0} of ${live.steps}` : percent;
}

const again = (job: JobView): string => (job.attempt > 1 ? `Attempt ${job.attempt}` : '');

function ranFor({ started_at, finished_at }: JobView): string {
  if (started_at === null || finished_at === null) return '';
  return took(Date.parse(finished_at) - Date.parse(started_at));
}

const capitalized = (text: string): string => text.charAt(0).toUpperCase() + text.slice(1);

const sentences = (...parts: readonly string[]): string =>
  parts.filter((part) => part !== '').join(' · ');

/** What a screen reader hears: short, and only when something changed that matters. */
export function announcement(job: JobView, live: LiveBits | undefined): string {
  const name = job.prompt.length > 40 ? `${job.prompt.slice(0, 40)}…` : job.prompt;
  if (job.finished_at !== null) return `${endedWords(job).headline}: ${name}`;
  if (job.phase === 'executing' && live) {
    const quarter = Math.floor(live.fraction * 4) * 25;
    return quarter === 0 ? `Started: ${name}` : `${quarter} percent: ${name}`;
  }
  if (job.phase === 'loading_model') return `Loading the model: ${name}`;
  return `${place(job.position)}: ${name}`;
}

/** Whole minutes until the last one: a screen reader must not hear every second. */
export function countdown(toIso: string, now: number): string {
  const seconds = Math.max(0, (Date.parse(toIso) - now) / 1000);
  return duration(seconds < 60 ? seconds : Math.ceil(seconds / 60) * 60);
}
