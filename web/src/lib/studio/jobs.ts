// My jobs as this page knows them: views from the list and the stream, and the lossy bits of those
// that run. Transitions only; `studio.ts` feeds them.
import { createStore } from '@xstate/store';
import type { FrameOf } from '../../../../adapters/client/live.ts';
import type { JobListView } from '../../../../adapters/client/http.ts';
import type { JobView } from '../../../../machines/contract/views.ts';
import type { LiveBits } from '../words/job-words.ts';

export interface LiveJob extends LiveBits {
  readonly preview?: string | undefined;
  /** Written so far; begins with an ellipsis when this page came late or missed a piece. */
  readonly text: string;
  readonly nextIndex: number;
}

export interface Entry {
  readonly job: JobView;
  /** When the estimate arrived, to count it down. */
  readonly etaAt: number;
}

export interface JobsContext {
  readonly entries: Readonly<Record<string, Entry>>;
  readonly live: Readonly<Record<string, LiveJob>>;
  /** Ids, newest first. */
  readonly order: readonly string[];
  readonly nextCursor: string | null;
  /** The list was fetched at least once; until then, emptiness means nothing. */
  readonly known: boolean;
}

type At = { readonly at: number };

const NOTHING: JobsContext = { entries: {}, live: {}, order: [], nextCursor: null, known: false };
const SILENT: LiveJob = { fraction: 0, text: '', nextIndex: 0 };

export const createJobsStore = () =>
  createStore({
    context: NOTHING,
    on: {
      /** The first page. Jobs known already stay, unless so much happened that there is a gap. */
      listFetched: (context, { list, at }: { list: JobListView } & At): JobsContext => {
        const overlaps = list.data.some((job) => context.entries[job.id] !== undefined);
        const base = overlaps ? context : { ...NOTHING, live: context.live };
        const merged = list.data.reduce((next, job) => withJob(next, job, at), base);
        const nextCursor = overlaps ? context.nextCursor : list.next_cursor;
        return { ...merged, nextCursor, known: true };
      },
      moreFetched: (context, { list, at }: { list: JobListView } & At): JobsContext => ({
        ...list.data.reduce((next, job) => withJob(next, job, at), context),
        nextCursor: list.next_cursor,
      }),
      jobChanged: (context, { job, at }: { job: JobView } & At): JobsContext =>
        withJob(context, job, at),
      progressed: (context, { frame }: { frame: FrameOf<'progress'> }): JobsContext =>
        withLive(context, frame.job_id, (live) => ({
          ...live,
          fraction: Math.max(0, Math.min(1, frame.fraction)),
          step: frame.step ?? live.step,
          steps: frame.steps ?? live.steps,
          preview: frame.preview ?? live.preview,
        })),
      written: (context, { frame }: { frame: FrameOf<'text'> }): JobsContext =>
        withLive(context, frame.job_id, (live) => withText(live, frame)),
      placed: (context, { frame, at }: { frame: FrameOf<'position'> } & At): JobsContext => {
        const entry = context.entries[frame.job_id];
        if (!entry || isEnded(entry.job)) return context;
        const job = { ...entry.job, position: frame.position, eta: frame.eta };
        return { ...context, entries: { ...context.entries, [job.id]: { job, etaAt: at } } };
      },
    },
  });

export type JobsStore = ReturnType<typeof createJobsStore>;

export const isEnded = (job: JobView): boolean => job.finished_at !== null;

function withJob(context: JobsContext, job: JobView, at: number): JobsContext {
  const known = context.entries[job.id];
  // The stream repeats itself after a reconnect; an ended job never opens again.
  if (known && isEnded(known.job) && !isEnded(job)) return context;
  const entries = { ...context.entries, [job.id]: { job, etaAt: at } };
  const order = known ? context.order : inserted(context, entries, job.id);
  return { ...context, entries, order, live: liveAfter(context.live, known?.job, job) };
}

/** A new attempt starts from nothing, and what has ended needs no progress. */
function liveAfter(
  live: JobsContext['live'],
  before: JobView | undefined,
  job: JobView,
): JobsContext['live'] {
  const outdated = isEnded(job) || (before !== undefined && before.attempt !== job.attempt);
  if (!outdated || !live[job.id]) return live;
  const { [job.id]: _gone, ...rest } = live;
  return rest;
}

function inserted(context: JobsContext, entries: JobsContext['entries'], id: string): string[] {
  const created = (each: string) => entries[each]?.job.created_at ?? '';
  const mine = created(id);
  const place = context.order.findIndex((each) => created(each) < mine);
  const at = place === -1 ? context.order.length : place;
  return [...context.order.slice(0, at), id, ...context.order.slice(at)];
}

function withLive(
  context: JobsContext,
  id: string,
  change: (live: LiveJob) => LiveJob,
): JobsContext {
  const job = context.entries[id]?.job;
  if (!job || isEnded(job)) return context;
  return { ...context, live: { ...context.live, [id]: change(context.live[id] ?? SILENT) } };
}

function withText(live: LiveJob, frame: FrameOf<'text'>): LiveJob {
  if (frame.index < live.nextIndex) return live;
  const gap = frame.index > live.nextIndex ? '… ' : '';
  return { ...live, text: live.text + gap + frame.text, nextIndex: frame.index + 1 };
}
