// How a text ended. The server says `stop` only for the model's own end; a token limit, a stop sequence and an
// abort are all `length`. What it remembers of its last job tells them apart, if that job was ours.
import { z } from 'zod';

/** Of GET /api/extra/perf: the last finished job of anybody. */
export const lastJob = z.looseObject({
  last_seed: z.number(),
  last_token_count: z.number(),
  last_input_count: z.number(),
  /** 1: the model's own end, 2: a stop sequence, 0: the limit or an abort. */
  stop_reason: z.number(),
});
export type LastJob = z.infer<typeof lastJob>;

export interface Usage {
  readonly prompt: number;
  readonly completion: number;
}

export interface Ending {
  readonly reason: 'stop' | 'length' | 'aborted';
  readonly usage: Usage | null;
}

export function tellEnding(
  finish: string,
  asked: { readonly seed: number; readonly maxTokens: number },
  last: LastJob | null,
  told: Usage | null,
): Ending {
  const isOurs = last !== null && last.last_seed === asked.seed;
  const usage =
    told ?? (isOurs ? { prompt: last.last_input_count, completion: last.last_token_count } : null);
  if (finish === 'stop') return { reason: 'stop', usage };
  if (isOurs && last.stop_reason !== 0) return { reason: 'stop', usage };
  if (usage === null || usage.completion >= asked.maxTokens) return { reason: 'length', usage };
  // Short of the limit: a stop sequence, unless the server remembers otherwise.
  return { reason: isOurs ? 'aborted' : 'stop', usage };
}
