// The bytes of a finished job, as the answers of these calls carry them.
import { Readable } from 'node:stream';
import { buffer, text } from 'node:stream/consumers';
import type { JobView } from '../../../machines/contract/views.ts';
import type { JobContext } from '../../../machines/job/context.ts';
import type { Host } from '../../host.ts';
import { contextOf } from '../../views.ts';
import { findJob } from '../routes/jobs.ts';

/** In the order of the outputs. @throws BlobMissing */
export async function blobsOf(
  host: Host,
  accountId: string,
  job: JobView,
): Promise<readonly string[]> {
  const { run } = contextOf<JobContext>(await findJob(host, accountId, job.id));
  return run.outputs.map(({ blob }) => blob);
}

export async function bytesOfBlob(host: Host, blob: string): Promise<Buffer> {
  const { body } = await host.blobs.read(blob);
  return buffer(Readable.from(body, { objectMode: false }));
}

export async function textOfBlob(host: Host, blob: string): Promise<string> {
  const { body } = await host.blobs.read(blob);
  return text(Readable.from(body, { objectMode: false }));
}

/** Seconds since 1970, as OpenAI tells times. */
export const secondsOf = (iso: string): number => Math.floor(Date.parse(iso) / 1000);
