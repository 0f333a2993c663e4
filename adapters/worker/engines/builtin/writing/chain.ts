// A Markov chain over two words, with one word to fall back on.
import type { Random } from '../random.ts';

export interface Chain {
  /** The word after these; '' before and after a paragraph's end. */
  next(before: string, last: string, temperature: number, random: Random): string;
  knows(word: string): boolean;
  readonly bytes: number;
}

type Counts = Map<string, number>;

export function trainChain(text: string): Chain {
  const pairs = new Map<string, Counts>();
  const singles = new Map<string, Counts>();
  for (const paragraph of text.split(/\n\s*\n/)) {
    const words = ['', '', ...(paragraph.match(/\S+/g) ?? []), ''];
    for (let index = 2; index < words.length; index += 1) {
      count(pairs, keyOf(words[index - 2]!, words[index - 1]!), words[index]!);
      count(singles, plain(words[index - 1]!), words[index]!);
    }
  }
  return {
    knows: (word) => singles.has(plain(word)),
    next: (before, last, temperature, random) => {
      const likely = pairs.get(keyOf(before, last));
      // Where two words allow only one way on, heat lets one word decide, else it recites.
      const isStuck =
        likely !== undefined && likely.size === 1 && random.next() < temperature * 0.3;
      const counts =
        (isStuck ? singles.get(plain(last)) : likely) ??
        singles.get(plain(last)) ??
        singles.get('')!;
      return choose(counts, temperature, random);
    },
    bytes: text.length * 2 * 4,
  };
}

/** Case and quotes do not matter; a full stop does, or sentences would run into each other. */
const plain = (word: string) => word.toLowerCase().replace(/[^\p{L}\p{N}'.,;:!?]/gu, '');
const keyOf = (before: string, last: string) => `${plain(before)} ${plain(last)}`;

function count(table: Map<string, Counts>, key: string, word: string) {
  const counts = table.get(key) ?? new Map<string, number>();
  counts.set(word, (counts.get(word) ?? 0) + 1);
  table.set(key, counts);
}

/** Cold takes the most frequent word, heat makes the rare ones likelier. */
function choose(counts: Counts, temperature: number, random: Random): string {
  const weights = [...counts].map(
    ([word, times]) => [word, times ** (1 / Math.max(0.05, temperature))] as const,
  );
  let left = random.next() * weights.reduce((sum, [, weight]) => sum + weight, 0);
  for (const [word, weight] of weights) {
    left -= weight;
    if (left <= 0) return word;
  }
  return weights[0]![0];
}
