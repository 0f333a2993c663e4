// The skill of the writing model: continues a prompt word by word from a chain trained at load.
import { readFile } from 'node:fs/promises';
import { setTimeout as wait } from 'node:timers/promises';
import { EngineFailure, type EngineJob } from '../../../../../machines/contract/engine.ts';
import { textParams } from '../../../../../machines/contract/requests.ts';
import { readParams, type Craft } from '../craft.ts';
import { createRandom, hashText, mix } from '../random.ts';
import { trainChain, type Chain } from './chain.ts';

/** Slow enough to be read as it comes, and to give every word its own frame. */
const PACE_MS = 4;
const WORDS_PER_PARAGRAPH = 90;

export interface WritingLimits {
  readonly llmTokensMax: number;
  readonly charactersMax: number;
}

export async function createWritingCraft(limits: WritingLimits): Promise<Craft> {
  const chain = trainChain(await readFile(new URL('./tales.txt', import.meta.url), 'utf8'));
  return {
    bytes: chain.bytes,
    run: async (job, { report, check }) => {
      const wish = readWish(job, limits);
      report({ type: 'started' });
      const words: string[] = [];
      for (const piece of write(chain, job.prompt, wish)) {
        check();
        report({ type: 'text', index: words.length, text: piece });
        words.push(piece);
        report({
          type: 'progress',
          fraction: words.length / wish.words,
          step: words.length,
          steps: wish.words,
        });
        await wait(PACE_MS);
      }
      const bytes = new TextEncoder().encode(words.join(''));
      const facts = { seed: wish.seed, words: words.length, temperature: wish.temperature };
      return [{ mediaType: 'text/plain', bytes, facts }];
    },
  };
}

function readWish(job: EngineJob, limits: WritingLimits) {
  const params = readParams(textParams, job);
  const { max_tokens: words, temperature, seed } = params;
  if (words > limits.llmTokensMax) {
    throw new EngineFailure(
      'invalidInput',
      `At most ${limits.llmTokensMax} words can be written at once.`,
    );
  }
  if (job.prompt.length > limits.charactersMax) {
    throw new EngineFailure(
      'invalidInput',
      `A prompt may have at most ${limits.charactersMax} characters.`,
    );
  }
  return { words, temperature, seed: seed ?? hashText(job.id) };
}

/** One word at a time, with the space before it. */
function* write(
  chain: Chain,
  prompt: string,
  wish: { words: number; temperature: number; seed: number },
) {
  const random = createRandom(mix(wish.seed) ^ hashText(prompt));
  const given = prompt.match(/\S+/g) ?? [];
  // The prompt is continued only where the chain knows a way on; otherwise a new sentence begins.
  let [before, last] = [given.at(-2) ?? '', given.at(-1) ?? ''];
  const goesOn = last !== '' && chain.knows(last) && !/[.!?:]["']?$/.test(last);
  if (!goesOn) [before, last] = ['', ''];
  let sinceBreak = 0;
  for (let count = 0; count < wish.words; count += 1) {
    let word = chain.next(before, last, wish.temperature, random);
    let gap = count === 0 ? '' : ' ';
    // '' is a paragraph's end; the next one begins as paragraphs do.
    if (word === '' || (sinceBreak > WORDS_PER_PARAGRAPH && /[.!?]$/.test(last))) {
      word = chain.next('', '', wish.temperature, random) || 'And';
      before = '';
      gap = count === 0 ? '' : '\n\n';
      sinceBreak = 0;
    } else {
      before = last;
    }
    last = word;
    sinceBreak += 1;
    yield gap + word;
  }
}
