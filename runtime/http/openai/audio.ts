// Speech from text, and text from speech.
import type { FastifyReply, FastifyRequest } from 'fastify';
import { z } from 'zod';
import type { JobRequestInput } from '../../../machines/contract/requests.ts';
import type { ModelOffer } from '../../../machines/contract/models.ts';
import { formatsOf } from '../../feasibility.ts';
import type { Host } from '../../host.ts';
import { invalid } from '../../refusals.ts';
import { callerOf } from '../access.ts';
import type { App } from '../app.ts';
import { notValid } from '../bodies.ts';
import { refuse } from '../problems.ts';
import { eventStream } from './events.ts';
import { readForm } from './forms.ts';
import { modelFor, offerFor } from './models.ts';
import { RAW_TYPE, rawFrom } from './raw-sound.ts';
import { blobsOf, bytesOfBlob, textOfBlob } from './results.ts';
import { mustSucceed, run, succeed } from './run.ts';
import { begunAnew, Told } from './told.ts';

const speech = z.object({
  model: z.string().max(64).optional(),
  input: z.string().min(1),
  voice: z.string().max(64).nullish(),
  response_format: z
    .enum(['mp3', 'opus', 'flac', 'wav', 'pcm'], 'must be mp3, opus, flac, wav or pcm')
    .nullish(),
  speed: z.number().min(0.25).max(4).nullish(),
  stream_format: z.literal('audio', 'only audio is supported here').nullish(),
});

/** Names of OpenAI's voices, which clients have written into them: whichever voice the model has is meant. */
const OPENAI_VOICES = new Set(
  'alloy ash ballad cedar coral echo fable marin nova onyx sage shimmer verse'.split(' '),
);

const transcription = z.object({
  model: z.string().max(64).optional(),
  language: z.string().max(16).optional(),
  response_format: z.enum(['json', 'text', 'srt', 'vtt', 'verbose_json']).default('json'),
  stream: z.boolean().default(false),
});

const config = { access: 'person' } as const;
const tags = ['OpenAI'];

export function audioRoutes(app: App, host: Host): void {
  app.route({
    method: 'POST',
    url: '/v1/audio/speech',
    config,
    schema: { tags, summary: 'Speak a text', body: speech },
    async handler(request, reply) {
      const { body } = request;
      const model = modelFor(host, 'audio', body.model);
      const job = await succeed(host, request, reply, {
        modality: 'audio',
        prompt: body.input,
        params: spoken(body, offerFor(host, 'audio', model)),
        ...(model === undefined ? {} : { model }),
      });
      const [blob] = await blobsOf(host, callerOf(request).accountId, job);
      const bytes = await bytesOfBlob(host, blob!);
      if (body.response_format !== 'pcm') return reply.type(job.outputs[0]!.media_type).send(bytes);
      const raw = rawFrom(bytes);
      if (!raw) throw refuse('internal', 'This voice’s sound has samples that are not known here.');
      return reply.type(RAW_TYPE).send(raw);
    },
  });

  for (const [url, translate, summary] of [
    ['/v1/audio/transcriptions', false, 'Write down what is spoken'],
    ['/v1/audio/translations', true, 'Write down in English what is spoken'],
  ] as const)
    app.route({
      method: 'POST',
      url,
      config,
      schema: { tags, summary, consumes: ['multipart/form-data'] },
      handler: (request, reply) => transcribe(host, request, reply, translate),
    });
}

function spoken(
  { voice, response_format, speed }: z.infer<typeof speech>,
  offer: ModelOffer | null,
) {
  const formats = offer ? formatsOf(offer) : [];
  // mp3 is what those clients expect unless they say otherwise; a model that has none gives what it has.
  const usual = formats.includes('mp3') ? 'mp3' : undefined;
  const format = response_format === 'pcm' ? 'wav' : (response_format ?? usual);
  const isTheirs = voice && OPENAI_VOICES.has(voice) && !offer?.voices.includes(voice);
  return {
    ...(format ? { format } : {}),
    ...(voice && !isTheirs ? { voice } : {}),
    ...(speed ? { speed } : {}),
  };
}

async function transcribe(
  host: Host,
  request: FastifyRequest,
  reply: FastifyReply,
  translate: boolean,
) {
  const form = await readForm(host, request);
  const parsed = transcription.safeParse(form.fields);
  if (!parsed.success) throw notValid('The form is not what this call accepts.', parsed.error);
  const [file] = form.files['file'] ?? [];
  if (file === undefined)
    throw invalid('Send the recording.', [{ at: '/file', reason: 'is missing' }]);
  const { language, response_format: format } = parsed.data;
  const model = modelFor(host, 'transcript', parsed.data.model);
  const wish: JobRequestInput = {
    modality: 'transcript',
    params: {
      format: format === 'json' ? 'text' : format,
      ...(language === undefined ? {} : { language }),
      ...(translate ? { translate } : {}),
    },
    inputs: [{ blob: file }],
    ...(model === undefined ? {} : { model }),
  };
  if (parsed.data.stream) return tellHearing(host, request, reply, plainText(wish, format));
  const job = await succeed(host, request, reply, wish);
  const [blob] = await blobsOf(host, callerOf(request).accountId, job);
  const text = await textOfBlob(host, blob!);
  if (format === 'json') return { text: text.trim() };
  if (format === 'verbose_json') return JSON.parse(text) as object;
  return reply.type('text/plain; charset=utf-8').send(text);
}

function plainText(wish: JobRequestInput, format: string): JobRequestInput {
  if (format === 'json' || format === 'text') return wish;
  throw invalid('A stream tells the bare text.', [
    { at: '/response_format', reason: 'must be json or text with stream' },
  ]);
}

/** The text as it is heard, and then all of it. */
async function tellHearing(
  host: Host,
  request: FastifyRequest,
  reply: FastifyReply,
  wish: JobRequestInput,
) {
  const events = eventStream(reply);
  const told = new Told((delta) => events.send({ type: 'transcript.text.delta', delta }));
  try {
    const { ended } = await run(host, request, reply, wish, (frame) => {
      if (frame.type === 'text') told.add(frame.index, frame.text);
    });
    const [blob] = await blobsOf(
      ...([host, callerOf(request).accountId, mustSucceed(await ended)] as const),
    );
    const text = (await textOfBlob(host, blob!)).trimEnd();
    if (!told.end(text)) throw begunAnew();
    events.send({ type: 'transcript.text.done', text: text.trim() });
    events.end('[DONE]');
  } catch (error) {
    if (!events.isOpen) throw error;
    events.fail(error);
  }
  return reply;
}
