// A language model without a mind: words by chance, by the seed and the prompt, one token each.
export interface Request {
  readonly prompt: string;
  readonly promptTokens: number;
  readonly maxTokens: number;
  readonly seed: number;
  readonly stops: readonly string[];
  readonly isEndBanned: boolean;
  readonly genkey: string;
}

type Fields = Readonly<Record<string, unknown>>;

/** A character is a token, but for a few pairs; a word begins with a space and a text with a mark. */
export function countTokens(text: string): number {
  return text === '' ? 1 : text.length + 2 - [...text.matchAll(/on|ti| a/g)].length;
}

const TURN_TOKENS = 9;
interface Message {
  readonly role: string;
  readonly content: string;
}

export const chatPrompt = (messages: readonly Message[]): string =>
  messages.map(({ role, content }) => `<|im_start|>${role}\n${content}<|im_end|>\n`).join('') +
  '<|im_start|>assistant\n';

export const countChatTokens = (messages: readonly Message[]): number =>
  messages.reduce((sum, { content }) => sum + TURN_TOKENS + content.length, TURN_TOKENS);

/** Null for what makes the real server's worker fail: it answers `null`, or never. */
export function requestOf(
  fields: Fields,
  contextTokens: number,
  now: number,
  isNative: boolean,
): Request | null {
  const messages = (fields['messages'] ?? []) as readonly Message[];
  const isChat = 'messages' in fields || !('prompt' in fields || isNative);
  const prompt = isChat ? chatPrompt(messages) : (fields['prompt'] ?? '');
  const asked = fields[isNative ? 'max_length' : 'max_tokens'] ?? 1024;
  if (typeof prompt !== 'string' || typeof asked !== 'number') return null;
  const limit = Math.min(numberOf(fields['max_context_length'], contextTokens), contextTokens);
  const kept = Math.max(Math.min(limit - 4, 16), Math.floor(limit * 0.2));
  const maxTokens = Math.max(0, asked >= limit - kept ? limit - kept : asked);
  const counted = isChat ? countChatTokens(messages) : countTokens(prompt);
  const seed = numberOf(fields[isNative ? 'sampler_seed' : 'seed'], -1) | 0;
  return {
    prompt,
    // What does not fit is cut from the front, without a word.
    promptTokens: Math.min(counted, limit - maxTokens),
    maxTokens,
    seed: seed > 0 ? seed : Math.floor(now / 1000) % 1_000_000,
    stops: (fields[isNative ? 'stop_sequence' : 'stop'] ?? []) as string[],
    isEndBanned: fields['ban_eos_token'] === true,
    genkey: String(fields['genkey'] ?? ''),
  };
}

const numberOf = (value: unknown, otherwise: number) =>
  typeof value === 'number' ? value : otherwise;

const WORDS =
  ' before, my, all, with, when, went, take, after, low, from, hand, can, tell, well, thing, there, if, it, want, he, must,*,>,I,b,W,T,0,@,~,&,f,s,es,ti,on'.split(
    ',',
  );
/** Where the model would come to its end by itself. */
const END_AFTER = 217;

/** The words of a request, until its limit, its end or somebody's wish stops it. */
export function* wordsOf({ prompt, seed, maxTokens, isEndBanned }: Request): Generator<string> {
  let state = seed >>> 0;
  for (const letter of prompt) state = Math.imul(state ^ letter.codePointAt(0)!, 0x01000193) >>> 0;
  for (let count = 0; count < maxTokens; count += 1) {
    if (count === END_AFTER && !isEndBanned) return;
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    // The seed may be the clock's: a first word without surprises keeps a text from being empty by chance.
    yield count === 0 ? 'W' : WORDS[(state >>> 16) % WORDS.length]!;
  }
}

/** How much of a text may be shown: what could be the beginning of a stop sequence waits. */
export function showable(text: string, stops: readonly string[]): number {
  let length = text.length;
  for (const stop of stops)
    for (let part = 1; part < stop.length; part += 1)
      if (text.endsWith(stop.slice(0, part))) length = Math.min(length, text.length - part);
  return length;
}

/** Where the first stop sequence begins, or -1. */
export function stopAt(text: string, stops: readonly string[]): number {
  const found = stops.filter((stop) => stop !== '').map((stop) => text.indexOf(stop));
  return Math.min(...found.filter((at) => at >= 0), Infinity) === Infinity
    ? -1
    : Math.min(...found.filter((at) => at >= 0));
}
