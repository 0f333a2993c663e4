// multipart/form-data as OpenAI's clients send it: fields are text and are coerced, files become blobs of the
// caller while they arrive.
import multipart from '@fastify/multipart';
import type { FastifyRequest } from 'fastify';
import { callerOf } from '../access.ts';
import type { App } from '../app.ts';
import { refuse } from '../problems.ts';
import type { Host } from '../../host.ts';
import { FILE_BYTES_MAX, takeFile } from '../routes/blobs.ts';

const FIELD_BYTES_MAX = 64 * 1024;
const FIELDS_MAX = 50;
const FILES_MAX = 4;

export interface Form {
  readonly fields: Readonly<Record<string, unknown>>;
  /** Ids of blobs, by the name of the field: `image[]` is `image`. */
  readonly files: Readonly<Record<string, readonly string[]>>;
}

export async function acceptForms(scope: App): Promise<void> {
  await scope.register(multipart, {
    limits: {
      fieldSize: FIELD_BYTES_MAX,
      fields: FIELDS_MAX,
      files: FILES_MAX,
      fileSize: FILE_BYTES_MAX + 1,
    },
  });
}

/** @throws Refused */
export async function readForm(host: Host, request: FastifyRequest): Promise<Form> {
  if (!request.isMultipart())
    throw refuse('unsupported_media_type', 'Send this as multipart/form-data.');
  const fields: Record<string, unknown> = {};
  const files: Record<string, string[]> = {};
  const { accountId } = callerOf(request);
  for await (const part of request.parts()) {
    const name = part.fieldname.replace(/\[\]$/, '');
    if (part.type === 'file') {
      const { id } = await takeFile(host, accountId, part.file);
      files[name] = [...(files[name] ?? []), id];
    } else fields[name] = coerced(part.value);
  }
  return { fields, files };
}

/** A form knows only text: what looks like a number or a truth value is one. */
function coerced(value: unknown): unknown {
  if (typeof value !== 'string') return value;
  if (value === 'true' || value === 'false') return value === 'true';
  return value;
}
