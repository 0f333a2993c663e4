// The outside evaluator, wherever the environment says it is: its traces, its simulation and its measures.
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import type { EvaluatorRun } from './measured.ts';
import type { Trace } from './trace.ts';

type NetWaits = Readonly<Record<string, unknown>>;

/** What is read of the evaluator's measures; times in seconds. */
export interface Measures {
  readonly useful: number;
  readonly loads_per_100: number;
  readonly jain: number;
  readonly wslow: number;
  readonly forced_idle_s: number;
  readonly load_s: number;
  readonly tiers: Readonly<
    Record<
      'pro' | 'starter' | 'free',
      { readonly net_p50_s: number; readonly net_p95_s: number; readonly wait_mean_s: number }
    >
  >;
}

type CreatePolicy = (fleet: never, options?: never) => unknown;

export interface Evaluator {
  readonly trace: (name: string) => Trace;
  readonly simulate: (trace: Trace, createPolicy: CreatePolicy) => EvaluatorRun;
  readonly measure: (trace: Trace, run: EvaluatorRun) => Measures;
  readonly loadNoise: (seed: string, worker: string, model: string, count: number) => number;
  readonly policy: (path: string) => Promise<CreatePolicy>;
}

export async function openEvaluator(root: string): Promise<Evaluator> {
  const load = async (...path: string[]): Promise<Record<string, (...args: never[]) => unknown>> =>
    (await import(pathToFileURL(join(root, ...path)).href)) as never;
  const call = <Answer>(module: Awaited<ReturnType<typeof load>>, name: string) => {
    const found = module[name];
    if (!found) throw new Error(`The evaluator at TESSERA_SCHED_EVAL has no ${name}.`);
    return found as (...args: unknown[]) => Answer;
  };
  const [sim, metrics, traces, bounds, rng] = await Promise.all(
    ['sim', 'metrics', 'trace', 'bounds', 'rng'].map((name) => load('lib', `${name}.mjs`)),
  );
  const readTrace = call<Trace>(traces!, 'readTrace');
  const simulate = call<EvaluatorRun>(sim!, 'simulate');
  const measure = call<Measures>(metrics!, 'measure');
  const boundsOf = call<{ base: NetWaits }>(bounds!, 'bounds');
  return {
    trace: (name) => readTrace(join(root, 'traces', `${name}.jsonl`)),
    simulate: (trace, createPolicy) => simulate(trace.fleet, trace, createPolicy),
    measure: (trace, run) => measure(trace, run, boundsOf(trace).base),
    loadNoise: call<number>(rng!, 'loadNoise'),
    policy: async (path) => {
      const module = (await import(pathToFileURL(path).href)) as { createPolicy?: CreatePolicy };
      if (!module.createPolicy) throw new Error(`${path} exports no createPolicy.`);
      return module.createPolicy;
    },
  };
}
