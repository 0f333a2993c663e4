// Server-sent events as they come: KoboldCPP's own (`event: message`) and those of its OpenAI route. The end of
// the body says nothing: it is the same for a finished text and for a dead process.
import { EngineFailure } from '../../../../machines/contract/engine.ts';

/** An event holds some words; more than this is a mistake and must not fill the memory. */
const EVENT_CHARACTERS_MAX = 1024 * 1024;

/** The data of one event after the other. A last one that was cut is left out. */
export async function* eventsOf(body: AsyncIterable<Uint8Array>): AsyncGenerator<string> {
  const decoder = new TextDecoder();
  let rest = '';
  for await (const chunk of body) {
    rest += decoder.decode(chunk, { stream: true }).replaceAll('\r', '');
    const events = rest.split('\n\n');
    rest = events.pop() ?? '';
    if (rest.length > EVENT_CHARACTERS_MAX)
      throw new EngineFailure('outputInvalid', 'KoboldCPP sent an event without an end.');
    for (const event of events) {
      const data = dataOf(event);
      if (data !== null) yield data;
    }
  }
}

function dataOf(event: string): string | null {
  const lines = event.split('\n').filter((line) => line.startsWith('data:'));
  if (lines.length === 0) return null;
  return lines.map((line) => line.slice(5).replace(/^ /, '')).join('\n');
}

/** A step of a text, of whichever route. */
export interface Piece {
  readonly text: string;
  /** `stop`, `length` or `error`; null while it goes on. */
  readonly finish: string | null;
  readonly usage?: { readonly prompt: number; readonly completion: number };
}

/** Null for what is not part of a text: `[DONE]`, comments, shapes unknown. */
export function pieceOf(data: string): Piece | null {
  if (data === '[DONE]') return null;
  const event = parse(data);
  if (event === null) throw new EngineFailure('outputInvalid', 'KoboldCPP sent a broken event.');
  if ('token' in event) return { text: String(event.token ?? ''), finish: wordOf(event) };
  const choice = (event.choices as Fields[] | undefined)?.[0];
  const usage = event.usage as { prompt_tokens?: number; completion_tokens?: number } | undefined;
  if (choice === undefined && usage === undefined) return null;
  const delta = choice?.delta as Fields | undefined;
  // Thoughts come as `reasoning_content`; they are no part of the answer.
  const text = String(delta?.content ?? choice?.text ?? '');
  return {
    text,
    finish: choice === undefined ? null : wordOf(choice),
    ...(usage && {
      usage: { prompt: usage.prompt_tokens ?? 0, completion: usage.completion_tokens ?? 0 },
    }),
  };
}

type Fields = Record<string, unknown>;

function parse(data: string): Fields | null {
  try {
    const value: unknown = JSON.parse(data);
    return typeof value === 'object' && value !== null ? (value as Fields) : null;
  } catch {
    return null;
  }
}

const wordOf = ({ finish_reason: word }: Fields) => (typeof word === 'string' ? word : null);
