// Which words of a request are looked at: all that says what is wanted. What is not wanted is left out, for careful
// people put there what they want to be sure of not getting.
import type { ChatMessages, JobParams } from '../../machines/contract/requests.ts';

/** @param conversation what was said before the prompt, as it is stored */
export function textsOf(
  prompt: string,
  params: JobParams,
  conversation: readonly Buffer[],
): readonly string[] {
  const { style, lyrics } = params as { readonly style?: string; readonly lyrics?: string };
  // The newest first: what comes last is what is asked.
  const before = conversation.flatMap(saidIn).reverse();
  return [[prompt, style, lyrics].filter(Boolean).join('\n'), ...before].filter(
    (text) => text !== '',
  );
}

function saidIn(stored: Buffer): string[] {
  const messages = JSON.parse(stored.toString('utf8')) as ChatMessages;
  return messages.map(({ content }) => content);
}
