// What a text job asks for, as the server must be told: checked before anything is sent, because the server
// answers 200 to a wrong value, or never.
import { EngineFailure, type EngineJob } from '../../../../machines/contract/engine.ts';
import {
  chatMessages,
  textParams,
  type ChatMessages,
  type TextParams,
} from '../../../../machines/contract/requests.ts';
import { plainMessage, plainPrompt } from './plain-words.ts';
import type { TextModel } from './settings.ts';

export interface Wish {
  readonly params: TextParams;
  /** Given by the person, or drawn; what the server is told is `seedOf` it. */
  readonly seed: number;
  /** What is written on: the turns of a chat, or the prompt of a completion. */
  readonly given: { readonly messages: ChatMessages } | { readonly prompt: string };
}

export function readWish(job: EngineJob, model: TextModel, random: () => number): Wish {
  const read = textParams.safeParse(job.params);
  const issue = read.error?.issues[0];
  if (!read.success)
    throw invalid(`The parameter ${issue?.path.join('.') ?? ''} is not valid: ${issue?.message}.`);
  const params = read.data;
  if (params.max_tokens > model.tokensMax)
    throw invalid(`At most ${model.tokensMax} tokens can be written at once.`);
  if (job.prompt.length > model.charactersMax)
    throw invalid(`A prompt may have at most ${model.charactersMax} characters.`);
  const seed = params.seed ?? 1 + Math.floor(random() * (SEED_MAX - 1));
  const before = messagesOf(job);
  if (params.mode === 'completion') {
    if (before.length > 0) throw invalid('A completion takes a prompt and no messages.');
    if (job.prompt === '') throw invalid('A completion needs a prompt to go on from.');
    return { params, seed, given: { prompt: plainPrompt(job.prompt) } };
  }
  const last: ChatMessages = job.prompt === '' ? [] : [{ role: 'user', content: job.prompt }];
  const messages = [...before, ...last].map(({ role, content }) => ({
    role,
    content: plainMessage(content),
  }));
  if (messages.length === 0) throw invalid('There is nothing to answer: the prompt is empty.');
  return { params, seed, given: { messages } };
}

function messagesOf({ inputs }: EngineJob): ChatMessages {
  const input = inputs.find(({ role }) => role === 'messages');
  if (!input) return [];
  try {
    return chatMessages.parse(JSON.parse(new TextDecoder().decode(input.bytes)));
  } catch {
    throw invalid('The input `messages` is not a list of messages with a role and a content.');
  }
}

/** The server takes a seed of 31 bits; 0 and what it reads as negative mean the second on its clock. */
export const seedOf = (seed: number): number => {
  const folded = seed % (SEED_MAX + 1);
  return folded === 0 ? SEED_MAX : folded;
};
const SEED_MAX = 2_147_483_647;

/**
 * How many tokens fit behind a prompt. The server cuts a prompt that is too long from the front, without a word,
 * and keeps at least a fifth of its context for it.
 */
export function roomFor(contextTokens: number, promptTokens: number, maxTokens: number): number {
  const kept = Math.max(Math.min(contextTokens - 4, 16), Math.floor(contextTokens * 0.2));
  const room = Math.min(contextTokens - promptTokens, contextTokens - kept);
  if (room < 1)
    throw invalid(
      `The text has ${promptTokens} tokens, but the model can read and write only ${contextTokens} at once.`,
    );
  return Math.min(room, maxTokens);
}

export interface TextRequest {
  readonly path: string;
  readonly body: object;
}

/** The two routes name the same things differently. */
export function requestOf(wish: Wish, maxTokens: number, genkey: string): TextRequest {
  const { params, given, seed } = wish;
  const { temperature, top_p, stop } = params;
  const shared = { temperature, ...(top_p !== undefined && { top_p }), genkey };
  if ('prompt' in given)
    return {
      path: '/api/extra/generate/stream',
      body: {
        ...shared,
        prompt: given.prompt,
        max_length: maxTokens,
        sampler_seed: seedOf(seed),
        trim_stop: true,
        ...(stop !== undefined && { stop_sequence: stop }),
      },
    };
  return {
    path: '/v1/chat/completions',
    body: {
      ...shared,
      messages: given.messages,
      max_tokens: maxTokens,
      seed: seedOf(seed),
      stream: true,
      stream_options: { include_usage: true },
      ...(stop !== undefined && { stop }),
    },
  };
}

const invalid = (sentence: string) => new EngineFailure('invalidInput', sentence);
