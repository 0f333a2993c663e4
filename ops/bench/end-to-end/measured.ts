// What was played, in the terms of the outside evaluator, so that its own measure reads both sides alike.
import type { Played, PlayedWorker } from './play.ts';
import type { Trace } from './trace.ts';

/** The result of one run, as the evaluator's `simulate` answers it. */
export interface EvaluatorRun {
  readonly rec: readonly { start: number; end: number; w: number; b: number }[];
  readonly makespan: number;
  readonly workers: readonly {
    readonly id: string;
    readonly speed: number;
    readonly exec_ms: number;
    readonly load_ms: number;
    readonly load_pending_ms: number;
    readonly idle_pending_ms: number;
    readonly loads: number;
    readonly cold_loads: number;
    readonly batches: number;
  }[];
}

interface Interval {
  readonly from: number;
  readonly to: number;
}

const lengthOf = (intervals: readonly Interval[]): number =>
  intervals.reduce((sum, { from, to }) => sum + to - from, 0);

export function measured(trace: Trace, played: Played): EvaluatorRun {
  const runs = played.workers.flatMap(({ spans }, w) =>
    spans
      .filter(({ what }) => what === 'run')
      .flatMap(({ jobs, from, to }) => jobs.map((job) => ({ job, from, to, w, b: jobs.length }))),
  );
  const byJob = new Map(runs.map((run) => [run.job, run]));
  const rec = trace.jobs.map(({ id }) => {
    const run = byJob.get(`job_${id}`);
    if (!run) throw new Error(`Job ${id} of the trace never ran.`);
    return { start: run.from, end: run.to, w: run.w, b: run.b };
  });
  return {
    rec,
    makespan: Math.max(0, ...rec.map(({ end }) => end)),
    workers: played.workers.map((each) => workerFigures(each, trace, rec)),
  };
}

function workerFigures(
  { worker, spans }: PlayedWorker,
  { jobs }: Trace,
  rec: EvaluatorRun['rec'],
): EvaluatorRun['workers'][number] {
  const runs = spans.filter(({ what }) => what === 'run');
  const changes = spans.filter(({ what }) => what !== 'run');
  // A job that could run here waits from its submit until its run begins.
  const waits = jobs
    .map((job, index) => ({ model: job.model, from: job.t, to: rec[index]!.start }))
    .filter(({ model }) => worker.models.includes(model));
  const busyWhileWaited = lengthOf(overlap(union(waits), union(spans)));
  return {
    id: worker.id,
    speed: worker.speed,
    exec_ms: lengthOf(runs),
    load_ms: lengthOf(changes),
    load_pending_ms: lengthOf(changes),
    idle_pending_ms: lengthOf(union(waits)) - busyWhileWaited,
    loads: changes.filter(({ what }) => what === 'load').length,
    cold_loads: changes.filter(({ isCold }) => isCold).length,
    batches: runs.length,
  };
}

function union(intervals: readonly Interval[]): Interval[] {
  const joined: { from: number; to: number }[] = [];
  for (const { from, to } of intervals.toSorted((a, b) => a.from - b.from)) {
    const last = joined.at(-1);
    if (last && from <= last.to) last.to = Math.max(last.to, to);
    else joined.push({ from, to });
  }
  return joined;
}

/** Both in order and without overlaps of their own. */
function overlap(some: readonly Interval[], others: readonly Interval[]): Interval[] {
  const common: Interval[] = [];
  for (let a = 0, b = 0; a < some.length && b < others.length;) {
    const [one, other] = [some[a]!, others[b]!];
    const [from, to] = [Math.max(one.from, other.from), Math.min(one.to, other.to)];
    if (from < to) common.push({ from, to });
    if (one.to < other.to) a += 1;
    else b += 1;
  }
  return common;
}
