// Makes a failing seed smaller: fewer kinds of faults, fewer faults, wishes, people, workers and runtimes,
// as long as the same invariant still breaks.
import type { Pool } from './pool.ts';
import type { SeedResult } from './seed.ts';
import { NO_LIMITS, type Limits } from './limits.ts';

const RUNS_MAX = 120;

export async function shrink(pool: Pool, found: SeedResult): Promise<Limits> {
  const { seed, violation } = found;
  let runs = 0;
  const stillFails = async (limits: Limits): Promise<boolean> => {
    if (++runs > RUNS_MAX) return false;
    const result = await pool.run({ seed, limits, isTold: false });
    return result.violation?.invariant === violation?.invariant;
  };

  let limits = NO_LIMITS;
  const attempt = async (change: Partial<Limits>): Promise<boolean> => {
    const smaller = { ...limits, ...change };
    if (!(await stillFails(smaller))) return false;
    limits = smaller;
    return true;
  };
  /** The least number with which it still fails. */
  const least = async (name: 'faults' | 'wishes', most: number): Promise<void> => {
    let [low, high] = [0, most];
    while (low < high) {
      const middle = Math.floor((low + high) / 2);
      if (await attempt({ [name]: middle })) high = middle;
      else low = middle + 1;
    }
  };

  for (const kind of Object.keys(found.faults))
    await attempt({ without: new Set([...limits.without, kind]) });
  await least('wishes', found.jobs * 2);
  const total = Object.values(found.faults).reduce((sum, count) => sum + count, 0);
  await least('faults', total);
  for (const name of ['people', 'workers', 'runtimes'] as const)
    for (let count = 1; count < 4; count++) if (await attempt({ [name]: count })) break;
  return limits;
}

/** The one command that shows it again. */
export function replayCommand(seed: number, limits: Limits): string {
  const numbers = (['runtimes', 'workers', 'people', 'wishes', 'faults'] as const)
    .filter((name) => Number.isFinite(limits[name]))
    .map((name) => `--${name} ${limits[name]}`);
  const without = limits.without.size > 0 ? [`--without ${[...limits.without].join(',')}`] : [];
  return ['npm run simulate --', `--seed ${seed}`, '--verbose', ...numbers, ...without].join(' ');
}
