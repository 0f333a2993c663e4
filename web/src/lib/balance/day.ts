// The balance as a picture of the day: one stone per token of the daily grant, at most twenty.
import type { AccountView } from '../../../../machines/contract/views.ts';

export interface DayStone {
  /** Shares of the stone, 0 to 1: still to spend, and held by jobs that are open. */
  readonly spendable: number;
  readonly held: number;
}

const STONES_MAX = 20;
const MILLI = 1000;

export function dayStones(account: AccountView): readonly DayStone[] {
  const granted = Math.max(account.daily_grant_millitokens, MILLI);
  const count = Math.min(STONES_MAX, Math.ceil(granted / MILLI));
  const each = granted / count;
  // Top-ups lie beside the day's tokens; the picture shows what is left of the day.
  const spendable = Math.min(account.allowance_millitokens, granted);
  const held = Math.min(account.held_millitokens, granted - spendable);
  return Array.from({ length: count }, (_, n) => {
    const from = n * each;
    const share = (until: number) => Math.min(1, Math.max(0, (until - from) / each));
    return { spendable: share(spendable), held: share(spendable + held) - share(spendable) };
  });
}
