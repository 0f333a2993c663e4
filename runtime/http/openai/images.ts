// Pictures: made from words, or from a picture and words. Answered as base64 or as a link; with `stream`, what is
// seen of it on the way comes first.
import type { FastifyReply, FastifyRequest } from 'fastify';
import { z } from 'zod';
import type { JobRequestInput } from '../../../machines/contract/requests.ts';
import type { JobView } from '../../../machines/contract/views.ts';
import type { Host } from '../../host.ts';
import { invalid } from '../../refusals.ts';
import { callerOf } from '../access.ts';
import type { App } from '../app.ts';
import { notValid } from '../bodies.ts';
import { linkTo } from '../links.ts';
import { eventStream } from './events.ts';
import { readForm } from './forms.ts';
import { picturesOf } from './given-pictures.ts';
import { modelFor, offerFor } from './models.ts';
import { pictureIn, PICTURE_FORMATS } from './picture-format.ts';
import { blobsOf, bytesOfBlob, secondsOf } from './results.ts';
import { mustSucceed, run } from './run.ts';

const SIZE = /^(\d{2,4})x(\d{2,4})$/;
const SIDE_USUAL = 1024;

const fields = {
  model: z.string().max(64).optional(),
  prompt: z.string(),
  n: z.coerce.number().int().min(1).max(8).nullish(),
  size: z
    .union([z.literal('auto'), z.string().regex(SIZE, 'must be WIDTHxHEIGHT or auto')])
    .nullish(),
  response_format: z.enum(['url', 'b64_json']).nullish(),
  output_format: z.enum(PICTURE_FORMATS).nullish(),
  output_compression: z.coerce.number().int().min(0).max(100).nullish(),
  stream: z.boolean().nullish(),
  partial_images: z.coerce.number().int().min(0).max(3).nullish(),
};
const generation = z.object(fields);
type Asked = z.infer<typeof generation>;

const config = { access: 'person' } as const;
const tags = ['OpenAI'];

export function imageRoutes(app: App, host: Host): void {
  app.route({
    method: 'POST',
    url: '/v1/images/generations',
    config,
    schema: { tags, summary: 'Make pictures', body: generation },
    handler: (request, reply) => make(host, request, reply, request.body, []),
  });

  app.route({
    method: 'POST',
    url: '/v1/images/edits',
    config,
    schema: { tags, summary: 'Change a picture', consumes: ['multipart/form-data'] },
    async handler(request, reply) {
      const form = await readForm(host, request);
      const parsed = generation.safeParse(form.fields);
      if (!parsed.success) throw notValid('The form is not what this call accepts.', parsed.error);
      const { inputs, size } = await picturesOf(host, callerOf(request).accountId, form.files);
      const asked = { ...parsed.data, size: sizeAsked(parsed.data.size) ?? size };
      return make(host, request, reply, asked, inputs);
    },
  });
}

/** Null: whatever is usual. */
const sizeAsked = (size: Asked['size']): string | null => (size === 'auto' ? null : (size ?? null));

function wishOf(host: Host, asked: Asked, inputs: NonNullable<JobRequestInput['inputs']>) {
  const model = modelFor(host, 'image', asked.model);
  return {
    modality: 'image' as const,
    prompt: asked.prompt,
    params: sidesOf(asked.size ?? 'auto', offerFor(host, 'image', model)?.limits.pixelsMax),
    inputs,
    count: asked.n ?? 1,
    ...(model === undefined ? {} : { model }),
  };
}

/** What is not asked for is as large as is usual, or as the model can. */
function sidesOf(size: string, pixelsMax = Infinity): { width?: number; height?: number } {
  const [, width, height] = SIZE.exec(size) ?? [];
  if (width !== undefined) return { width: Number(width), height: Number(height) };
  if (SIDE_USUAL ** 2 <= pixelsMax) return {};
  const side = Math.floor(Math.sqrt(pixelsMax) / 64) * 64;
  return { width: side, height: side };
}

async function make(
  host: Host,
  request: FastifyRequest,
  reply: FastifyReply,
  asked: Asked,
  inputs: NonNullable<JobRequestInput['inputs']>,
) {
  const wish = wishOf(host, asked, inputs);
  if (asked.stream) return show(host, request, reply, asked, wish);
  const asLink = asked.response_format === 'url';
  if (asLink && asked.output_format)
    throw invalid('A link leads to the picture as it was made.', [
      { at: '/output_format', reason: 'is only for b64_json' },
    ]);
  const job = mustSucceed(await (await run(host, request, reply, wish)).ended);
  const { accountId } = callerOf(request);
  const blobs = await blobsOf(host, accountId, job);
  const data = await Promise.all(
    blobs.map(async (blob, n) =>
      asLink
        ? { url: await linkTo(host, request, job.id, n) }
        : { b64_json: await encoded(host, asked, job, blob, n) },
    ),
  );
  return { created: secondsOf(job.created_at), data, ...factsOf(job, asked), usage: NO_TOKENS };
}

async function encoded(
  host: Host,
  { output_format: format, output_compression: quality }: Asked,
  job: JobView,
  blob: string,
  n: number,
): Promise<string> {
  const bytes = await bytesOfBlob(host, blob);
  const mediaType = job.outputs[n]!.media_type;
  const picture = format
    ? await pictureIn(format, { bytes, mediaType }, quality ?? undefined)
    : bytes;
  return picture.toString('base64');
}

/** Pictures are charged by their size; see the job's receipt. */
const NO_TOKENS = {
  ...{ input_tokens: 0, output_tokens: 0, total_tokens: 0 },
  input_tokens_details: { text_tokens: 0, image_tokens: 0 },
};

function factsOf({ outputs, model }: JobView, asked: Asked) {
  const [first] = outputs;
  return {
    model,
    output_format: asked.output_format ?? first?.media_type.split('/')[1] ?? 'png',
    size: `${first?.width ?? 0}x${first?.height ?? 0}`,
    quality: 'auto',
    background: 'opaque',
  };
}

async function show(
  host: Host,
  request: FastifyRequest,
  reply: FastifyReply,
  asked: Asked,
  wish: JobRequestInput,
) {
  const events = eventStream(reply);
  const kind = (wish.inputs ?? []).length > 0 ? 'image_edit' : 'image_generation';
  const at = Math.floor(host.clock.now() / 1000);
  let left = asked.partial_images ?? 0;
  try {
    const { ended } = await run(host, request, reply, wish, (frame) => {
      if (frame.type !== 'progress' || frame.preview === undefined || left === 0) return;
      const b64_json = frame.preview.slice(frame.preview.indexOf(',') + 1);
      const partial_image_index = (asked.partial_images ?? 0) - left;
      left -= 1;
      const type = `${kind}.partial_image`;
      events.send({ type, b64_json, partial_image_index, created_at: at }, type);
    });
    const job = mustSucceed(await ended);
    const blobs = await blobsOf(host, callerOf(request).accountId, job);
    for (const [n, blob] of blobs.entries()) {
      const b64_json = await encoded(host, asked, job, blob, n);
      const type = `${kind}.completed`;
      events.send(
        { type, b64_json, created_at: at, ...factsOf(job, asked), usage: NO_TOKENS },
        type,
      );
    }
    events.end();
  } catch (error) {
    if (!events.isOpen) throw error;
    events.fail(error, 'error');
  }
  return reply;
}
