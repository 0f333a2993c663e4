// Does the simulation find what it has to find? Runs each planted bug until an invariant breaks.
import { Pool, THREADS } from '../pool.ts';
import { NO_LIMITS } from '../limits.ts';
import { PLANTED_BUGS, type PlantedBug } from './bugs.ts';

export interface Found {
  readonly bug: PlantedBug;
  /** Null: not within the seeds there were. */
  readonly seed: number | null;
  readonly invariant: string | null;
  readonly sentence: string;
}

/** What is broken may show as something else first: goes on until it shows by its own name. */
export async function find(bug: PlantedBug, seedsMax: number): Promise<Found> {
  const pool = new Pool(bug.name, 1);
  let other: Found = { bug, seed: null, invariant: null, sentence: '' };
  try {
    for (let seed = 1; seed <= seedsMax; seed++) {
      const { violation } = await pool.run({ seed, limits: NO_LIMITS, isTold: false });
      if (violation?.invariant === bug.breaks) return { bug, seed, ...violation };
      if (violation && other.seed === null) other = { bug, seed, ...violation };
    }
    return other;
  } finally {
    await pool.close();
  }
}

const isAsExpected = ({ bug, invariant }: Found): boolean => invariant === bug.breaks;

/** @param only part of a name: the other bugs are left out */
export async function findPlanted(only: string | undefined, seedsMax: number): Promise<boolean> {
  const bugs = PLANTED_BUGS.filter(({ name }) => name.includes(only ?? ''));
  const waiting = [...bugs];
  const found: Found[] = [];
  const lane = async (): Promise<void> => {
    for (let bug = waiting.shift(); bug; bug = waiting.shift()) {
      const one = await find(bug, seedsMax);
      found.push(one);
      const mark = isAsExpected(one) ? ' ' : '!';
      const where = one.seed === null ? 'not found' : `seed ${one.seed}: ${one.invariant}`;
      console.log(`${mark} ${bug.name.padEnd(52)} ${where}`);
      if (!isAsExpected(one)) console.log(`    expected ${bug.breaks}. ${one.sentence}`);
    }
  };
  await Promise.all(Array.from({ length: THREADS }, lane));
  const good = found.filter(isAsExpected).length;
  console.log(`${good} of ${bugs.length} planted bugs found, by the invariant they break`);
  return good === bugs.length;
}
