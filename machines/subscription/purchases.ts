// Tokens that were bought: what of each purchase is credited, whatever its provider says in whatever order.
import type { PurchaseReport, Rail } from '../contract/payments.ts';
import { withEntry, without } from '../records.ts';
import { keyOf } from './entitlement.ts';

/** Purchases that are remembered one by one. */
export const PURCHASES_MAX = 200;

export interface Purchase {
  readonly asOf: number;
  readonly paidAt: number;
  /** What the provider left of it, as last reported. */
  readonly keptMt: number;
  /** Credited, less what could be taken back: what was used before a refund stays in here. */
  readonly netMt: number;
}

export interface Purchases {
  readonly known: Readonly<Record<string, Purchase>>;
  /** Those paid up to then, and not known, are taken to be credited long ago. */
  readonly forgottenUpTo: number;
}

export const NO_PURCHASES: Purchases = { known: {}, forgottenUpTo: 0 };

/** What the account is to be told, in this order. */
export interface Due {
  readonly purchase: string;
  readonly creditMt: number;
  readonly takeBackMt: number;
}

/** Null: not news. The first report credits all that was bought, so that every refund is a line of its own. */
export function settle(
  { known, forgottenUpTo }: Purchases,
  report: PurchaseReport,
): { readonly purchases: Purchases; readonly due: Due } | null {
  const { asOf, paidAt, boughtMt, keptMt } = report;
  const purchase = keyOf(report);
  const before = known[purchase];
  if (before ? before.asOf >= asOf : paidAt <= forgottenUpTo) return null;
  // Of what was used before it was taken back, nothing is credited a second time.
  const creditMt = before
    ? keptMt > before.keptMt
      ? Math.max(0, keptMt - before.netMt)
      : 0
    : boughtMt;
  const heldMt = (before?.netMt ?? 0) + creditMt;
  const takeBackMt = Math.min(heldMt, Math.max(0, (before?.keptMt ?? boughtMt) - keptMt));
  const after: Purchase = { asOf, paidAt, keptMt, netMt: heldMt };
  const purchases = forgetting({ known: withEntry(known, purchase, after), forgottenUpTo });
  return { purchases, due: { purchase, creditMt, takeBackMt } };
}

/** So much of it was still there. */
export const takenBack = (
  purchases: Purchases,
  purchase: string,
  amountMt: number,
): Purchases | null => {
  const before = purchases.known[purchase];
  if (!before || amountMt === 0) return null;
  const after = { ...before, netMt: before.netMt - amountMt };
  return { ...purchases, known: withEntry(purchases.known, purchase, after) };
};

function forgetting({ known, forgottenUpTo }: Purchases): Purchases {
  const all = Object.entries(known);
  if (all.length <= PURCHASES_MAX) return { known, forgottenUpTo };
  const [id, { paidAt }] = all.reduce((a, b) => (b[1].paidAt < a[1].paidAt ? b : a));
  return { known: without(known, id), forgottenUpTo: Math.max(forgottenUpTo, paidAt) };
}

const BY: Readonly<Record<Rail, string>> = {
  stripe: 'paid by card',
  telegram: 'paid with Telegram Stars',
  discord: "bought in Discord's store",
};

const tokens = (amountMt: number): string => String(amountMt / 1000);

export const creditReason = ({ rail, id, boughtMt }: PurchaseReport): string =>
  `Top-up of ${tokens(boughtMt)} tokens, ${BY[rail]} (${id})`;

export const takeBackReason = ({ id, why }: PurchaseReport): string =>
  `Top-up taken back: the payment was ${why ?? 'refunded'} (${id})`;
