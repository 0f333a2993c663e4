// What is sold, out of the operator's plans: the same for every rail.
import type { PlanTable } from '../../machines/contract/plans.ts';
import {
  PAID_PLANS,
  type Article,
  type Order,
  type PaidPlan,
} from '../../machines/contract/payments.ts';

export type Priced = Pick<
  Order,
  'article' | 'title' | 'boughtMt' | 'currency' | 'amount' | 'stars' | 'stripePrice' | 'discordSku'
>;

/** `plan:pro` or `topUp:small`; null for anything else. */
export function articleOf(name: string): Article | null {
  const [kind, id = '', more] = name.split(':');
  if (more !== undefined) return null;
  if (kind === 'topUp' && id !== '') return { kind, id };
  const plan = PAID_PLANS.find((each) => each === id);
  return kind === 'plan' && plan ? { kind, plan } : null;
}

/** Null: it is not sold here, or not any more. */
export function priced({ currency, plans, topUps }: PlanTable, article: Article): Priced | null {
  if (article.kind === 'plan') {
    const { name, monthlyCents, ...ids } = plans[article.plan];
    const { stars, stripePrice, discordSku } = ids;
    if (monthlyCents === 0) return null;
    return {
      ...{ article, title: name, boughtMt: 0, currency, amount: monthlyCents },
      ...{ stars, stripePrice, discordSku },
    };
  }
  const pack = topUps.find(({ id }) => id === article.id);
  if (!pack) return null;
  const { name, tokens, cents, stars, stripePrice, discordSku } = pack;
  return {
    ...{ article, title: name, boughtMt: tokens * 1000, currency, amount: cents },
    ...{ stars, stripePrice, discordSku },
  };
}

/** Everything that is sold. */
export const assortment = (table: PlanTable): readonly Priced[] =>
  [
    ...PAID_PLANS.map((plan) => ({ kind: 'plan' as const, plan })),
    ...table.topUps.map(({ id }) => ({ kind: 'topUp' as const, id })),
  ].flatMap((article) => priced(table, article) ?? []);

/** Plans by the price that Stripe knows them by. */
export const planOfPrice = ({ plans }: PlanTable): Readonly<Record<string, PaidPlan>> =>
  Object.fromEntries(
    PAID_PLANS.flatMap((plan) => {
      const { stripePrice } = plans[plan];
      return stripePrice === null ? [] : [[stripePrice, plan]];
    }),
  );
