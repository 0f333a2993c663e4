// Files that people bring along: pictures to start from, sounds to transcribe.
import { insertBlob } from '../../../db/queries/blobs.ts';
import { blobView } from '../../../machines/contract/views.ts';
import type { Host } from '../../host.ts';
import { callerOf } from '../access.ts';
import type { App } from '../app.ts';
import { acceptBytesOnly, bytesOf, refuseEncoding } from '../bodies.ts';
import { HEAD_BYTES, mediaTypeOf } from '../media-types.ts';
import { refuse } from '../problems.ts';

export const FILE_BYTES_MAX = 20 * 1024 * 1024;

export function blobRoutes(app: App, host: Host): void {
  acceptBytesOnly(app, [/^(image|audio|video)\/[\w.+-]+/, 'application/octet-stream']);

  app.route({
    method: 'POST',
    url: '/v1/blobs',
    config: { access: 'person' },
    schema: {
      tags: ['blobs'],
      summary: 'Upload an input',
      description:
        'The body is the file itself: PNG, JPEG, WebP, GIF, AVIF; WAV, MP3, OGG, FLAC, M4A; MP4, WebM. ' +
        '20 MB at most. What it is, is told by its bytes.',
      response: { 201: blobView },
    },
    async handler(request, reply) {
      refuseEncoding(request.headers['content-encoding']);
      if (Number(request.headers['content-length'] ?? 0) > FILE_BYTES_MAX) throw tooLarge();
      const { accountId } = callerOf(request);
      const { id, bytes, mediaType } = await takeFile(host, accountId, bytesOf(request.body));
      reply.code(201);
      return { id, object: 'blob' as const, bytes, media_type: mediaType };
    },
  });
}

/** Stores a person's file. @throws Refused when it is none that is known here, BlobTooLarge */
export async function takeFile(host: Host, accountId: string, body: AsyncIterable<Buffer>) {
  const found = { mediaType: '' };
  const { id, bytes } = await host.blobs.put(checkHead(body, found), FILE_BYTES_MAX);
  const { mediaType } = found;
  await insertBlob(host.pool, accountId, { id, bytes, mediaType });
  return { id, bytes, mediaType };
}

const tooLarge = () => refuse('too_large', `A file may have at most ${FILE_BYTES_MAX} bytes.`);

/** Passes the bytes on once their beginning is known to be a file of ours. */
async function* checkHead(
  body: AsyncIterable<Buffer>,
  found: { mediaType: string },
): AsyncGenerator<Uint8Array> {
  let head: Buffer = Buffer.alloc(0);
  let isChecked = false;
  for await (const chunk of body) {
    if (isChecked) {
      yield chunk;
      continue;
    }
    head = Buffer.concat([head, chunk]);
    if (head.byteLength < HEAD_BYTES) continue;
    found.mediaType = knownType(head);
    isChecked = true;
    yield head;
  }
  if (isChecked) return;
  found.mediaType = knownType(head);
  yield head;
}

function knownType(head: Buffer): string {
  if (head.byteLength === 0) throw refuse('invalid_request', 'The body is empty: send the file.');
  const mediaType = mediaTypeOf(head);
  if (mediaType !== null) return mediaType;
  throw refuse(
    'unsupported_media_type',
    'The file is none of the pictures, sounds and films that are known here.',
  );
}
