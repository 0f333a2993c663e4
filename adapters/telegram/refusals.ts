// What the control plane refuses, as a person is told: what happened, that it cost nothing, what to do.
import type { AlternativeView } from '../../machines/contract/views.ts';
import type { JobRequestInput } from '../../machines/contract/requests.ts';
import type { Texts } from '../bots/texts/texts.ts';
import type { TesseraClient } from '../client/http.ts';
import type { TesseraProblem } from '../client/problem.ts';

const CODES = [
  'insufficient_tokens',
  'queue_full',
  'too_many_jobs',
  'suspended',
  'refused_content',
  'impossible',
  'model_not_allowed',
  'rate_limited',
];

export async function refusalText(
  texts: Texts,
  problem: TesseraProblem,
  {
    tessera,
    request,
    now,
  }: {
    readonly tessera: Pick<TesseraClient, 'account'>;
    readonly request: Pick<JobRequestInput, 'count'>;
    readonly now: number;
  },
): Promise<string> {
  const { code, fields, detail } = problem;
  const cheaper = cheaperText(texts, (fields['cheaper'] ?? []) as AlternativeView[], request);
  if (code === 'insufficient_tokens') {
    const account = await tessera.account();
    const needed = fields['needed_millitokens'];
    const said = texts.say('refused-insufficient_tokens', {
      needed: typeof needed === 'number' ? texts.tokens(needed) : '…',
      balance: texts.tokens(account.available_millitokens),
      grant: texts.tokens(account.daily_grant_millitokens),
      resets: texts.moment(account.resets_at, now),
    });
    return [said, ...cheaper].join('\n');
  }
  const after = fields['retry_after_s'];
  const wait = texts.span(typeof after === 'number' ? after : 60);
  const known = CODES.includes(code) ? `refused-${code}` : 'refused-other';
  return [texts.say(known, { wait, reason: detail }), ...cheaper].join('\n');
}

/** What would be taken now instead, in words. */
function cheaperText(
  texts: Texts,
  alternatives: readonly AlternativeView[],
  { count = 1 }: Pick<JobRequestInput, 'count'>,
): string[] {
  return alternatives.map((each) => {
    const { width, height } = (each.params ?? {}) as { width?: number; height?: number };
    const how =
      each.model !== undefined
        ? texts.say('how-model', { model: each.model })
        : each.count !== undefined && each.count < count
          ? texts.say('how-count', { count })
          : width !== undefined && height !== undefined
            ? texts.say('how-size', { size: `${width}×${height}` })
            : texts.say('how-less');
    return texts.say('refused-cheaper', { cost: texts.tokens(each.cost.millitokens), how });
  });
}
