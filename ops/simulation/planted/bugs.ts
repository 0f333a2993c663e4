// Bugs that the simulation has to find: each takes a guard away. They are patches of the sources, put in
// when a thread of the simulation loads them; production code has no switch for any of them.
import type { Invariant } from '../check.ts';
import { BUGS_OF_CHARTS } from './bugs-of-charts.ts';
import { BUGS_OF_CORE } from './bugs-of-core.ts';
import { BUGS_OF_SCHEDULING } from './bugs-of-scheduling.ts';

export interface Patch {
  readonly file: string;
  /** Occurs exactly once in the file. */
  readonly find: string;
  readonly replace: string;
}

export interface PlantedBug extends Patch {
  readonly name: string;
  /** Where one guard stands behind another, both have to go. */
  readonly and?: readonly Patch[];
  readonly breaks: Invariant;
  readonly why: string;
}

export const PLANTED_BUGS: readonly PlantedBug[] = [
  ...BUGS_OF_CHARTS,
  ...BUGS_OF_CORE,
  ...BUGS_OF_SCHEDULING,
];
