// The policy beside seven others on the evaluator's traces, its goals, and what a decision costs.
//   TESSERA_SCHED_EVAL=/path/to/evaluator npm run bench:scheduler [-- --traces some/*.jsonl]
import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { costOf } from './scheduler-cost.ts';

const OURS = join(import.meta.dirname, 'scheduler-policy.ts');
const BASELINES = [
  ...['fifo', 'priority', 'priority-affinity', 'swarmui-like', 'aihorde-like', 'llamaswap-like'],
  'wfq',
];
/** People who wait, of the jobs that wait: alone, some, and a few with long lines. */
const COSTS = [
  [1_000, 1_000],
  [10_000, 10_000],
  [10_000, 1_000],
  [100_000, 1_000],
] as const;
const WORKERS = 50;

interface Row {
  readonly policy: string;
  readonly family: string;
  readonly rho: number;
  readonly error?: string;
  readonly m: { readonly wslow: number; readonly max_wait_s: number };
  readonly b: { readonly slow: number; readonly fifo0_max_wait_s: number };
}

interface Goal {
  readonly id: string;
  readonly metric: string;
  readonly rho?: number;
  readonly rho_min?: number;
  readonly rho_max?: number;
  readonly over?: 'worst';
  readonly max?: number;
  readonly min?: number;
}

const mean = (values: readonly number[]) => values.reduce((a, b) => a + b, 0) / values.length;

function evaluator(): string {
  const root = process.env['TESSERA_SCHED_EVAL'];
  if (root && existsSync(join(root, 'run.mjs'))) return root;
  throw new Error(
    'The scheduling evaluator is not there: set TESSERA_SCHED_EVAL to the folder that holds its run.mjs.',
  );
}

/** Its own tables go to the terminal; the rows behind them come back. */
function rowsOf(root: string, more: readonly string[]): Row[] {
  const folder = mkdtempSync(join(tmpdir(), 'tessera-scheduler-'));
  try {
    const json = join(folder, 'rows.json');
    const paths = [OURS, ...BASELINES.map((name) => join(root, 'policies', `${name}.mjs`))];
    const words = [join(root, 'run.mjs'), '--policy', ...paths, ...more, '--json', json];
    const { status } = spawnSync(process.execPath, words, { stdio: 'inherit' });
    if (!existsSync(json)) throw new Error(`The evaluator ended with ${status} and no results.`);
    return (JSON.parse(readFileSync(json, 'utf8')) as { rows: Row[] }).rows;
  } finally {
    rmSync(folder, { recursive: true });
  }
}

const slowdown = (rows: readonly Row[]) => mean(rows.map(({ m }) => m.wslow));

function printSlowdowns(rows: readonly Row[]): void {
  console.log('\nweighted slowdown, mean over loads\n');
  console.log('| family | lower bound | best of seven | which | this policy | ratio |');
  console.log('|---|---:|---:|---|---:|---:|');
  for (const family of new Set(rows.map((row) => row.family))) {
    const own = rows.filter((row) => row.family === family);
    const of = (policy: string) => slowdown(own.filter((row) => row.policy === policy));
    const [best, which] = BASELINES.map((name) => [of(name), name] as const).reduce((a, b) =>
      b[0] < a[0] ? b : a,
    );
    const bound = mean(own.map(({ b }) => b.slow));
    const ours = of('tessera');
    const cells = [bound, best].map((value) => value.toFixed(1));
    const ratio = (ours / best).toFixed(2);
    console.log(`| ${[family, ...cells, which, ours.toFixed(1), ratio].join(' | ')} |`);
  }
}

function valueOf({ m, b }: Row, metric: string): number {
  if (metric === 'slow_ratio') return m.wslow / b.slow;
  if (metric === 'max_wait_ratio') return m.max_wait_s / Math.max(60, b.fifo0_max_wait_s);
  const steps = metric.split('.');
  return steps.reduce<unknown>((at, step) => (at as Record<string, unknown>)[step], m) as number;
}

function printGoals(rows: readonly Row[], goals: readonly Goal[]): void {
  console.log('\n| goal | wanted | reached | |\n|---|---:|---:|---|');
  let [met, told] = [0, 0];
  for (const goal of goals) {
    const { rho, rho_min = 0, rho_max = Infinity, max, min } = goal;
    const own = rows
      .filter((row) => row.policy === 'tessera' && row.rho >= rho_min && row.rho <= rho_max)
      .filter((row) => rho === undefined || row.rho === rho)
      .map((row) => valueOf(row, goal.metric));
    if (own.length === 0) continue;
    const worst = max === undefined ? Math.min(...own) : Math.max(...own);
    const value = goal.over === 'worst' ? worst : mean(own);
    const isMet = value <= (max ?? Infinity) && value >= (min ?? -Infinity);
    told += 1;
    if (isMet) met += 1;
    const wanted = max === undefined ? `≥ ${min}` : `≤ ${max}`;
    const reached = value.toFixed(value < 10 ? 3 : 1);
    console.log(`| ${goal.id} | ${wanted} | ${reached} | ${isMet ? 'met' : 'MISSED'} |`);
  }
  const untold = goals.length - told;
  const loads = untold > 0 ? `; of ${untold} these traces have no load to tell` : '';
  console.log(`\n${met} of ${told} goals met${loads}`);
}

function printCosts(): void {
  console.log(
    '\n| waiting | people | workers | a decision, median ms | of processor time | all free, each ms |',
  );
  console.log('|---:|---:|---:|---:|---:|---:|');
  for (const [waiting, people] of COSTS) {
    const { medianMs, processorMs, eachOfAllMs } = costOf(waiting, people, WORKERS);
    const cells = [medianMs, processorMs, eachOfAllMs].map((ms) => ms.toFixed(3));
    console.log(`| ${[waiting, people, WORKERS, ...cells].join(' | ')} |`);
  }
}

try {
  const root = evaluator();
  const rows = rowsOf(root, process.argv.slice(2));
  const failed = rows.find(({ error }) => error);
  if (failed) throw new Error(`${failed.policy} failed on ${failed.family}: ${failed.error}`);
  const { goals } = JSON.parse(readFileSync(join(root, 'goals.json'), 'utf8')) as { goals: Goal[] };
  printSlowdowns(rows);
  printGoals(rows, goals);
  printCosts();
} catch (error) {
  console.error((error as Error).message);
  process.exitCode = 1;
}
