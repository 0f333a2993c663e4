// The line above the button: what it costs, and whether that is within reach. Pure.
import type { AccountView, DryRunView } from '../../../../machines/contract/views.ts';
import { countdown } from '../words/job-words.ts';
import { duration, estimate } from '../words/time.ts';
import { amount, tokens } from '../words/tokens.ts';

export interface PriceWords {
  readonly tone: 'plain' | 'short' | 'problem';
  readonly text: string;
}

interface PriceInput {
  readonly quote: DryRunView | null;
  readonly account: AccountView | null;
  readonly sentence: string | null;
  readonly now: number;
}

export function priceWords({ quote, account, sentence, now }: PriceInput): PriceWords {
  if (sentence !== null) return { tone: 'problem', text: sentence };
  if (quote === null) return { tone: 'plain', text: '' };
  const price = quote.cost.millitokens === 0 ? 'Free' : tokens(quote.cost.millitokens);
  if (!quote.affordable && account) {
    const have = `you have ${amount(account.available_millitokens)}`;
    const wait = `New tokens in ${countdown(account.resets_at, now)}.`;
    return { tone: 'short', text: `This takes ${price}; ${have}. ${wait}` };
  }
  // Of a start that nobody can foretell nothing is promised.
  const { eta } = quote;
  const isKnown = eta !== null && eta.start_max_s !== null;
  return { tone: 'plain', text: isKnown ? `${price}, ready ${soon(eta)}` : price };
}

function soon(eta: { readonly min_s: number; readonly max_s: number }): string {
  if (eta.max_s < 1.5) return 'in a moment';
  return eta.min_s < 1.5 ? `within ${duration(Math.max(2, eta.max_s))}` : `in ${estimate(eta, 0)}`;
}
