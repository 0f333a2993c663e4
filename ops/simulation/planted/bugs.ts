// Bugs that the simulation has to find: each takes one guard away. They are patches of the sources, put in
// when a thread of the simulation loads them; production code has no switch for any of them.
import type { Invariant } from '../check.ts';
import { BUGS_OF_CHARTS } from './bugs-of-charts.ts';
import { BUGS_OF_CORE } from './bugs-of-core.ts';

export interface PlantedBug {
  readonly name: string;
  readonly file: string;
  /** Occurs exactly once in the file. */
  readonly find: string;
  readonly replace: string;
  readonly breaks: Invariant;
  readonly why: string;
}

export const PLANTED_BUGS: readonly PlantedBug[] = [...BUGS_OF_CHARTS, ...BUGS_OF_CORE];
