// One trace, played with the real policy, while everybody who comes is told when it will be their turn:
// once when they come, and again half way.
import type { Plan } from '../../machines/contract/events.ts';
import { Eta, type Wait } from '../../machines/scheduling/eta.ts';
import type { FleetWorker } from '../../machines/scheduling/policy.ts';
import { Queue } from '../../runtime/queue.ts';
import type { Evaluator, Fleet, Job, Policy, Trace, View } from './scheduler-contract.ts';
import { createPolicy, waitingOf, workerOf } from './scheduler-policy.ts';

/** Beside the weights a run needs room, too. */
const ACTIVATIONS_MB = 1_800;

/** What was told at a moment, and what came of it. */
export interface Told {
  readonly plan: Plan;
  readonly moment: 'at submit' | 'half way';
  readonly wait: Wait;
  /** What the forecast alone would have said. */
  readonly plainMs: number;
  readonly trueMs: number;
}

export interface Played {
  readonly told: Told[];
  readonly forecasts: number;
  readonly forecastMs: { readonly mean: number; readonly max: number };
}

/** When each job starts. Nobody's telling changes it, so it can be known before. */
export function startsOf(evaluator: Evaluator, trace: Trace): Map<number, number> {
  const { rec } = evaluator.simulate(trace.fleet, trace, (fleet) => createPolicy(fleet));
  return new Map(trace.jobs.map(({ id }, at) => [id, rec[at]!.start]));
}

/** The workers as a forecast wants them: what is in memory now may have to be loaded again later. */
function workersOf(fleet: Fleet, view: View, wasLoaded: ReadonlySet<string>): FleetWorker[] {
  return view.workers.map((worker) => {
    const seen = workerOf(worker, fleet, view);
    const { load_scale: scale } = fleet.workers.find(({ id }) => id === worker.id)!;
    const models = [...seen.models].map(([model, cost]) => {
      const { warm_ms: warmMs, load_ms: loadMs } = fleet.models[model]!;
      const isWarm = wasLoaded.has(`${worker.id} ${model}`);
      return [model, { ...cost, loadMs: scale * (isWarm ? warmMs : loadMs) }] as const;
    });
    return { ...seen, models: new Map(models) };
  });
}

const keepsIn = (fleet: Fleet) => (worker: FleetWorker, model: string) => {
  const { vram_mb: vramMb } = fleet.workers.find(({ id }) => id === worker.id)!;
  let freeMb = vramMb - fleet.models[model]!.vram_mb - ACTIVATIONS_MB;
  return worker.loaded.filter((other) => {
    const needMb = fleet.models[other]!.vram_mb;
    if (other === model || needMb > freeMb) return false;
    freeMb -= needMb;
    return true;
  });
};

export function play(evaluator: Evaluator, trace: Trace): Played {
  const starts = startsOf(evaluator, trace);
  const byStart = trace.jobs.toSorted((a, b) => starts.get(a.id)! - starts.get(b.id)!);
  const halfOf = ({ id, t }: Job) => (t + starts.get(id)!) / 2;
  const byHalf = trace.jobs.toSorted((a, b) => halfOf(a) - halfOf(b));
  const modelOf = new Map(trace.jobs.map(({ id, model }) => [id, model]));
  const told: Told[] = [];
  const costsMs: number[] = [];
  const eta = new Eta();
  let [started, halved] = [0, 0];

  const policyFor = (fleet: Fleet): Policy => {
    const queue = new Queue();
    const policy = createPolicy(fleet, { queue });
    const wasLoaded = new Set<string>();

    const tell = (job: Job, moment: Told['moment'], now: number, view: View): void => {
      const waiting = queue.get(String(job.id));
      if (!waiting) return;
      if (!eta.isFresh(now)) {
        const before = performance.now();
        const workers = workersOf(fleet, view, wasLoaded);
        eta.foretell({ queue, fleet: workers, keeps: keepsIn(fleet) }, now);
        costsMs.push(performance.now() - before);
      }
      const expected = eta.of(waiting.id, now) ?? eta.ifSubmitted(waiting, now);
      if (!expected) throw new Error(`Nobody can run job ${job.id} of the trace.`);
      const { wait, turn } = expected;
      const plainMs = Math.max(0, turn.startAt - now);
      told.push({ plan: job.tier, moment, wait, plainMs, trueMs: starts.get(job.id)! - now });
    };

    /** The evaluator tells a policy of no start: what has happened since is looked up. */
    const catchUp = (now: number, view: View): void => {
      for (; started < byStart.length; started += 1) {
        const job = byStart[started]!;
        const at = starts.get(job.id)!;
        if (at >= now) break;
        eta.started({ id: String(job.id), plan: job.tier }, at);
      }
      for (; halved < byHalf.length && halfOf(byHalf[halved]!) <= now; halved += 1) {
        const job = byHalf[halved]!;
        // Nothing may have happened since, for long: then it is not half way any more.
        const isHalfWay = now - halfOf(job) <= 0.25 * (starts.get(job.id)! - job.t);
        if (isHalfWay && starts.get(job.id)! > now) tell(job, 'half way', now, view);
      }
    };

    return {
      name: policy.name,
      onSubmit(job, now, view) {
        catchUp(now, view);
        policy.onSubmit(job, now, view);
        eta.submitted(waitingOf(job, view), now);
        tell(job, 'at submit', now, view);
      },
      onIdle(worker, now, view) {
        const action = policy.onIdle(worker, now, view);
        const [first] = action?.run ?? [];
        const model = first === undefined ? undefined : modelOf.get(first);
        if (model !== undefined) wasLoaded.add(`${worker.id} ${model}`);
        return action;
      },
      onDone(done, now, view) {
        catchUp(now, view);
        policy.onDone(done, now, view);
      },
    };
  };
  evaluator.simulate(trace.fleet, trace, policyFor);
  const mean = costsMs.reduce((sum, ms) => sum + ms, 0) / costsMs.length;
  return { told, forecasts: costsMs.length, forecastMs: { mean, max: Math.max(...costsMs) } };
}

/**
 * How near anybody could come who knew all that will be asked for and how long it was to take, but of runs that
 * have not ended only what was estimated: the trace is played again with the estimates from that moment on.
 * @param every one job of so many is looked at: each costs a whole play
 */
export function knownFuture(
  evaluator: Evaluator,
  trace: Trace,
  every: number,
  waitMsMin: number,
): { readonly plan: Plan; readonly errorShare: number }[] {
  const starts = startsOf(evaluator, trace);
  const waited = trace.jobs.filter(({ id, t }) => starts.get(id)! - t > waitMsMin);
  return waited
    .filter((_, at) => at % every === 0)
    .map((job) => {
      const jobs = trace.jobs.map((each) => {
        const isKnown = starts.get(each.id)! < job.t;
        return isKnown ? each : { ...each, actual_ms: each.est_ms };
      });
      const foretold = startsOf(evaluator, { ...trace, jobs }).get(job.id)!;
      const trueStart = starts.get(job.id)!;
      return { plan: job.tier, errorShare: Math.abs(foretold - trueStart) / (trueStart - job.t) };
    });
}
