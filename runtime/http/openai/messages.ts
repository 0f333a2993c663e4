// A conversation as OpenAI's clients send it, and as a job carries it: the last message is the prompt, those
// before it are a file, for they may be much more than a job's record holds.
import { z } from 'zod';
import { insertBlob } from '../../../db/queries/blobs.ts';
import type { ChatMessages, JobRequestInput } from '../../../machines/contract/requests.ts';
import type { ModelOffer } from '../../../machines/contract/models.ts';
import type { Host } from '../../host.ts';
import { invalid } from '../../refusals.ts';

/** The role of what was said before the prompt. */
export const MESSAGES_ROLE = 'messages';
const BYTES_MAX = 2 * 1024 * 1024;
const PROMPT_LENGTH_MAX = 8_000;

const part = z.discriminatedUnion(
  'type',
  [z.object({ type: z.literal('text'), text: z.string() })],
  'only text is understood here',
);
export const messages = z
  .array(
    z.object({
      role: z.enum(
        ['system', 'developer', 'user', 'assistant'],
        'is not a role that is understood',
      ),
      content: z.union([z.string(), z.array(part)]),
    }),
  )
  .min(1)
  .max(1000);
type Messages = z.infer<typeof messages>;

const plain = (asked: Messages): ChatMessages =>
  asked.map(({ role, content }) => ({
    role: role === 'developer' ? 'system' : role,
    content: typeof content === 'string' ? content : content.map(({ text }) => text).join(''),
  }));

/** @throws Refused */
export async function conversation(
  host: Host,
  accountId: string,
  asked: Messages,
  offer: ModelOffer | null,
): Promise<Pick<JobRequestInput, 'prompt' | 'inputs'>> {
  const said = plain(asked);
  const last = said.at(-1)!;
  const isPrompt = last.role === 'user' && last.content.length <= PROMPT_LENGTH_MAX;
  const before = isPrompt ? said.slice(0, -1) : said;
  const prompt = isPrompt ? last.content : '';
  if (before.length === 0) return { prompt };
  // A model that knows only prompts gets all of it as one.
  const takesMessages = offer?.inputs?.some(({ role }) => role === MESSAGES_ROLE) ?? false;
  if (!takesMessages) return { prompt: asOne(said) };
  return { prompt, inputs: [await conversationFile(host, accountId, before)] };
}

const asOne = (said: ChatMessages): string =>
  said.map(({ role, content }) => (role === 'assistant' ? `> ${content}` : content)).join('\n\n');

/** An input of a job, with what was said before its prompt. @throws Refused */
export async function conversationFile(
  host: Host,
  accountId: string,
  before: ChatMessages,
): Promise<{ role: string; blob: string }> {
  const json = Buffer.from(JSON.stringify(before));
  if (json.byteLength > BYTES_MAX)
    throw invalid('The conversation is too long.', [
      { at: '/messages', reason: `has more than ${BYTES_MAX} bytes` },
    ]);
  const whole = (async function* () {
    yield json;
  })();
  const { id, bytes } = await host.blobs.put(whole, BYTES_MAX);
  await insertBlob(host.pool, accountId, { id, bytes, mediaType: 'application/json' });
  return { role: MESSAGES_ROLE, blob: id };
}
