// What an engine's server says when something is wrong. Every framework words it in its own way; here they become
// one code and one short sentence, in which nothing that a person wrote is repeated.
import { EngineFailure } from '../../../machines/contract/engine.ts';
import type { FailureCode } from '../../../machines/contract/failures.ts';

export interface EngineAnswer {
  readonly status: number;
  readonly contentType: string;
  readonly bytes: Uint8Array;
}

const SENTENCE_LENGTH_MAX = 240;
/** As long as this, words that also stand in the prompt are taken from it. */
const ECHO_LENGTH = 16;
/** Shorter prompts say nothing about anybody, and stand in any sentence. */
const ECHO_LENGTH_MIN = 4;

const OUT_OF_MEMORY =
  /out of memory|outofmemory|failed to allocate|cudaMalloc failed|CUBLAS_STATUS_ALLOC/i;
const NO_SUCH_MODEL =
  /invalid_model|model_not_found|unsupported model|model\b.{0,80}\b(not found|not installed|does not exist|not loaded)/i;

export function failureOf(answer: EngineAnswer, secret = ''): EngineFailure {
  const words = sayingOf(answer);
  // Nor may they decide what went wrong.
  const said = isEcho(words, secret) ? '' : words;
  const code = codeOf(answer.status, said);
  const sentence = said === '' ? '' : `: ${said}`;
  return new EngineFailure(code, cut(`The engine answered ${answer.status}${sentence}`));
}

function codeOf(status: number, said: string): FailureCode {
  if (OUT_OF_MEMORY.test(said)) return 'outOfMemory';
  if (NO_SUCH_MODEL.test(said)) return 'modelMissing';
  return status === 400 || status === 413 || status === 415 || status === 422
    ? 'invalidInput'
    : 'engineError';
}

/** The JSON of an answer that promises some. */
export function jsonOf(answer: EngineAnswer): unknown {
  try {
    return JSON.parse(Buffer.from(answer.bytes).toString('utf8'));
  } catch (cause) {
    throw new EngineFailure('outputInvalid', 'The engine answered with something else than JSON.', {
      cause,
    });
  }
}

/**
 * Seen in the wild: `{detail: {error, message}}`, `{detail: [{loc, msg}]}`, `{detail: text}`, `{message, code}`,
 * `{error: {message}}` and `{error: text}`. Of a list only where and what: its `input` is the whole request.
 */
function sayingOf({ bytes }: EngineAnswer): string {
  let said: unknown;
  try {
    said = JSON.parse(Buffer.from(bytes).toString('utf8'));
  } catch {
    return '';
  }
  const { detail, error, message } = fieldsOf(said);
  for (const each of [detail, error, message]) {
    if (typeof each === 'string') return each;
    if (Array.isArray(each)) return each.slice(0, 3).map(wordsOf).join('; ');
    const inside = fieldsOf(each);
    const words = [inside['error'] ?? inside['type'], inside['message']];
    const known = words.filter((word) => typeof word === 'string');
    if (known.length > 0) return known.join(': ');
  }
  return '';
}

function wordsOf(issue: unknown): string {
  const { loc, msg } = fieldsOf(issue);
  const place = Array.isArray(loc) ? loc.join('.') : '';
  return `${place} ${typeof msg === 'string' ? msg : ''}`.trim();
}

function isEcho(said: string, secret: string): boolean {
  const length = Math.min(ECHO_LENGTH, secret.trim().length);
  if (length < ECHO_LENGTH_MIN) return false;
  for (let at = 0; at + length <= said.length; at += 1)
    if (secret.includes(said.slice(at, at + length))) return true;
  return false;
}

const cut = (sentence: string): string =>
  sentence.length <= SENTENCE_LENGTH_MAX ? sentence : `${sentence.slice(0, SENTENCE_LENGTH_MAX)}…`;

const fieldsOf = (value: unknown): Record<string, unknown> =>
  typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : {};
