// Text: chat completions, and completions that go on where a prompt ends. Written as it comes where the client
// wants a stream, and charged like any other job.
import type { FastifyReply, FastifyRequest } from 'fastify';
import { z } from 'zod';
import type { JobRequestInput } from '../../../machines/contract/requests.ts';
import type { JobView } from '../../../machines/contract/views.ts';
import type { Host } from '../../host.ts';
import { callerOf } from '../access.ts';
import type { App } from '../app.ts';
import { refuse } from '../problems.ts';
import { eventStream, type EventStream } from './events.ts';
import { conversation, messages } from './messages.ts';
import { modelFor, offerFor } from './models.ts';
import { blobsOf, secondsOf, textOfBlob } from './results.ts';
import { mustSucceed, run } from './run.ts';
import { begunAnew, Told } from './told.ts';

const NOT_HERE = 'is not supported here';
const absent = z.union([z.null(), z.array(z.unknown()).max(0, NOT_HERE)], NOT_HERE).optional();

/** Unknown fields are dropped, as OpenAI's clients send many; what would change the answer is refused. */
const common = {
  model: z.string().max(64).optional(),
  max_tokens: z.number().int().min(1).max(32_768).nullish(),
  temperature: z.number().min(0).max(2).nullish(),
  top_p: z.number().min(0).max(1).nullish(),
  stop: z.union([z.string(), z.array(z.string()).max(4)]).nullish(),
  seed: z.number().int().min(0).max(4_294_967_295).nullish(),
  n: z.number().int().min(1).max(8).nullish(),
  stream: z.boolean().nullish(),
  stream_options: z.object({ include_usage: z.boolean().nullish() }).nullish(),
};
type Common = z.infer<z.ZodObject<typeof common>>;

const chatRequest = z.object({
  ...common,
  messages,
  max_completion_tokens: z.number().int().min(1).max(32_768).nullish(),
  tools: absent,
  functions: absent,
  response_format: z.object({ type: z.literal('text', NOT_HERE) }).nullish(),
});

const completionRequest = z.object({
  ...common,
  prompt: z.union([
    z.string(),
    z
      .array(z.string())
      .length(1, 'may hold one prompt')
      .transform(([one]) => one!),
  ]),
  echo: z.literal(false, NOT_HERE).nullish(),
  suffix: z.null(NOT_HERE).optional(),
});

/** The two calls differ in how a piece and a whole are told. */
interface Form {
  readonly prefix: string;
  readonly object: string;
  readonly chunk: string;
  readonly whole: (text: string) => object;
  readonly piece: (text: string | null) => object;
}

const CHAT: Form = {
  prefix: 'chatcmpl',
  object: 'chat.completion',
  chunk: 'chat.completion.chunk',
  whole: (text) => ({
    message: { role: 'assistant', content: text, refusal: null },
    logprobs: null,
  }),
  piece: (text) => ({ delta: text === null ? {} : { content: text }, logprobs: null }),
};

const COMPLETION: Form = {
  prefix: 'cmpl',
  object: 'text_completion',
  chunk: 'text_completion',
  whole: (text) => ({ text, logprobs: null }),
  piece: (text) => ({ text: text ?? '', logprobs: null }),
};

const config = { access: 'person' } as const;
const tags = ['OpenAI'];

export function writingRoutes(app: App, host: Host): void {
  app.route({
    method: 'POST',
    url: '/v1/chat/completions',
    config,
    schema: { tags, summary: 'Answer a conversation', body: chatRequest },
    async handler(request, reply) {
      const { body } = request;
      const model = modelFor(host, 'text', body.model);
      const { accountId } = callerOf(request);
      const said = await conversation(
        host,
        accountId,
        body.messages,
        offerFor(host, 'text', model),
      );
      const maxTokens = body.max_completion_tokens ?? body.max_tokens;
      const wish = wishOf({ ...body, max_tokens: maxTokens }, model);
      return write(host, request, reply, { ...wish, ...said }, CHAT, body);
    },
  });

  app.route({
    method: 'POST',
    url: '/v1/completions',
    config,
    schema: { tags, summary: 'Go on where a prompt ends', body: completionRequest },
    async handler(request, reply) {
      const { body } = request;
      const wish = wishOf(body, modelFor(host, 'text', body.model));
      const params = { ...wish.params, mode: 'completion' };
      return write(
        host,
        request,
        reply,
        { ...wish, prompt: body.prompt, params },
        COMPLETION,
        body,
      );
    },
  });
}

function wishOf(asked: Common, model: string | undefined): JobRequestInput {
  const { max_tokens, temperature, top_p, stop, seed, n } = asked;
  const params = {
    max_tokens,
    temperature,
    top_p,
    stop: typeof stop === 'string' ? [stop] : stop,
    seed,
  };
  const given = Object.entries(params).filter(([, value]) => value !== null && value !== undefined);
  return {
    modality: 'text',
    params: Object.fromEntries(given),
    count: n ?? 1,
    ...(model === undefined ? {} : { model }),
  };
}

async function write(
  host: Host,
  request: FastifyRequest,
  reply: FastifyReply,
  wish: JobRequestInput,
  form: Form,
  { stream, stream_options, n }: Common,
) {
  if (!stream) {
    const job = await (await run(host, request, reply, wish)).ended;
    return wholeOf(host, callerOf(request).accountId, mustSucceed(job), form);
  }
  if ((n ?? 1) > 1)
    throw refuse('invalid_request', 'A stream has one answer.', {
      errors: [{ at: '/n', reason: 'must be 1 with stream' }],
    });
  const events = eventStream(reply);
  await tell(host, request, reply, wish, form, stream_options?.include_usage ?? false, events);
  return reply;
}

async function tell(
  host: Host,
  request: FastifyRequest,
  reply: FastifyReply,
  wish: JobRequestInput,
  form: Form,
  withUsage: boolean,
  events: EventStream,
): Promise<void> {
  let head = { id: '', object: form.chunk, created: 0, model: wish.model ?? '' };
  const piece = (text: string | null, finish: string | null = null) =>
    events.send({ ...head, choices: [{ index: 0, ...form.piece(text), finish_reason: finish }] });
  const told = new Told((text) => piece(text));
  try {
    const { id, ended } = await run(host, request, reply, wish, (frame) => {
      if (frame.type === 'text') told.add(frame.index, frame.text);
    });
    head = { ...head, id: `${form.prefix}-${id}`, created: Math.floor(host.clock.now() / 1000) };
    if (form === CHAT)
      events.send({
        ...head,
        choices: [
          {
            index: 0,
            delta: { role: 'assistant', content: '' },
            logprobs: null,
            finish_reason: null,
          },
        ],
      });
    const job = mustSucceed(await ended);
    head = { ...head, model: job.model };
    const [blob] = await blobsOf(host, callerOf(request).accountId, job);
    if (!told.end(await textOfBlob(host, blob!))) throw begunAnew();
    piece(null, finishOf(job));
    if (withUsage) events.send({ ...head, choices: [], usage: usageOf(job) });
    events.end('[DONE]');
  } catch (error) {
    if (!events.isOpen) throw error;
    events.fail(error);
  }
}

async function wholeOf(host: Host, accountId: string, job: JobView, form: Form) {
  const texts = await Promise.all(
    (await blobsOf(host, accountId, job)).map((blob) => textOfBlob(host, blob)),
  );
  return {
    id: `${form.prefix}-${job.id}`,
    object: form.object,
    created: secondsOf(job.created_at),
    model: job.model,
    choices: texts.map((text, index) => ({
      index,
      ...form.whole(text),
      finish_reason: finishOf(job, index),
    })),
    usage: usageOf(job),
  };
}

const finishOf = (job: JobView, n = 0): 'stop' | 'length' =>
  job.outputs[n]?.facts['finish_reason'] === 'length' ? 'length' : 'stop';

/** As the engine counted; where it did not, a token is four characters. */
function usageOf({ outputs, prompt }: JobView) {
  const count = (fact: string, otherwise: (n: number) => number) =>
    outputs.reduce((sum, { facts }, n) => {
      const told = facts[fact];
      return sum + (typeof told === 'number' ? told : otherwise(n));
    }, 0);
  const prompt_tokens = count('prompt_tokens', () => Math.ceil(prompt.length / 4));
  const completion_tokens = count('completion_tokens', (n) => Math.ceil(outputs[n]!.bytes / 4));
  return { prompt_tokens, completion_tokens, total_tokens: prompt_tokens + completion_tokens };
}
