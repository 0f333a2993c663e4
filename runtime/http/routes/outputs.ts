// The bytes of a result. They never change, so clients may keep them; and they are a stranger's bytes, so
// nothing in them may ever run in the name of this site.
import { Readable } from 'node:stream';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { z } from 'zod';
import { findBlob, forgetBlobs } from '../../../db/queries/blobs.ts';
import { isGranted } from '../../../db/queries/appeals.ts';
import { BlobMissing } from '../../../machines/contract/blobs.ts';
import type { JobContext } from '../../../machines/job/context.ts';
import { isSettled } from '../../actor.ts';
import type { Host } from '../../host.ts';
import { contextOf } from '../../views.ts';
import { callerOf } from '../access.ts';
import type { App } from '../app.ts';
import { rangeOf } from '../byte-ranges.ts';
import { openLink } from '../links.ts';
import { fileNameOf, isShown } from '../media-types.ts';
import { refuse } from '../problems.ts';
import { findJob, jobId } from './jobs.ts';

const outputNumber = z.string().regex(/^\d{1,2}$/);

export function outputRoutes(app: App, host: Host): void {
  app.route({
    method: ['GET', 'HEAD'],
    url: '/v1/jobs/:id/outputs/:n',
    config: { access: 'person' },
    schema: {
      tags: ['jobs'],
      summary: 'The bytes of one output',
      description: 'Ranges (one at a time), ETag and If-None-Match are understood.',
      params: z.strictObject({ id: jobId, n: outputNumber }),
    },
    async handler(request, reply) {
      const { id, n } = request.params;
      return sendOutput(host, request, reply, callerOf(request).accountId, id, Number(n));
    },
  });

  app.route({
    method: 'DELETE',
    url: '/v1/jobs/:id/outputs',
    config: { access: 'person' },
    schema: {
      tags: ['jobs'],
      summary: 'Remove the results of a job that has ended',
      description: 'The job stays, with its receipt; what it made is gone for good.',
      params: z.strictObject({ id: jobId }),
      response: { 204: z.undefined() },
    },
    async handler(request, reply) {
      await removeOutputs(host, callerOf(request).accountId, request.params.id);
      reply.code(204);
    },
  });

  app.route({
    method: ['GET', 'HEAD'],
    url: '/v1/links/:key/:job/:n/:until/:signature',
    config: { access: 'public' },
    schema: {
      tags: ['OpenAI'],
      security: [],
      summary: 'The bytes of one output, by a link that was given out for it',
      params: z.strictObject({
        key: z.string().regex(/^key_[0-9A-Za-z]{22}$/),
        job: jobId,
        n: outputNumber,
        until: z.string().regex(/^[0-9a-z]{1,11}$/),
        signature: z.string().regex(/^[\w-]{43}$/),
      }),
    },
    async handler(request, reply) {
      const { signature, ...link } = request.params;
      const accountId = await openLink(host, link, signature);
      return sendOutput(host, request, reply, accountId, link.job, Number(link.n));
    },
  });
}

/** @throws BlobMissing, Refused */
export async function sendOutput(
  host: Host,
  request: FastifyRequest,
  reply: FastifyReply,
  accountId: string,
  job: string,
  n: number,
) {
  const { spec, run } = contextOf<JobContext>(await findJob(host, accountId, job));
  if (run.ending === 'refused' && !(await isGranted(host.pool, accountId, job)))
    throw refuse('refused_content', run.failure?.message ?? 'This may not be shown here.');
  const output = run.outputs[n];
  if (!output) throw refuse('not_found', `This job has no output ${n}.`);
  // Others may have the same bytes; whoever removed them, or whose time for them is over, has them no more.
  if (!(await findBlob(host.pool, accountId, output.blob))) throw new BlobMissing(output.blob);
  const shown = isShown(output.mediaType);
  const name = fileNameOf(spec.prompt, n, output.mediaType);
  return sendBlob(host, request, reply, {
    id: output.blob,
    type: shown ? output.mediaType : 'application/octet-stream',
    disposition: `${shown ? 'inline' : 'attachment'}; filename="${name}"`,
  });
}

/** @throws Refused */
export async function removeOutputs(host: Host, accountId: string, id: string): Promise<void> {
  const actor = await findJob(host, accountId, id);
  if (!isSettled(actor))
    throw refuse('not_ended', 'This job has not ended. Cancel it, and nothing is kept of it.');
  const ids = contextOf<JobContext>(actor).run.outputs.map(({ blob }) => blob);
  if (ids.length === 0 || (await forgetBlobs(host.pool, accountId, id, ids))) return;
  throw refuse('still_used', 'Another job of yours works with this result, so it stays for now.');
}

interface Sending {
  readonly id: string;
  readonly type: string;
  readonly disposition: string;
}

/** @throws BlobMissing, Refused */
export async function sendBlob(
  host: Host,
  { headers, method }: FastifyRequest,
  reply: FastifyReply,
  { id, type, disposition }: Sending,
) {
  // The digest is in the name, so the name is the entity tag.
  const etag = `"${id}"`;
  reply.header('etag', etag).header('cache-control', 'private, max-age=31536000, immutable');
  if (headers['if-none-match']?.includes(etag)) return reply.code(304).send();

  const bytesTotal = await host.blobs.size(id);
  if (bytesTotal === null) throw new BlobMissing(`${id} is not stored.`);
  const isCurrent = headers['if-range'] === undefined || headers['if-range'] === etag;
  const range = isCurrent ? rangeOf(headers.range, bytesTotal) : null;
  if (range === 'unsatisfiable') {
    reply.header('content-range', `bytes */${bytesTotal}`);
    throw refuse('range_not_satisfiable', `There are only ${bytesTotal} bytes.`);
  }
  const length = range ? range.end - range.start + 1 : bytesTotal;
  reply.headers({
    'accept-ranges': 'bytes',
    'content-type': type,
    'content-length': String(length),
    'content-disposition': disposition,
    'content-security-policy': "default-src 'none'; sandbox",
  });
  if (range)
    reply.code(206).header('content-range', `bytes ${range.start}-${range.end}/${bytesTotal}`);
  if (method === 'HEAD' || length === 0) return reply.send();
  const { body } = await host.blobs.read(id, range?.start, range?.end);
  return reply.send(body instanceof Readable ? body : Readable.from(body, { objectMode: false }));
}
