// Which faults a seed has, and how often. Swarm testing: every seed switches about half of them on, each
// with a rate of its own, because bugs hide where two rare things meet and a third one stays away.
import type { Random } from './random.ts';

/** Strike the world from time to time. The range is that of the mean pause between two, in seconds. */
export const STRIKES = {
  killRuntime: [8, 60],
  pauseRuntime: [8, 60],
  restartRuntime: [12, 90],
  stepClock: [5, 60],
  storeDown: [15, 90],
  partitionRuntime: [10, 60],
  cutSocket: [4, 40],
  cutSilently: [6, 60],
  crashWorker: [6, 60],
  hangWorker: [8, 60],
  operate: [6, 60],
  moveJob: [1, 15],
  pause: [6, 60],
  changePlan: [4, 40],
  changeStanding: [10, 90],
} as const satisfies Record<string, readonly [number, number]>;

/** May befall anything that is done. The range is that of the probability. */
export const MISHAPS = {
  storeRefuses: [0.001, 0.08],
  storeRefusesAfter: [0.001, 0.05],
  commitUnknown: [0.002, 0.1],
  commitLate: [0.002, 0.08],
  commitConflicts: [0.005, 0.15],
  storeSlow: [0.001, 0.03],
  frameDelayed: [0.001, 0.04],
  signalLost: [0.01, 0.5],
  requestLost: [0.01, 0.2],
  answerLost: [0.01, 0.2],
  requestRepeated: [0.01, 0.3],
  keyReused: [0.01, 0.1],
  cancelled: [0.02, 0.4],
  cancelledLate: [0.02, 0.4],
  engineFails: [0.02, 0.8],
  engineHangs: [0.005, 0.05],
  runGivenBack: [0.005, 0.05],
  engineIgnoresCancel: [0.05, 0.5],
  loadFails: [0.02, 0.6],
  poisonous: [0.01, 0.08],
  uploadMissing: [0.01, 0.1],
  shortDeadline: [0.02, 0.2],
  impossible: [0.01, 0.1],
} as const satisfies Record<string, readonly [number, number]>;

export type Strike = keyof typeof STRIKES;
export type Mishap = keyof typeof MISHAPS;
export type Fault = Strike | Mishap;

export const FAULTS = [...Object.keys(STRIKES), ...Object.keys(MISHAPS)] as Fault[];

export interface Swarm {
  /** Mean pause in milliseconds, of those that are on. */
  readonly strikes: ReadonlyMap<Strike, number>;
  readonly mishaps: ReadonlyMap<Mishap, number>;
}

export interface Without {
  readonly without: ReadonlySet<string>;
}

/** Drawn for every fault, on or not, so that taking one away leaves the others as they are. */
export function drawSwarm(random: Random, { without }: Without): Swarm {
  const share = random.between(0.3, 0.75);
  const draw = <Kind extends string>(
    ranges: Readonly<Record<Kind, readonly [number, number]>>,
  ): [Kind, number][] =>
    (Object.entries(ranges) as [Kind, readonly [number, number]][]).flatMap(([kind, range]) => {
      const own = random.split(kind);
      const isOn = own.chance(share);
      const rate = own.logarithmic(...range);
      return isOn && !without.has(kind) ? [[kind, rate] as [Kind, number]] : [];
    });
  return {
    strikes: new Map(draw(STRIKES).map(([kind, seconds]) => [kind, seconds * 1000])),
    mishaps: new Map(draw(MISHAPS)),
  };
}
