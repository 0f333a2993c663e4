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
import { readForm } from './forms.ts';
import { modelFor, offerFor } from './models.ts';
import { blobsOf, bytesOfBlob, textOfBlob } from './results.ts';
import { succeed } from './run.ts';

const speech = z.object({
  model: z.string().max(64).optional(),
  input: z.string().min(1),
  voice: z.string().max(64).nullish(),
  response_format: z
    .enum(['mp3', 'opus', 'flac', 'wav'], 'must be mp3, opus, flac or wav')
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
      return reply.type(job.outputs[0]!.media_type).send(await bytesOfBlob(host, blob!));
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
  const format = response_format ?? (formats.includes('mp3') ? 'mp3' : undefined);
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
  const job = await succeed(host, request, reply, wish);
  const [blob] = await blobsOf(host, callerOf(request).accountId, job);
  const text = await textOfBlob(host, blob!);
  if (format === 'json') return { text: text.trim() };
  if (format === 'verbose_json') return JSON.parse(text) as object;
  return reply.type('text/plain; charset=utf-8').send(text);
}
