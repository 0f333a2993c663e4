// What each plan gives and costs, and what can be bought besides. The operator's file says it (`runtime/plans.ts`);
// these are its schema and what holds where it says nothing. Tokens are whole here, cents whole everywhere.
import { z } from 'zod';
import type { Plan } from './events.ts';

/** The tiers there are, dearest last. What they are called, give and cost is configuration. */
export const PLANS = ['free', 'starter', 'pro'] as const satisfies readonly Plan[];

/** Jobs under way at once, of any account: it bounds what is stored with each of them. */
export const JOBS_MAX = 500;

const name = z.string().trim().min(1).max(40);
const whole = (min: number, max: number) => z.number().int().min(min).max(max);

/** What providers call it where they keep a list of their own; null: they do not. */
const catalogues = {
  stripePrice: z
    .string()
    .regex(/^price_\w{1,100}$/)
    .nullable(),
  discordSku: z
    .string()
    .regex(/^\d{1,20}$/)
    .nullable(),
};

export const planTerms = z.strictObject({
  name,
  /** Granted for each UTC day; what is left of it expires with the day. */
  dailyTokens: whole(0, 1_000_000),
  /** 0: nothing is paid for it. */
  monthlyCents: whole(0, 1_000_000),
  jobsMax: whole(1, JOBS_MAX),
  /** How long the files of an ended job are kept. */
  filesKeptDays: whole(1, 3650),
  /** For thirty days, in Telegram's own currency; null: not sold for it. */
  stars: whole(1, 10_000).nullable(),
  ...catalogues,
});
export type PlanTerms = Readonly<z.infer<typeof planTerms>>;

/** Tokens that do not expire, bought once. */
export const topUpPack = z.strictObject({
  id: z.string().regex(/^[a-z0-9][a-z0-9_-]{0,31}$/),
  name,
  tokens: whole(1, 1_000_000),
  cents: whole(1, 1_000_000),
  stars: whole(1, 10_000).nullable().default(null),
  stripePrice: catalogues.stripePrice.default(null),
  discordSku: catalogues.discordSku.default(null),
});
export type TopUpPack = Readonly<z.infer<typeof topUpPack>>;

export const planTable = z.strictObject({
  /** ISO 4217, in small letters: what all cents are of. */
  currency: z.string().regex(/^[a-z]{3}$/),
  plans: z.strictObject({ free: planTerms, starter: planTerms, pro: planTerms }),
  topUps: z.array(topUpPack).max(20),
});
export interface PlanTable {
  readonly currency: string;
  readonly plans: Readonly<Record<Plan, PlanTerms>>;
  readonly topUps: readonly TopUpPack[];
}

const nowhere = { stripePrice: null, discordSku: null };
const usual = { jobsMax: JOBS_MAX, filesKeptDays: 30, ...nowhere };

export const DEFAULT_PLANS: PlanTable = {
  currency: 'usd',
  plans: {
    free: { name: 'Free', dailyTokens: 20, monthlyCents: 0, stars: null, ...usual },
    starter: { name: 'Starter', dailyTokens: 120, monthlyCents: 500, stars: 385, ...usual },
    pro: { name: 'Pro', dailyTokens: 300, monthlyCents: 1200, stars: 925, ...usual },
  },
  topUps: [
    { id: 'small', name: '100 tokens', tokens: 100, cents: 200, stars: 155, ...nowhere },
    { id: 'large', name: '500 tokens', tokens: 500, cents: 800, stars: 615, ...nowhere },
  ],
};

/** What the account's chart has to know of each plan, in millitokens. */
export interface Allowance {
  readonly dailyMt: number;
  readonly jobsMax: number;
  readonly filesKeptDays: number;
}
export type Allowances = Readonly<Record<Plan, Allowance>>;

export function allowancesOf({ plans }: Pick<PlanTable, 'plans'>): Allowances {
  const of = ({ dailyTokens, jobsMax, filesKeptDays }: PlanTerms): Allowance => ({
    ...{ dailyMt: dailyTokens * 1000, jobsMax, filesKeptDays },
  });
  return { free: of(plans.free), starter: of(plans.starter), pro: of(plans.pro) };
}

/** As `GET /v1/plans` tells it. */
export const planView = z.object({
  id: z.enum(PLANS),
  object: z.literal('plan'),
  name: z.string(),
  daily_millitokens: z.number().int(),
  monthly_cents: z.number().int().describe('0: nothing is paid for it'),
  stars: z
    .number()
    .int()
    .nullable()
    .describe('Telegram Stars for 30 days; null: not sold for them'),
  jobs_max: z.number().int().describe('Jobs under way at once'),
  files_kept_days: z.number().int().describe('For how long results are kept after their job ended'),
});
export const planListView = z.object({
  object: z.literal('list'),
  currency: z.string().describe('ISO 4217, in small letters: what all cents are of'),
  data: z.array(planView),
  top_ups: z
    .array(
      z.object({
        id: z.string(),
        object: z.literal('top_up'),
        name: z.string(),
        millitokens: z.number().int(),
        cents: z.number().int(),
        stars: z.number().int().nullable(),
      }),
    )
    .describe('Tokens that do not expire, bought once; used after those of the day'),
});
export type PlanListView = z.infer<typeof planListView>;
