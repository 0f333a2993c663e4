// npm run simulate -- --seeds 2000 [--from 1] [--minutes M]   many seeds, on all cores
// npm run simulate -- --seed N [--verbose]                    one seed, and its story
// npm run simulate -- --planted                               does it find what it has to find?
import { parseArgs } from 'node:util';
import { findPlanted } from './planted/find.ts';
import { Pool, THREADS } from './pool.ts';
import { Report } from './report.ts';
import { replayCommand, shrink } from './shrink.ts';
import type { SeedResult } from './seed.ts';
import type { Limits } from './limits.ts';

const { values: options } = parseArgs({
  options: {
    seeds: { type: 'string' },
    from: { type: 'string', default: '1' },
    minutes: { type: 'string' },
    seed: { type: 'string' },
    verbose: { type: 'boolean', default: false },
    planted: { type: 'boolean', default: false },
    only: { type: 'string' },
    without: { type: 'string', default: '' },
    runtimes: { type: 'string', default: 'Infinity' },
    workers: { type: 'string', default: 'Infinity' },
    people: { type: 'string', default: 'Infinity' },
    wishes: { type: 'string', default: 'Infinity' },
    faults: { type: 'string', default: 'Infinity' },
  },
});

const limits: Limits = {
  without: new Set(options.without.split(',').filter((kind) => kind !== '')),
  runtimes: Number(options.runtimes),
  workers: Number(options.workers),
  people: Number(options.people),
  wishes: Number(options.wishes),
  faults: Number(options.faults),
};

/** From this many seeds on, every rare situation has to have come about. */
const STANDARD_SEEDS = 2_000;
/** One in so many seeds is run twice, in two threads: the same seed is the same story. */
const COMPARE_EVERY = 50;
const DEFAULT_SEEDS = 200;
/** Within so many seeds each planted bug has to be found. */
const PLANTED_SEEDS = 1_000;
const PROGRESS_EVERY_MS = 10_000;
const FAILURES_MAX = 5;

async function one(seed: number): Promise<boolean> {
  const pool = new Pool(null, 1);
  const result = await pool.run({ seed, limits, isTold: options.verbose });
  for (const line of result.lines) console.log(line);
  console.log(wordsOf(result));
  await pool.close();
  return result.violation === null;
}

const wordsOf = ({ seed, hash, turns, jobs, faults, violation, wallMs }: SeedResult): string => {
  const count = Object.values(faults).reduce((total, each) => total + each, 0);
  return (
    `seed ${seed}: ${turns} turns, ${jobs} jobs, ${count} faults, hash ${hash}, ` +
    `${Math.round(wallMs)} ms: ${violation ? `${violation.invariant}: ${violation.sentence}` : 'no violation'}`
  );
};

async function many(from: number, count: number, endsAt: number): Promise<boolean> {
  const pool = new Pool();
  const report = new Report();
  const failures: SeedResult[] = [];
  let next = from;
  let toldAt = performance.now();
  const lane = async (): Promise<void> => {
    while (next < from + count && performance.now() < endsAt && failures.length < FAILURES_MAX) {
      const seed = next++;
      const runs = [pool.run({ seed, limits, isTold: false })];
      if (seed % COMPARE_EVERY === 0) runs.push(pool.run({ seed, limits, isTold: false }));
      const [result, again] = (await Promise.all(runs)) as [SeedResult, SeedResult | undefined];
      report.results.push(result);
      if (result.violation) {
        failures.push(result);
        console.log(wordsOf(result));
      }
      if (again && again.hash !== result.hash)
        failures.push({
          ...result,
          violation: {
            invariant: 'I13 replay',
            sentence: `It was ${result.hash} in one thread and ${again.hash} in another.`,
          },
        });
      else if (again) report.compared += 1;
      if (performance.now() - toldAt < PROGRESS_EVERY_MS) continue;
      toldAt = performance.now();
      console.log(`${report.progress()}, ${failures.length} violations`);
    }
  };
  await Promise.all(Array.from({ length: THREADS }, lane));

  console.log(report.summary());
  for (const failure of failures) {
    console.log(`\n${wordsOf(failure)}`);
    console.log(`  again, with its story: ${replayCommand(failure.seed, limits)}`);
  }
  const [first] = failures;
  if (first)
    console.log(
      `  the first one, shrunk:  ${replayCommand(first.seed, await shrink(pool, first))}`,
    );
  await pool.close();
  const { rarest, missing } = report.sometimes();
  console.log(`  the rarest situations:\n${rarest}`);
  if (missing.length > 0) console.log(`  never came about:\n    ${missing.join('\n    ')}`);
  console.log(`${failures.length} violations in ${report.results.length} seeds`);
  return failures.length === 0 && (count < STANDARD_SEEDS || missing.length === 0);
}

const isGood = options.planted
  ? await findPlanted(options.only, Number(options.seeds ?? PLANTED_SEEDS))
  : options.seed !== undefined
    ? await one(Number(options.seed))
    : await many(
        Number(options.from),
        options.minutes === undefined ? Number(options.seeds ?? DEFAULT_SEEDS) : Infinity,
        options.minutes === undefined
          ? Infinity
          : performance.now() + Number(options.minutes) * 60_000,
      );
process.exitCode = isGood ? 0 : 1;
