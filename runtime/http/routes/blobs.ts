// Files that people bring along: pictures to start from, sounds to transcribe.
import { insertBlob } from '../../../db/queries/blobs.ts';
import { blobView } from '../../../machines/contract/views.ts';
import type { Host } from '../../host.ts';
import { toldSeconds } from '../../recording-length.ts';
import { callerOf } from '../access.ts';
import type { App } from '../app.ts';
import { acceptBytesOnly, bytesOf, refuseEncoding } from '../bodies.ts';
import { HEAD_BYTES, mediaTypeOf } from '../media-types.ts';
import { refuse } from '../problems.ts';

export const FILE_BYTES_MAX = 20 * 1024 * 1024;
/** Drawn anew a picture may take more. */
const CLEAN_BYTES_MAX = 4 * FILE_BYTES_MAX;

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
        '20 MB, 40 megapixels and 10 minutes at most. What it is, is told by its bytes. Pictures are drawn anew and ' +
        'tags are blanked, so nothing of where, when and by whom it was made is kept; `bytes` is what remains.',
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
  const clean = await host.media.clean(checkHead(limited(body), found), () => found.mediaType);
  try {
    const { mediaType } = clean;
    const { id, bytes } = await host.blobs.put(clean.body(), CLEAN_BYTES_MAX);
    if (/^(audio|video)\//.test(mediaType)) await refuseLong(host, id, mediaType);
    await insertBlob(host.pool, accountId, { id, bytes, mediaType });
    return { id, bytes, mediaType };
  } finally {
    await clean.discard();
  }
}

async function* limited(body: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
  let bytes = 0;
  for await (const chunk of body) {
    bytes += chunk.byteLength;
    if (bytes > FILE_BYTES_MAX) throw tooLarge();
    yield chunk;
  }
}

/** As its container says; what says nothing is bounded by its size. What nobody owns is collected. */
async function refuseLong({ blobs, config }: Host, id: string, mediaType: string): Promise<void> {
  const { body } = await blobs.read(id);
  const seconds = toldSeconds(Buffer.concat(await Array.fromAsync(body)), mediaType);
  if (seconds === null || seconds <= config.recordingMinutesMax * 60) return;
  throw refuse(
    'too_large',
    `The recording lasts ${Math.ceil(seconds / 60)} minutes, and ${config.recordingMinutesMax} at most are taken. Cut it.`,
  );
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
