// Does the runtime do what the evaluator predicts? The same jobs twice: by the evaluator, with the policy as
// informed as it is here, and through the real core, agent and arbiter in virtual time. Both measured by the evaluator.
//   node ops/bench/scheduler-end-to-end.ts [--jobs 600] [--rounds 4] [--families calm,mixed] [--load 085] [--latency 5]
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { openEvaluator, type Evaluator, type Measures } from './end-to-end/evaluator.ts';
import { measured } from './end-to-end/measured.ts';
import { play } from './end-to-end/play.ts';
import { asServed, firstJobs, type Trace } from './end-to-end/trace.ts';

export interface EndToEndOptions {
  readonly root: string;
  readonly families: readonly string[];
  readonly load: string;
  readonly jobs: number;
  readonly rounds: number;
  readonly latencyMs: number;
  /** A module that exports `createPolicy`. */
  readonly policy: string;
}

export const FAMILIES = ['calm', 'mixed', 'burst', 'heavy-user'] as const;
const POLICY = join(import.meta.dirname, 'end-to-end', 'informed-policy.ts');
/** A difference below this is nobody's wait. */
const WAIT_FLOOR_S = 2;

const TIERS = ['pro', 'starter', 'free'] as const;

const figuresOf = ({ useful, loads_per_100, jain, wslow, tiers, ...rest }: Measures) => ({
  'useful share': useful,
  'loads/100': loads_per_100,
  Jain: jain,
  'weighted slowdown': wslow,
  ...Object.fromEntries(
    TIERS.flatMap((tier) => [
      [`${tier} mean s`, tiers[tier].wait_mean_s],
      [`${tier} p50 s`, tiers[tier].net_p50_s],
      [`${tier} p95 s`, tiers[tier].net_p95_s],
    ]),
  ),
  'idle with work waiting s': rest.forced_idle_s,
  'loading s': rest.load_s,
});

interface Round {
  readonly predicted: Measures;
  readonly played: Measures;
  readonly mishaps: readonly string[];
}

/** In each round every load takes another time, the same on both sides: one schedule is one draw of many. */
async function playRound(evaluator: Evaluator, trace: Trace, options: EndToEndOptions) {
  const createPolicy = await evaluator.policy(options.policy);
  const played = await play(trace, {
    latencyMs: options.latencyMs,
    loadNoise: (worker, model, count) =>
      evaluator.loadNoise(trace.header.seed, worker, model, count),
  });
  return {
    predicted: evaluator.measure(trace, evaluator.simulate(trace, createPolicy)),
    played: evaluator.measure(trace, measured(trace, played)),
    mishaps: played.mishaps,
  };
}

const mean = (values: readonly number[]): number =>
  values.reduce((sum, value) => sum + value, 0) / values.length;

function tableOf(rounds: readonly Round[]) {
  const before = rounds.map(({ predicted }) => figuresOf(predicted));
  const after = rounds.map(({ played }) => figuresOf(played));
  return Object.keys(before[0]!).map((figure) => {
    const values = (of: typeof before) =>
      of.map((each) => (each as Record<string, number>)[figure]!);
    const predicted = mean(values(before));
    const runtime = mean(values(after));
    const range = [Math.min(...values(before)), Math.max(...values(before))];
    const least = figure.endsWith(' s') ? WAIT_FLOOR_S : 1e-9;
    return {
      figure,
      ...{ evaluator: round(predicted), 'from round to round': range.map(round).join(' to ') },
      ...{
        runtime: round(runtime),
        '%': round((100 * (runtime - predicted)) / Math.max(predicted, least)),
      },
    };
  });
}

const round = (value: number): number => Number(value.toPrecision(4));

/** Prints a table of each family. @returns whether useful share and mean waits are within 5 % of what was predicted */
export async function endToEnd(options: EndToEndOptions): Promise<boolean> {
  const evaluator = await openEvaluator(options.root);
  let isGood = true;
  for (const family of options.families) {
    const name = `${family}-r${options.load}-s1`;
    const trace = asServed(firstJobs(evaluator.trace(name), options.jobs));
    const startedAt = performance.now();
    const rounds: Round[] = [];
    for (let n = 0; n < options.rounds; n++) {
      const { header } = trace;
      const seed = n === 0 ? header.seed : `${header.seed}.${n}`;
      rounds.push(await playRound(evaluator, { ...trace, header: { ...header, seed } }, options));
    }
    const wallS = Math.round((performance.now() - startedAt) / 1000);
    console.log(
      `\n${name}: ${trace.jobs.length} jobs, means of ${rounds.length} rounds, ${wallS} s`,
    );
    const rows = tableOf(rounds);
    console.table(rows);
    tellMishaps(rounds.flatMap(({ mishaps }) => mishaps));
    isGood &&= rows.every(
      ({ figure, '%': percent }) => !isPromised(figure) || Math.abs(percent) <= 5,
    );
  }
  return isGood;
}

const isPromised = (figure: string): boolean =>
  figure === 'useful share' || figure.endsWith('mean s');

function tellMishaps(mishaps: readonly string[]): void {
  const counts = Map.groupBy(mishaps, (mishap) => mishap.split('{')[0]!.trim());
  for (const [words, { length }] of counts) console.log(`  ${length} x ${words.slice(0, 150)}`);
}

if (import.meta.main) {
  const { values } = parseArgs({
    options: {
      jobs: { type: 'string', default: '600' },
      rounds: { type: 'string', default: '4' },
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
    rounds: Number(values.rounds),
    latencyMs: Number(values.latency),
    policy: values.policy,
  });
  process.exitCode = isGood ? 0 : 1;
}
