// `npm run crash`: real processes and a real PostgreSQL, killed again and again under load; afterwards the
// history is checked. Exit code 1 and a folder of evidence when anything was lost or doubled.
//   --kills 300   --seed N   --minutes M (at most)   --long (pauses of 60 s, 3,000 kills)
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { crashRun } from './crash-run.ts';
import { DECK, nameOf } from './mischief.ts';

const { values } = parseArgs({
  options: {
    kills: { type: 'string' },
    seed: { type: 'string' },
    minutes: { type: 'string' },
    runtimes: { type: 'string' },
    long: { type: 'boolean', default: false },
  },
});

const { long } = values;
const kills = wholeNumber('kills', values.kills, long ? 3_000 : 300);
const seed = wholeNumber('seed', values.seed, Math.floor(Math.random() * 2 ** 31));
const folder = mkdtempSync(join(tmpdir(), 'tessera-crash-'));
console.log(`seed ${seed}, up to ${kills} kills, in ${folder}`);

const impatience = new AbortController();
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => impatience.abort());

const report = await crashRun({
  signal: impatience.signal,
  ...{ folder, seed, kills, deck: DECK, rounds: Infinity, say: (line) => console.log(line) },
  minutesMax: wholeNumber('minutes', values.minutes, long ? 150 : 20),
  paceMs: 1_000,
  // Longer than any lease (15 s) lasts.
  pauseMs: long ? 60_000 : 20_000,
  runtimes: wholeNumber('runtimes', values.runtimes, 3),
  ...{ workers: 3, slots: 4, customers: 5, openMax: 12 },
});

console.table([...report.done].sort().map(([mischief, count]) => ({ mischief, times: count })));
console.table(report.figures);
const unreached = DECK.map(nameOf).filter((name) => !report.done.get(name));
if (unreached.length > 0) console.log(`Never came to pass: ${[...new Set(unreached)].join('; ')}.`);

if (report.violations.length === 0) {
  rmSync(folder, { recursive: true, force: true });
  console.log(`${report.kills} kills, no violation.`);
} else {
  const rules = Object.entries(Object.groupBy(report.violations, ({ rule }) => rule));
  for (const [rule, of = []] of rules) {
    console.log(`VIOLATED ${of.length} times: ${rule}`);
    for (const { what } of of.slice(0, 5)) console.log(`  ${what}`);
  }
  console.log(`The evidence is in ${folder}; the same mischief again: --seed ${seed}`);
  process.exitCode = 1;
}

function wholeNumber(name: string, text: string | undefined, otherwise: number): number {
  if (text === undefined) return otherwise;
  if (/^\d{1,9}$/.test(text) && Number(text) > 0) return Number(text);
  console.error(`--${name} must be a whole number above 0.`);
  process.exit(2);
}
