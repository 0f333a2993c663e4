// A set of rules over texts. A rule never goes by one word: it names at least two contexts, and they have to come near
// each other. So a report on naked mole rats is read to the end, and so is the news.
import { z } from 'zod';
import { modality, type Modality } from '../contract/models.ts';
import { AUDIENCES, type Audience } from './audience.ts';
import { folded, wordsOf, type Word } from './fold.ts';

const name = z.string().regex(/^[a-z][a-z0-9-]{0,39}$/, 'must be a name of small letters');
const phrases = z.array(
  z
    .string()
    .regex(
      /^!?[^\s!]+( [^\s!]+){0,5}$/,
      'must be one to six words; a * ends a stem, <18 is a smaller number, a ! makes it an exception',
    ),
);

/** As an operator writes it: see README.md. */
export const ruleSet = z
  .strictObject({
    contexts: z.record(name, z.record(z.string().regex(/^[a-z]{2,3}$/), phrases)),
    rules: z.array(
      z.strictObject({
        id: name,
        all: z.array(name).min(2, 'must name two contexts at least: one word says too little'),
        unless: z.array(name).default([]),
        /** How many words may lie between them. */
        within: z.number().int().min(1).max(200).default(12),
        audiences: z.array(z.enum(AUDIENCES)).min(1),
        modalities: z.array(modality).optional(),
        sentence: z.string().min(10).max(400),
      }),
    ),
  })
  .superRefine(({ contexts, rules }, check) => {
    for (const [n, { all, unless }] of rules.entries())
      for (const each of [...all, ...unless])
        if (!contexts[each])
          check.addIssue({
            code: 'custom',
            path: ['rules', n],
            message: `names the context ${each}, which is not there`,
          });
  });
export type RuleSet = z.infer<typeof ruleSet>;
type Rule = RuleSet['rules'][number];

/** Why a text is turned down: the rule's id for the log, its sentence for the person. */
export interface Finding {
  readonly rule: string;
  readonly sentence: string;
}

interface Phrase {
  readonly context: string;
  readonly isException: boolean;
  readonly words: readonly ((word: Word) => boolean)[];
}

/** First and last word of a place where a context is met. */
type Hit = readonly [from: number, to: number];

/** Texts are looked at in pieces of about this many characters, that overlap. */
const PIECE = 32_768;
const OVERLAP = 2_048;
/** Words of a phrase. */
const PHRASE_MAX = 6;

export class TextRules {
  readonly #rules: readonly Rule[];
  readonly #byWord = new Map<string, Phrase[]>();
  readonly #byStem = new Map<string, Phrase[]>();
  readonly #byNumber: Phrase[] = [];

  constructor({ contexts, rules }: RuleSet) {
    this.#rules = rules;
    for (const [context, languages] of Object.entries(contexts))
      for (const text of Object.values(languages).flat()) this.#add(context, text);
  }

  #add(context: string, text: string): void {
    const isException = text.startsWith('!');
    const parts = folded(text.replace(/^!/, '')).split(' ');
    const phrase = { context, isException, words: parts.map(matcherOf) };
    const [first = ''] = parts;
    if (first.startsWith('<')) this.#byNumber.push(phrase);
    else if (first.endsWith('*')) addTo(this.#byStem, first.slice(0, -1), phrase);
    else addTo(this.#byWord, first, phrase);
  }

  /** The pieces of a long text, each to be looked at by itself: whoever calls may do other things between them. */
  static *pieces(text: string): Generator<string> {
    for (let from = 0; from === 0 || from + OVERLAP < text.length; from += PIECE - OVERLAP)
      yield text.slice(from, from + PIECE);
  }

  /** The first rule for this audience that the text is against. */
  find(text: string, audience: Audience, what: Modality): Finding | null {
    const rules = this.#rules.filter(
      ({ audiences, modalities }) =>
        audiences.includes(audience) && (modalities?.includes(what) ?? true),
    );
    if (rules.length === 0) return null;
    const hits = this.#hitsIn(wordsOf(text));
    const broken = rules.find((rule) => isBroken(rule, hits));
    return broken ? { rule: broken.id, sentence: broken.sentence } : null;
  }

  #hitsIn(words: readonly Word[]): Map<string, Hit[]> {
    const found = new Map<string, Hit[]>();
    const exceptions = new Map<string, Set<number>>();
    words.forEach((word, at) => {
      for (const phrase of this.#startingWith(word)) {
        const { length } = phrase.words;
        if (!phrase.words.every((fits, n) => fits(words[at + n] ?? []))) continue;
        if (phrase.isException) {
          const excepted = exceptions.get(phrase.context) ?? new Set();
          for (let n = 0; n < length; n++) excepted.add(at + n);
          exceptions.set(phrase.context, excepted);
        } else addTo(found, phrase.context, [at, at + length - 1]);
      }
    });
    for (const [context, excepted] of exceptions)
      found.set(
        context,
        (found.get(context) ?? []).filter(([from]) => !excepted.has(from)),
      );
    return found;
  }

  *#startingWith(word: Word): Generator<Phrase> {
    for (const reading of word) {
      yield* this.#byWord.get(reading) ?? [];
      for (let length = 2; length <= reading.length; length++)
        yield* this.#byStem.get(reading.slice(0, length)) ?? [];
    }
    if (/^\d/.test(word[0] ?? '')) yield* this.#byNumber;
  }
}

function matcherOf(part: string): (word: Word) => boolean {
  const number = /^<(\d{1,3})(.*)$/.exec(part);
  if (number) {
    const [, bound, unit = ''] = number;
    return ([word = '']) => {
      const [, digits, rest] = /^(\d{1,3})(.*)$/.exec(word) ?? [];
      return digits !== undefined && rest === unit && Number(digits) < Number(bound);
    };
  }
  if (!part.endsWith('*')) return (word) => word.includes(part);
  const stem = part.slice(0, -1);
  return (word) => word.some((reading) => reading.startsWith(stem));
}

/** Its contexts come together somewhere, each by words of its own, and nothing beside them explains it. */
function isBroken({ all, unless, within }: Rule, hits: ReadonlyMap<string, Hit[]>): boolean {
  const [first = [], ...others] = all.map((context) => hits.get(context) ?? []);
  if (others.some((each) => each.length === 0)) return false;
  const excuses = unless.map((context) => hits.get(context) ?? []);
  return first.some(
    (anchor) =>
      others.every((each) => isNear(each, anchor, within)) &&
      !excuses.some((each) => isNear(each, anchor, within)),
  );
}

/** @param hits in the order of the text */
function isNear(hits: readonly Hit[], [from, to]: Hit, within: number): boolean {
  const first = from - within - PHRASE_MAX;
  let low = 0;
  let high = hits.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (hits[middle]![0] < first) low = middle + 1;
    else high = middle;
  }
  for (let n = low; n < hits.length && hits[n]![0] - to - 1 <= within; n++) {
    const [otherFrom, otherTo] = hits[n]!;
    if (otherFrom > to || (otherTo < from && from - otherTo - 1 <= within)) return true;
  }
  return false;
}

function addTo<V>(map: Map<string, V[]>, key: string, value: V): void {
  const known = map.get(key);
  if (known) known.push(value);
  else map.set(key, [value]);
}
