// How far off forecasts were: of each plan, the true wait over the foretold one. A range made of it holds
// as often as it says, whatever the reason (work that came meanwhile, runs that took longer), and becomes
// narrower when forecasts become better.
import type { Plan } from '../contract/events.ts';

/** Enough for tenths, few enough to forget what the service was like yesterday. */
const KEPT_MAX = 300;
/** Short waits err otherwise than long ones: on a logarithmic scale, how far a lesson reaches. */
const REACH = 0.8;
/** Below this a wait is no wait: a ratio of such times says nothing. */
const WAIT_MS_MIN = 2_000;
/** Lessons that count before there are any: right, or a little or a lot longer. Logarithms. */
const EXPECTED = [-0.35, -0.1, 0.05, 0.3, 0.9] as const;
const EXPECTED_WEIGHT = 0.6;
/** Beyond eight of ten: what comes is only partly like what was. */
const HELD = 0.92;
/** Answers are computed for waits that differ by this factor (a logarithm), and kept for so many lessons. */
const STEP = 0.25;
const KEPT_FOR = 10;

/** What to multiply a foretold wait by. */
export interface Correction {
  readonly low: number;
  readonly middle: number;
  readonly high: number;
}

/** Logarithms of the foretold wait and of the true one over it. */
type Lesson = readonly [foretold: number, ratio: number];

interface Lessons {
  readonly kept: Lesson[];
  readonly answers: Map<number, Correction>;
  seen: number;
}

export interface StoredCalibration {
  readonly plan: Plan;
  readonly seen: number;
  readonly lessons: readonly Lesson[];
}

const logOf = (ms: number): number => Math.log(Math.max(WAIT_MS_MIN, ms));
const rounded = (value: number): number => Math.round(value * 1000) / 1000;

export class Calibration {
  readonly #plans = new Map<Plan, Lessons>();

  #of(plan: Plan): Lessons {
    const known = this.#plans.get(plan) ?? { kept: [], answers: new Map(), seen: 0 };
    this.#plans.set(plan, known);
    return known;
  }

  note(plan: Plan, foretoldMs: number, trueMs: number): void {
    if (!Number.isFinite(foretoldMs) || !Number.isFinite(trueMs)) return;
    const lessons = this.#of(plan);
    const foretold = logOf(foretoldMs);
    lessons.kept.push([rounded(foretold), rounded(logOf(trueMs) - foretold)]);
    if (lessons.kept.length > KEPT_MAX) lessons.kept.shift();
    lessons.seen += 1;
    if (lessons.seen % KEPT_FOR === 0 || lessons.seen < KEPT_FOR) lessons.answers.clear();
  }

  for(plan: Plan, foretoldMs: number): Correction {
    const { kept, answers } = this.#of(plan);
    const step = Math.round(logOf(foretoldMs) / STEP);
    const known = answers.get(step) ?? correctionOf(kept, step * STEP);
    answers.set(step, known);
    return known;
  }

  /** Of all plans. */
  get seen(): number {
    return this.#plans.values().reduce((sum, { seen }) => sum + seen, 0);
  }

  toJSON(): StoredCalibration[] {
    return [...this.#plans].map(([plan, { seen, kept }]) => ({ plan, seen, lessons: [...kept] }));
  }

  /** What an earlier process has learned; it yields to what was learned since. */
  adopt({ plan, seen, lessons }: StoredCalibration): void {
    if (this.#of(plan).seen >= seen) return;
    this.#plans.set(plan, { kept: lessons.slice(-KEPT_MAX), answers: new Map(), seen });
  }
}

/** Lessons of waits like this one count in full, others the less the more they differ. */
function correctionOf(lessons: readonly Lesson[], foretold: number): Correction {
  const weighed = [
    ...EXPECTED.map((ratio) => [ratio, EXPECTED_WEIGHT] as const),
    ...lessons.map(([at, ratio]) => [ratio, Math.exp(-(((at - foretold) / REACH) ** 2))] as const),
  ].sort(([a], [b]) => a - b);
  const total = weighed.reduce((sum, [, weight]) => sum + weight, 0);
  const quantile = (part: number): number => {
    let sum = 0;
    const found = weighed.find(([, weight]) => (sum += weight) >= part * total);
    return Math.exp((found ?? weighed.at(-1)!)[0]);
  };
  return { ...shortest(weighed, HELD * total), middle: quantile(0.5) };
}

/** Few waits are much longer than foretold: a range that reaches for them says less than one that leaves them out. */
function shortest(weighed: readonly (readonly [number, number])[], wanted: number) {
  let [low, high] = [weighed[0]![0], weighed.at(-1)![0]];
  let [to, held] = [0, 0];
  for (const [ratio, weight] of weighed) {
    while (to < weighed.length && held < wanted) held += weighed[to++]![1];
    if (held < wanted) break;
    const last = weighed[to - 1]![0];
    if (Math.exp(last) - Math.exp(ratio) < Math.exp(high) - Math.exp(low))
      [low, high] = [ratio, last];
    held -= weight;
  }
  return { low: Math.exp(low), high: Math.exp(high) };
}
