// How good is what waiting people are told? By plan and family of traces: how often the true start lay in
// the told range, how far off its middle was, and how wide it was.
//   TESSERA_SCHED_EVAL=/path/to/evaluator node ops/bench/eta.ts [--known-future] [trace names ...]
import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { knownFuture, play, type Told } from './eta-trace.ts';
import type { Evaluator } from './scheduler-contract.ts';

/** A wait that is shorter is none: its ranges are seconds, and shares of it say nothing. */
const WAIT_MS_MIN = 10_000;
const PLANS = ['pro', 'starter', 'free'] as const;
/** One of so many jobs is played again with a known future. */
const EVERY = 60;
/** What is wanted: in the range at least, and at most this error and width, as shares of the wait. */
const GOALS = { inRange: 0.8, error: 0.25, width: 0.6 };

export async function evaluatorAt(root: string): Promise<Evaluator> {
  const load = (name: string): Promise<Partial<Evaluator>> =>
    import(pathToFileURL(join(root, 'lib', name)).href) as Promise<Partial<Evaluator>>;
  return { ...(await load('sim.mjs')), ...(await load('trace.mjs')) } as Evaluator;
}

function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)] ?? NaN;
}

const percent = (share: number): string => `${Math.round(100 * share)} %`;
const shareOf = <T>(all: readonly T[], is: (one: T) => boolean): number =>
  all.filter(is).length / all.length;

const isInRange = ({ wait, trueMs }: Told): boolean => trueMs >= wait.low && trueMs <= wait.high;

function cellsOf(all: readonly Told[]): string[] {
  const waited = all.filter(({ trueMs }) => trueMs > WAIT_MS_MIN);
  const figure = (of: (told: Told) => number) => median(waited.map(of));
  const inRange = shareOf(all, isInRange);
  const error = figure(({ wait, trueMs }) => Math.abs(wait.middle - trueMs) / trueMs);
  const width = figure(({ wait, trueMs }) => (wait.high - wait.low) / trueMs);
  const plain = figure(({ plainMs, trueMs }) => Math.abs(plainMs - trueMs) / trueMs);
  const met = [inRange >= GOALS.inRange, error <= GOALS.error, width <= GOALS.width];
  return [
    ...[`${all.length}`, percent(inRange), `${waited.length}`, percent(shareOf(waited, isInRange))],
    ...[percent(error), percent(width), percent(plain)],
    met.map((is) => (is ? 'met' : 'MISSED')).join(', '),
  ];
}

function printTable(byFamily: ReadonlyMap<string, readonly Told[]>): void {
  console.log(
    `\nWhat people are told of their start; shares of the wait, of those who waited over 10 s`,
  );
  console.log(
    '\n| family | plan | told | jobs | in range | waited | of these in range | median error | median width | error of the forecast alone | ≥ 80 %, ≤ 25 %, ≤ 60 % |',
  );
  console.log('|---|---|---|---:|---:|---:|---:|---:|---:|---:|---|');
  for (const [family, told] of byFamily)
    for (const plan of PLANS)
      for (const moment of ['at submit', 'half way'] as const) {
        const own = told.filter((each) => each.plan === plan && each.moment === moment);
        if (own.length > 0)
          console.log(`| ${[family, plan, moment, ...cellsOf(own)].join(' | ')} |`);
      }
}

/** @param names of traces, without folder and ending; all if there are none */
export async function printEta(
  root: string,
  names: readonly string[] = [],
  withKnownFuture = false,
): Promise<void> {
  const evaluator = await evaluatorAt(root);
  const files = readdirSync(join(root, 'traces'))
    .filter((file) => file.endsWith('.jsonl'))
    .filter((file) => names.length === 0 || names.some((name) => file.startsWith(name)));
  const byFamily = new Map<string, Told[]>([['all', []]]);
  const known: ReturnType<typeof knownFuture> = [];
  const costs: number[] = [];
  for (const file of files) {
    const trace = evaluator.readTrace(join(root, 'traces', file));
    const { told, forecastMs } = play(evaluator, trace);
    costs.push(forecastMs.max);
    for (const key of ['all', trace.header.family])
      byFamily.set(key, [...(byFamily.get(key) ?? []), ...told]);
    if (withKnownFuture) known.push(...knownFuture(evaluator, trace, EVERY, WAIT_MS_MIN));
  }
  printTable(byFamily);
  console.log(`\nThe dearest forecast took ${Math.max(...costs).toFixed(0)} ms.`);
  if (!withKnownFuture) return;
  console.log('\nWho knew all that comes, and of runs the estimates, would be off by (median)\n');
  for (const plan of PLANS) {
    const own = known.filter((each) => each.plan === plan);
    const error = percent(median(own.map(({ errorShare }) => errorShare)));
    console.log(`- ${plan}: ${error} (${own.length} jobs)`);
  }
}

if (import.meta.main) {
  const root = process.env['TESSERA_SCHED_EVAL'];
  if (root && existsSync(join(root, 'lib', 'sim.mjs'))) {
    const words = process.argv.slice(2);
    const names = words.filter((word) => !word.startsWith('--'));
    await printEta(root, names, words.includes('--known-future'));
  } else {
    console.error('Set TESSERA_SCHED_EVAL to the folder of the scheduling evaluator.');
    process.exitCode = 1;
  }
}
