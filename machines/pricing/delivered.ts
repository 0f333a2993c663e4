// What of the price is kept once the job has succeeded: that of what came, never more than was held.
//
//   image       outputs that came, of those asked for
//   video       seconds that came, of those asked for
//   text        LLM tokens that were read and written, as the engine counted; else a quarter of the bytes
//   speech      all of it
//   sound       seconds that came, of those asked for
//   transcript  minutes that were heard, as the engine says
//
// Pure: from what was asked and what came, so that a receipt can be explained for ever.
import type { JobSpec } from '../contract/events.ts';
import type { AudioParams, TextParams, VideoParams } from '../contract/requests.ts';
import type { Output } from '../contract/worker-protocol.ts';
import { BYTES_PER_LLM_TOKEN, COST_MIN_MT, sum } from './price.ts';

export type Asked = Pick<JobSpec, 'modality' | 'params' | 'count' | 'costMt'>;
export type Came = Pick<Output, 'bytes' | 'seconds' | 'facts'>;

export interface Delivered {
  readonly chargedMt: number;
  /** What came, where it is less than was asked: "3 of 4 images". */
  readonly words: string | null;
}

const factOf = ({ facts }: Came, name: string): number | null => {
  const fact = facts[name];
  return typeof fact === 'number' && Number.isFinite(fact) && fact >= 0 ? fact : null;
};

/** What is asked for by length: the seconds that came, each output up to its own. */
function ofSeconds(each: number, asked: Asked, came: readonly Came[], what: string) {
  const seconds = sum(came.map((output) => Math.min(output.seconds ?? each, each)));
  const all = each * asked.count;
  // Containers round, so a tenth that has begun counts.
  const told = Math.min(all, Math.ceil(seconds * 10) / 10);
  return { share: told / all, words: `${told} of ${all} s of ${what}` };
}

/** Of a price per LLM token, which is a millitoken: what is left of each output's room is not charged. */
function ofText({ params, count, costMt }: Asked, came: readonly Came[]) {
  const { max_tokens: room } = params as TextParams;
  const toRead = Math.max(0, costMt / count - room);
  const used = came.map((output) => {
    const written =
      factOf(output, 'completion_tokens') ?? Math.ceil(output.bytes / BYTES_PER_LLM_TOKEN);
    const read = factOf(output, 'prompt_tokens') ?? toRead;
    return Math.min(room, written) + Math.min(toRead, read);
  });
  return { share: sum(used) / costMt, words: `${Math.ceil(sum(used))} of ${costMt} LLM tokens` };
}

function shareOf(asked: Asked, came: readonly Came[]): { share: number; words: string } {
  const { modality, params, count } = asked;
  const outputs = { share: came.length / count, words: `${came.length} of ${count} ${modality}s` };
  switch (modality) {
    case 'video':
      return ofSeconds((params as VideoParams).seconds, asked, came, 'film');
    case 'text':
      return ofText(asked, came);
    case 'audio': {
      // Speech is as long as it is; sound whose length nobody named was priced by what its model makes.
      const { seconds } = params as AudioParams;
      return seconds === undefined ? outputs : ofSeconds(seconds, asked, came, 'sound');
    }
    case 'transcript': {
      const [heard] = came.map((output) => factOf(output, 'recorded_seconds'));
      const all = asked.costMt * 0.06;
      if (heard === null || heard === undefined) return outputs;
      return {
        share: Math.ceil(heard) / all,
        words: `${Math.ceil(heard)} of ${Math.ceil(all)} s heard`,
      };
    }
    case 'image':
      return outputs;
  }
}

/** Whatever an engine says of its outputs: never more than was held, never less than the least price. */
export function delivered(asked: Asked, came: readonly Came[]): Delivered {
  const { costMt } = asked;
  const { share, words } = shareOf(asked, came);
  const leastMt = Math.min(COST_MIN_MT, costMt);
  const dueMt = Math.ceil(Math.round(share * costMt * 1e6) / 1e6);
  const chargedMt = Math.min(costMt, Math.max(leastMt, dueMt));
  return { chargedMt, words: chargedMt < costMt ? words : null };
}
