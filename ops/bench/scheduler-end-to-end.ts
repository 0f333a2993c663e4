// Does the runtime do what the evaluator predicts? The same jobs twice: by the evaluator, which knows only the
// policy, and through the real core, agent and arbiter in virtual time. Both measured by the evaluator.
//   node ops/bench/scheduler-end-to-end.ts [--jobs 600] [--families calm,mixed] [--load 085] [--latency 5]
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { openEvaluator, type Evaluator, type Measures } from './end-to-end/evaluator.ts';
import { measured } from './end-to-end/measured.ts';
import { play } from './end-to-end/play.ts';
import { asServed, firstJobs } from './end-to-end/trace.ts';

export interface EndToEndOptions {
  readonly root: string;
  readonly families: readonly string[];
  readonly load: string;
  readonly jobs: number;
  readonly latencyMs: number;
  /** A module that exports `createPolicy`. */
  readonly policy: string;
}

export const FAMILIES = ['calm', 'mixed', 'burst', 'heavy-user'] as const;
const POLICY = join(import.meta.dirname, 'scheduler-policy.ts');
/** A difference below this is nobody's wait. */
const WAIT_FLOOR_S = 2;

interface Row {
  readonly figure: string;
  readonly predicted: number;
  readonly played: number;
  readonly difference: number;
}

const TIERS = ['pro', 'starter', 'free'] as const;

const figuresOf = ({ useful, loads_per_100, jain, wslow, tiers }: Measures) =>
  [
    ['useful share', useful],
    ['loads/100', loads_per_100],
    ['Jain', jain],
    ['weighted slowdown', wslow],
    ...TIERS.flatMap((tier) => [
      [`${tier} p50 s`, tiers[tier].net_p50_s],
      [`${tier} p95 s`, tiers[tier].net_p95_s],
      [`${tier} mean s`, tiers[tier].wait_mean_s],
    ]),
  ] as const as readonly (readonly [string, number])[];

function compare(predicted: Measures, played: Measures): Row[] {
  const there = figuresOf(played);
  return figuresOf(predicted).map(([figure, value], index) => {
    const other = there[index]![1];
    const floor = figure.endsWith(' s') ? WAIT_FLOOR_S : 1e-9;
    return {
      figure,
      predicted: value,
      played: other,
      difference: (other - value) / Math.max(value, floor),
    };
  });
}

async function playOne(evaluator: Evaluator, name: string, options: EndToEndOptions) {
  const trace = asServed(firstJobs(evaluator.trace(name), options.jobs));
  const createPolicy = await evaluator.policy(options.policy);
  const predicted = evaluator.measure(trace, evaluator.simulate(trace, createPolicy));
  const played = await play(trace, {
    latencyMs: options.latencyMs,
    loadNoise: (worker, model, count) =>
      evaluator.loadNoise(trace.header.seed, worker, model, count),
  });
  const found = evaluator.measure(trace, measured(trace, played));
  return { rows: compare(predicted, found), mishaps: played.mishaps, predicted, found };
}

/** Prints the table of each family. @returns whether useful share and mean waits are within 5 % */
export async function endToEnd(options: EndToEndOptions): Promise<boolean> {
  const evaluator = await openEvaluator(options.root);
  let isGood = true;
  for (const family of options.families) {
    const name = `${family}-r${options.load}-s1`;
    const startedAt = performance.now();
    const { rows, mishaps, predicted, found } = await playOne(evaluator, name, options);
    const wallS = ((performance.now() - startedAt) / 1000).toFixed(1);
    console.log(`\n${name}, the first ${options.jobs} jobs (${wallS} s)`);
    console.table(
      rows.map(({ figure, predicted: before, played, difference }) => ({
        figure,
        evaluator: Number(before.toFixed(3)),
        runtime: Number(played.toFixed(3)),
        'difference %': Number((100 * difference).toFixed(1)),
      })),
    );
    console.log(
      `idle with work waiting: ${found.forced_idle_s.toFixed(1)} s ` +
        `(evaluator ${predicted.forced_idle_s.toFixed(1)} s); ` +
        `loading: ${found.load_s.toFixed(0)} s (evaluator ${predicted.load_s.toFixed(0)} s)`,
    );
    for (const mishap of mishaps.slice(0, 5)) console.log(`  ! ${mishap.slice(0, 300)}`);
    if (mishaps.length > 5) console.log(`  ! and ${mishaps.length - 5} more`);
    isGood &&= rows.every(
      ({ figure, difference }) =>
        !(figure === 'useful share' || figure.endsWith('mean s')) || Math.abs(difference) <= 0.05,
    );
  }
  return isGood;
}

if (import.meta.main) {
  const { values } = parseArgs({
    options: {
      jobs: { type: 'string', default: '600' },
      families: { type: 'string', default: FAMILIES.join(',') },
      load: { type: 'string', default: '085' },
      latency: { type: 'string', default: '5' },
      policy: { type: 'string', default: POLICY },
    },
  });
  const root = process.env['TESSERA_SCHED_EVAL'];
  if (!root) throw new Error('Set TESSERA_SCHED_EVAL to the folder of the scheduling evaluator.');
  const isGood = await endToEnd({
    root,
    families: values.families.split(','),
    load: values.load,
    jobs: Number(values.jobs),
    latencyMs: Number(values.latency),
    policy: values.policy,
  });
  process.exitCode = isGood ? 0 : 1;
}
