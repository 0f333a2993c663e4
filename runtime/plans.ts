// The operator's plans: what each gives and costs, read once at the start. What the file does not say is as
// usual, so that it may hold a single number.
import { existsSync, readFileSync } from 'node:fs';
import { z } from 'zod';
import {
  DEFAULT_PLANS,
  PLANS,
  planTable,
  planTerms,
  type PlanListView,
  type PlanTable,
} from '../machines/contract/plans.ts';
import type { Plan } from '../machines/contract/events.ts';
import { BadConfig } from './config.ts';

const anyTerms = planTerms.partial();
const file = z.strictObject({
  currency: planTable.shape.currency.optional(),
  plans: z
    .strictObject({
      free: anyTerms.optional(),
      starter: anyTerms.optional(),
      pro: anyTerms.optional(),
    })
    .optional(),
  topUps: planTable.shape.topUps.optional(),
});
type File = z.infer<typeof file>;

/**
 * @param path of the file; where it is missing everything is as usual, unless somebody named it
 * @param filesKeptDays where the file does not say it
 * @throws BadConfig
 */
export function readPlans(path: string, isNamed: boolean, filesKeptDays: number): PlanTable {
  if (!isNamed && !existsSync(path)) return over({}, filesKeptDays);
  try {
    return parsePlans(readFileSync(path, 'utf8'), path, filesKeptDays);
  } catch (error) {
    if (error instanceof BadConfig) throw error;
    const { code } = error as NodeJS.ErrnoException;
    throw new BadConfig(
      `The plans cannot be read from ${path} (${code}). Mend the file, or TESSERA_PLANS.`,
    );
  }
}

/** @throws BadConfig with a line for each mistake */
export function parsePlans(text: string, path: string, filesKeptDays = 30): PlanTable {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    throw new BadConfig(`${path} is not JSON: ${(error as Error).message}.`);
  }
  const parsed = file.safeParse(value);
  if (!parsed.success)
    throw new BadConfig(
      parsed.error.issues
        .map(({ path: at, message }) => `${path}: ${at.join('.') || 'the whole'}: ${message}.`)
        .join('\n'),
    );
  const table = over(parsed.data, filesKeptDays);
  const wrong = contradictions(table);
  if (wrong.length > 0) throw new BadConfig(wrong.map((line) => `${path}: ${line}`).join('\n'));
  return table;
}

function over({ currency, plans = {}, topUps }: File, filesKeptDays: number): PlanTable {
  const { plans: usual } = DEFAULT_PLANS;
  const terms = (plan: Plan) => ({ ...usual[plan], filesKeptDays, ...plans[plan] });
  return {
    currency: currency ?? DEFAULT_PLANS.currency,
    plans: {
      free: terms('free'),
      starter: terms('starter'),
      pro: terms('pro'),
    } as PlanTable['plans'],
    topUps: topUps ?? DEFAULT_PLANS.topUps,
  };
}

function contradictions({ plans, topUps }: PlanTable): string[] {
  const ids = topUps.map(({ id }) => id);
  return [
    ...(plans.free.monthlyCents === 0 ? [] : ['plans.free.monthlyCents must be 0: it is free.']),
    ...ids
      .filter((id, n) => ids.indexOf(id) !== n)
      .map((id) => `topUps: the id ${id} is there twice.`),
  ];
}

export function planListView({ currency, plans, topUps }: PlanTable): PlanListView {
  return {
    object: 'list',
    currency,
    data: PLANS.map((plan) => ({
      id: plan,
      object: 'plan' as const,
      name: plans[plan].name,
      daily_millitokens: plans[plan].dailyTokens * 1000,
      monthly_cents: plans[plan].monthlyCents,
      stars: plans[plan].stars,
      jobs_max: plans[plan].jobsMax,
      files_kept_days: plans[plan].filesKeptDays,
    })),
    top_ups: topUps.map(({ id, name, tokens, cents, stars }) => ({
      ...{ id, object: 'top_up' as const, name, millitokens: tokens * 1000, cents, stars },
    })),
  };
}
