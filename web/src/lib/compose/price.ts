// The line above the button: what it costs, and whether that is within reach. Pure.
import type { AccountView, DryRunView } from '../../../../machines/contract/views.ts';
import { countdown } from '../words/job-words.ts';
import { estimate } from '../words/time.ts';
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
  const ready = quote.eta ? `, ready in ${estimate(quote.eta, 0)}` : '';
  return { tone: 'plain', text: price + ready };
}
