// What a farmer gains: engine time that nobody paid for, by the rules as they are (machines/pricing) and without
// them. Pure arithmetic over one UTC day; nothing is guessed but the farmer's habits, which are said in the table.
//
//   node ops/farming/farming.ts
import { allowancesOf, DEFAULT_PLANS } from '../../machines/contract/plans.ts';
import { brakeOf, JOBS_MAX_BRAKED } from '../../machines/pricing/brake.ts';
import { cancelMt, GRACE_MS, secondMtOf } from '../../machines/pricing/settlement.ts';

const DAY_S = 86_400;
const { free } = allowancesOf(DEFAULT_PLANS);

export interface Farmer {
  /** How long a run of what is asked for takes, and what it costs. */
  readonly runMs: number;
  readonly costMt: number;
  /** When the run is stopped: after so long. */
  readonly stopMs: number;
  /** Jobs that the farmer keeps under way at once, if allowed to, on as many workers. */
  readonly atOnce: number;
}

export interface Rules {
  readonly name: string;
  /** Does a stopped run cost anything? */
  readonly charges: boolean;
  readonly brakes: boolean;
}

export const RULES: readonly Rules[] = [
  { name: 'everything returned', charges: false, brakes: false },
  { name: 'grace, no brake', charges: true, brakes: false },
  { name: 'grace and brake', charges: true, brakes: true },
];

export interface Harvest {
  readonly stopped: number;
  readonly engineS: number;
  readonly paidMt: number;
  /** Engine time beyond what was paid for, at the price of the same seconds in a run that is not stopped. */
  readonly unpaidS: number;
}

/** One account, one day: the next run begins when one of its places is free and its tokens suffice to hold it. */
export function harvest(farmer: Farmer, rules: Rules): Harvest {
  const { runMs, costMt, stopMs, atOnce } = farmer;
  const secondMt = secondMtOf(costMt, runMs);
  let [leftMt, stopped, engineMs, unpaidMs] = [free.dailyMt, 0, 0, 0];
  // Places as times at which they come free; all runs of a round are stopped together.
  for (let clockMs = 0; clockMs + stopMs <= DAY_S * 1000 && leftMt >= costMt; clockMs += stopMs) {
    const brake = brakeOf(rules.brakes ? stopped : 0, false, free.jobsMax);
    const places = Math.min(atOnce, brake.jobsMax, Math.floor(leftMt / costMt));
    const graceMs = brake.graceMs;
    for (let place = 0; place < places; place += 1) {
      const paidMt = rules.charges ? cancelMt({ graceMs, secondMt, costMt }, stopMs) : 0;
      leftMt -= paidMt;
      stopped += 1;
      engineMs += stopMs;
      unpaidMs += Math.max(0, stopMs - (paidMt * 1000) / secondMt);
    }
  }
  return {
    stopped,
    engineS: Math.round(engineMs / 1000),
    paidMt: free.dailyMt - leftMt,
    unpaidS: Math.round(unpaidMs / 1000),
  };
}

/** What the free plans of several accounts of one person give a day, joined or not, in tokens. */
export const manyAccounts = (accounts: number, joined: number): number =>
  ((accounts - joined) * free.dailyMt) / 1000;

export const FARMERS: Readonly<Record<string, Farmer>> = {
  'pictures of 8 s, stopped at 5 s': { runMs: 8000, costMt: 1000, stopMs: 5000, atOnce: 4 },
  'pictures of 8 s, stopped at 7.5 s': { runMs: 8000, costMt: 1000, stopMs: 7500, atOnce: 4 },
  'films of 60 s, stopped at 55 s': { runMs: 60_000, costMt: 5000, stopMs: 55_000, atOnce: 4 },
  'texts of 20 s, stopped at 19 s': { runMs: 20_000, costMt: 1000, stopMs: 19_000, atOnce: 20 },
};

function report(): string {
  const lines = [
    '| who, on the free plan | rules | runs stopped a day | engine s | tokens paid | engine s unpaid |',
    '|---|---|---|---|---|---|',
  ];
  for (const [name, farmer] of Object.entries(FARMERS))
    for (const rules of RULES) {
      const { stopped, engineS, paidMt, unpaidS } = harvest(farmer, rules);
      const cells = [name, rules.name, stopped, engineS, paidMt / 1000, unpaidS];
      lines.push(`| ${cells.join(' | ')} |`);
    }
  lines.push('', '| accounts of one person | joined | tokens a day |', '|---|---|---|');
  for (const accounts of [1, 2, 5, 20])
    for (const joined of new Set([0, accounts - 1]))
      lines.push(`| ${accounts} | ${joined} | ${manyAccounts(accounts, joined)} |`);
  lines.push(
    '',
    `The grace is ${GRACE_MS / 1000} s; braked accounts have ${JOBS_MAX_BRAKED} jobs at once.`,
  );
  return lines.join('\n');
}

if (import.meta.main) console.log(report());
