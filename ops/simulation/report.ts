// What a run of many seeds says about itself.
import type { SeedResult } from './seed.ts';
import { SOMETIMES } from './sometimes.ts';

const sum = (numbers: readonly number[]): number =>
  numbers.reduce((total, each) => total + each, 0);

function spread(numbers: readonly number[]): string {
  const sorted = [...numbers].sort((a, b) => a - b);
  const at = (share: number) => sorted[Math.floor(share * (sorted.length - 1))] ?? 0;
  return `least ${at(0)}, median ${at(0.5)}, 95 % ${at(0.95)}, most ${at(1)}`;
}

function counts(results: readonly SeedResult[], of: 'faults' | 'sometimes'): Map<string, number> {
  const total = new Map<string, number>();
  for (const result of results)
    for (const [name, count] of Object.entries(result[of]))
      total.set(name, (total.get(name) ?? 0) + count);
  return total;
}

export class Report {
  readonly results: SeedResult[] = [];
  readonly #startedAt = performance.now();
  compared = 0;

  get seconds(): number {
    return (performance.now() - this.#startedAt) / 1000;
  }

  progress(): string {
    const { results, seconds } = this;
    const turns = sum(results.map((each) => each.turns));
    return (
      `${results.length} seeds, ${turns} turns in ${seconds.toFixed(0)} s ` +
      `(${(results.length / seconds).toFixed(1)} seeds/s, ${Math.round(turns / seconds)} turns/s)`
    );
  }

  summary(): string {
    const { results } = this;
    const of = (pick: (result: SeedResult) => number) => spread(results.map(pick));
    const faults = [...counts(results, 'faults')].sort((a, b) => b[1] - a[1]);
    return [
      this.progress(),
      `  turns per seed:    ${of(({ turns }) => turns)}`,
      `  runtimes per seed: ${of(({ runtimes }) => runtimes)}`,
      `  faults per seed:   ${of((result) => sum(Object.values(result.faults)))}`,
      `  jobs per seed:     ${of(({ jobs }) => jobs)}`,
      `  milliseconds:      ${of(({ wallMs }) => Math.round(wallMs))}`,
      `  faults: ${faults.map(([name, count]) => `${name} ${count}`).join(', ')}`,
      `  ${this.compared} seeds ran twice, in two threads, with the same hash`,
    ].join('\n');
  }

  sometimes(): { rarest: string; missing: readonly string[] } {
    const reached = counts(this.results, 'sometimes');
    const missing = SOMETIMES.filter((what) => !reached.has(what));
    const rarest = [...reached].sort((a, b) => a[1] - b[1]).slice(0, 8);
    return {
      rarest: rarest.map(([what, count]) => `    ${String(count).padStart(6)} ${what}`).join('\n'),
      missing,
    };
  }
}
