// Amounts of tokens as people read them. Inside, everything is counted in whole millitokens.
const FORMAT = new Intl.NumberFormat('en', { maximumFractionDigits: 2 });

/** 1500 becomes "1.5". A little something is never shown as nothing. */
export function amount(millitokens: number): string {
  if (millitokens > 0 && millitokens < 10) return '<0.01';
  return FORMAT.format(millitokens / 1000);
}

/** "1 token", "0.4 tokens". */
export const tokens = (millitokens: number): string =>
  `${amount(millitokens)} ${millitokens === 1000 ? 'token' : 'tokens'}`;

/** What became of a job's hold, once it has ended. */
export function settlement(cost: {
  readonly millitokens: number;
  readonly charged_millitokens: number | null;
}): string {
  const { millitokens: held, charged_millitokens: charged } = cost;
  if (charged === null) return `${tokens(held)} held until it is done`;
  if (charged === 0) return held === 0 ? 'Free' : `Nothing charged, ${tokens(held)} returned`;
  if (charged < held) return `${tokens(charged)} charged, ${amount(held - charged)} returned`;
  return `${tokens(charged)} charged`;
}
