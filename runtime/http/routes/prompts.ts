// A prompt rewritten by a text model, on request: an ordinary job, queued and paid for as text.
import { z } from 'zod';
import { modality, type Modality } from '../../../machines/contract/models.ts';
import { jobRequest, type JobRequestInput } from '../../../machines/contract/requests.ts';
import { dryRunView, improvedPromptView } from '../../../machines/contract/views.ts';
import type { Host } from '../../host.ts';
import { quoteJob } from '../../submit.ts';
import { callerOf } from '../access.ts';
import type { App } from '../app.ts';
import { notValid } from '../bodies.ts';
import { conversationFile, MESSAGES_ROLE } from '../openai/messages.ts';
import { blobsOf, textOfBlob } from '../openai/results.ts';
import { mustSucceed, run } from '../openai/run.ts';
import { roleOf } from '../principals.ts';
import { refuse } from '../problems.ts';
import { instructionFor, readRewritten } from '../rewriting.ts';

const ORIGIN = 'prompt-improver';
const LLM_TOKENS_MAX = 240;

const wish = z.strictObject({
  prompt: jobRequest.shape.prompt.unwrap().trim().min(1, 'is empty'),
  modality: modality.exclude(['transcript']).default('image').describe('What the prompt is for'),
  model: jobRequest.shape.model.describe('A text model; left out, the readiest that converses'),
  dry_run: jobRequest.shape.dry_run.describe('Only say what it would cost'),
});

export function promptRoutes(app: App, host: Host): void {
  app.route({
    method: 'POST',
    url: '/v1/prompts/improve',
    config: { access: 'person' },
    schema: {
      tags: ['prompts'],
      summary: 'Have a prompt rewritten',
      description:
        'A text model says the same in more words. It is a job like any other, with its receipt, and costs what ' +
        'text costs; it is waited for. Hanging up cancels it. Where so much waits that it would not begin within a ' +
        'minute it is refused with 429 `queue_too_long`; where no worker has a model that converses, with 422 ' +
        '`impossible`.',
      body: wish,
      response: { 200: z.union([improvedPromptView, dryRunView]) },
    },
    async handler(request, reply) {
      const { prompt, modality: of, model, dry_run: isDry } = request.body;
      refuseWithoutWriter(host, model);
      const caller = callerOf(request);
      const asked = await requestFor(host, caller.accountId, { prompt, of, model });
      if (isDry) {
        const parsed = jobRequest.safeParse(asked);
        if (!parsed.success) throw notValid('This cannot be asked for.', parsed.error);
        const { accountId } = caller;
        return quoteJob(host, { accountId, role: roleOf(caller), request: parsed.data });
      }
      const job = mustSucceed(await (await run(host, request, reply, asked)).ended);
      const [blob] = await blobsOf(host, caller.accountId, job);
      const written = readRewritten(await textOfBlob(host, blob!));
      return {
        object: 'improved_prompt' as const,
        prompt: written ?? prompt,
        // What a model makes of it is not always of use; the words are then as they were.
        improved: written !== null && written !== prompt,
        original: prompt,
        job,
      };
    },
  });
}

interface Wished {
  readonly prompt: string;
  readonly of: Modality;
  readonly model: string | undefined;
}

async function requestFor(
  host: Host,
  accountId: string,
  { prompt, of, model }: Wished,
): Promise<JobRequestInput> {
  return {
    modality: 'text',
    prompt,
    params: { max_tokens: LLM_TOKENS_MAX, temperature: 0.6 },
    // What is said before the words themselves is the same for all, so it is one file.
    inputs: [await conversationFile(host, accountId, instructionFor(of))],
    origin: ORIGIN,
    ...(model === undefined ? {} : { model }),
  };
}

/** One that only goes on writing would make the prompt longer, not better. */
function refuseWithoutWriter(host: Host, model: string | undefined): void {
  const offers = host.dispatcher.offersFor('text', model ?? null);
  if (model !== undefined && offers.length === 0) return; // which is told better where models are chosen
  const converses = offers.some(({ offer }) =>
    offer.inputs?.some(({ role }) => role === MESSAGES_ROLE),
  );
  if (converses) return;
  throw refuse(
    'impossible',
    'There is no model here that understands what it should rewrite. Connect KoboldCPP with a language model to a worker.',
  );
}
