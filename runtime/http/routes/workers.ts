// Files of workers: results on their way in, inputs on their way out. A worker sees the files of the
// attempts it has right now, and nothing else.
import type { FastifyRequest } from 'fastify';
import { z } from 'zod';
import { findBlobToUse, insertBlob } from '../../../db/queries/blobs.ts';
import { BlobMismatch } from '../../../machines/contract/blobs.ts';
import { blobId } from '../../../machines/contract/requests.ts';
import type { Host } from '../../host.ts';
import { workerIdOf } from '../../keys.ts';
import { callerOf } from '../access.ts';
import type { App } from '../app.ts';
import { acceptBytesOnly, bytesOf } from '../bodies.ts';
import { HEAD_BYTES, mediaTypeOf } from '../media-types.ts';
import { refuse } from '../problems.ts';
import type { RefusalAudit } from '../refusal-audit.ts';
import { jobId } from './jobs.ts';
import { sendBlob } from './outputs.ts';

const RESULT_BYTES_MAX = 512 * 1024 * 1024;
const config = { access: 'worker' } as const;
const attempt = z
  .string()
  .regex(/^[1-9]\d{0,3}$/)
  .transform(Number);
const blobOfAttempt = z.strictObject({ job: jobId, attempt, blob: blobId });
const whole = z
  .string()
  .regex(/^\d{1,12}$/, 'is not a number of bytes')
  .transform(Number);
const uploadHeaders = z.object({
  'upload-offset': whole,
  'upload-length': whole.pipe(z.number().min(1)),
});

type BlobOfAttempt = z.infer<typeof blobOfAttempt>;

export function workerRoutes(app: App, host: Host, audit: RefusalAudit): void {
  /** The attempt that this worker has right now. @throws Refused, and writes down who tried */
  const leaseOf = async (
    request: FastifyRequest,
    { job, attempt: number }: { readonly job: string; readonly attempt: number | null },
  ) => {
    const worker = workerOf(request);
    const lease = await host.sessions.leaseOf(worker, job, number);
    if (lease) return lease;
    const { method } = request;
    await audit.note(worker, 'worker.fileRefused', { method, job, attempt: number });
    throw refuse('not_found', 'This worker has no such attempt, or not any more.');
  };
  acceptBytesOnly(app, ['application/octet-stream']);

  app.route({
    method: 'HEAD',
    url: '/v1/workers/jobs/:job/attempts/:attempt/blobs/:blob',
    config,
    schema: { hide: true, params: blobOfAttempt },
    async handler(request, reply) {
      const { accountId } = await leaseOf(request, request.params);
      const held =
        (await bytesStored(host, accountId, request.params.blob)) ??
        (await host.blobs.offset(uploadName(request.params)));
      return reply.header('upload-offset', String(held)).send();
    },
  });

  app.route({
    method: 'PUT',
    url: '/v1/workers/jobs/:job/attempts/:attempt/blobs/:blob',
    config,
    schema: { hide: true, params: blobOfAttempt, headers: uploadHeaders },
    async handler(request, reply) {
      const { params } = request;
      const { accountId } = await leaseOf(request, params);
      const stored = await bytesStored(host, accountId, params.blob);
      if (stored !== null) return reply.code(204).header('upload-offset', String(stored)).send();
      const total = request.headers['upload-length'];
      if (total > RESULT_BYTES_MAX)
        throw refuse('too_large', `A result may have at most ${RESULT_BYTES_MAX} bytes.`);
      const held = await append(host, request, total).catch(async (error: unknown) => {
        if (!(error instanceof BlobMismatch)) throw error;
        const offset = await host.blobs.offset(uploadName(params));
        reply.header('upload-offset', String(offset));
        throw refuse('upload_conflict', `The upload goes on at byte ${offset}.`);
      });
      reply.header('upload-offset', String(held));
      if (held < total) return reply.code(202).send();
      await finish(host, { accountId, params, total });
      return reply.code(204).send();
    },
  });

  app.route({
    method: 'GET',
    url: '/v1/workers/jobs/:job/inputs/:n',
    config,
    schema: {
      hide: true,
      params: z.strictObject({ job: jobId, n: z.string().regex(/^\d$/) }),
    },
    async handler(request, reply) {
      const { job } = request.params;
      const { inputs } = await leaseOf(request, { job, attempt: null });
      const input = inputs[Number(request.params.n)];
      if (!input) throw refuse('not_found', `This job has no input ${request.params.n}.`);
      return sendBlob(host, request, reply, {
        id: input.blob,
        type: 'application/octet-stream',
        disposition: 'attachment',
      });
    },
  });
}

const workerOf = (request: FastifyRequest): string => workerIdOf(callerOf(request).id);

/** Equal bytes of another account do not count: to have them, one has to send them. */
async function bytesStored(host: Host, accountId: string, blob: string): Promise<number | null> {
  return (await findBlobToUse(host.pool, accountId, blob)) ? host.blobs.size(blob) : null;
}

const uploadName = ({ job, attempt: number, blob }: BlobOfAttempt): string =>
  `${job}-${number}-${blob.replace('sha256:', '')}`;

function append(
  host: Host,
  request: FastifyRequest & { headers: z.infer<typeof uploadHeaders>; params: BlobOfAttempt },
  total: number,
): Promise<number> {
  const offset = request.headers['upload-offset'];
  const body = limited(bytesOf(request.body), total - offset);
  return host.blobs.append(uploadName(request.params), offset, body);
}

async function* limited(body: AsyncIterable<Buffer>, bytesMax: number): AsyncGenerator<Uint8Array> {
  let total = 0;
  for await (const chunk of body) {
    total += chunk.byteLength;
    if (total > bytesMax)
      throw refuse('invalid_request', 'More bytes were sent than Upload-Length announces.');
    yield chunk;
  }
}

interface Complete {
  readonly accountId: string;
  readonly params: BlobOfAttempt;
  readonly total: number;
}

async function finish(host: Host, { accountId, params, total }: Complete): Promise<void> {
  const name = uploadName(params);
  try {
    await host.blobs.finish(name, params.blob, total);
  } catch (error) {
    if (!(error instanceof BlobMismatch)) throw error;
    await host.blobs.discard(name);
    throw refuse(
      'upload_mismatch',
      'The bytes have another digest. Send them again from the start.',
    );
  }
  const { body } = await host.blobs.read(params.blob, 0, HEAD_BYTES - 1);
  const parts: Uint8Array[] = [];
  for await (const part of body) parts.push(part);
  const mediaType = mediaTypeOf(Buffer.concat(parts)) ?? 'application/octet-stream';
  await insertBlob(host.pool, accountId, { id: params.blob, bytes: total, mediaType });
}
