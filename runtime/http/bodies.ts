// Reading what clients send: JSON that is really JSON, checked by the route's zod schema. Nothing is
// coerced and nothing is dropped silently.
import { Readable } from 'node:stream';
import type { FastifyInstance, FastifySchemaCompiler } from 'fastify';
import type { z } from 'zod';
import { refuse } from './problems.ts';
import type { Refused } from '../refusals.ts';

export const JSON_BYTES_MAX = 1024 * 1024;
/** No request needs more; a parser or a walk over the value must not meet a million levels. */
const DEPTH_MAX = 32;
/** A body may be wrong in more places than anybody wants to read. */
const ERRORS_MAX = 20;
const NAME_LENGTH_MAX = 100;

const utf8 = new TextDecoder('utf-8', { fatal: true });

/** Replaces the framework's parsers: application/json only, 1 MB, and no other type. */
export function acceptJsonOnly(app: FastifyInstance): void {
  app.removeAllContentTypeParsers();
  const parse = app.getDefaultJsonParser('error', 'error');
  app.addContentTypeParser<Buffer>(
    'application/json',
    { parseAs: 'buffer', bodyLimit: JSON_BYTES_MAX },
    (request, body, done) => {
      try {
        refuseEncoding(request.headers['content-encoding']);
        const text = decode(body);
        refuseDepth(text);
        // No body at all is for the route's schema to judge.
        if (text === '') done(null, undefined);
        else void parse(request, text, done);
      } catch (error) {
        done(error as Error);
      }
    },
  );
}

/**
 * The scope's routes take these types as they come, and no JSON. @param scope one of its own, because
 * nowhere else a body may be anything but JSON
 */
export function acceptBytesOnly(scope: FastifyInstance, types: readonly (string | RegExp)[]): void {
  scope.removeAllContentTypeParsers();
  for (const type of types)
    scope.addContentTypeParser(type, (_request, body, done) => done(null, body));
}

/** Left half-read it stays open, so that a refusal can still be told; the rest is read and dropped. */
export const bytesOf = (body: unknown): AsyncIterable<Buffer> =>
  body instanceof Readable
    ? { [Symbol.asyncIterator]: () => body.iterator({ destroyOnReturn: false }) }
    : Readable.from([]);

export function refuseEncoding(encoding: string | undefined): void {
  if (encoding !== undefined && encoding !== 'identity')
    throw refuse('unsupported_media_type', 'Send the body without Content-Encoding.');
}

function decode(body: Buffer): string {
  try {
    return utf8.decode(body);
  } catch {
    throw refuse('invalid_request', 'The body is not valid UTF-8.');
  }
}

function refuseDepth(text: string): void {
  let depth = 0;
  let inString = false;
  for (let at = 0; at < text.length; at++) {
    const character = text[at];
    if (inString) {
      if (character === '\\') at++;
      else if (character === '"') inString = false;
    } else if (character === '"') inString = true;
    else if (character === '[' || character === '{') depth++;
    else if (character === ']' || character === '}') depth--;
    if (depth > DEPTH_MAX)
      throw refuse('invalid_request', `The body nests more than ${DEPTH_MAX} levels deep.`);
  }
}

const WHERE: Readonly<Record<string, string>> = {
  body: 'The body is not what this call accepts.',
  querystring: 'The query is not what this call accepts.',
  headers: 'The headers are not what this call accepts.',
};

/** In place of ajv: the schema's own parser, and every place where the request is wrong. */
export const validatorCompiler: FastifySchemaCompiler<z.ZodType> = ({ schema, httpPart }) => {
  return (data: unknown) => {
    const parsed = schema.safeParse(data);
    if (parsed.success) return { value: parsed.data };
    // An address that cannot exist is an address where nothing is.
    if (httpPart === 'params')
      return { error: refuse('not_found', 'There is nothing at this address.') };
    return { error: notValid(WHERE[httpPart ?? 'body'] ?? WHERE['body']!, parsed.error) };
  };
};

export const notValid = (detail: string, error: z.ZodError): Refused =>
  refuse('invalid_request', detail, { errors: error.issues.flatMap(places).slice(0, ERRORS_MAX) });

function places(issue: z.core.$ZodIssue): { at: string; reason: string }[] {
  if (issue.code === 'unrecognized_keys')
    return issue.keys.map((key) => ({
      at: pointer([...issue.path, key]),
      reason: 'is not a field of this request',
    }));
  return [{ at: pointer(issue.path), reason: issue.message }];
}

/** RFC 6901. */
const pointer = (path: readonly PropertyKey[]): string =>
  path
    .map((part) => String(part).slice(0, NAME_LENGTH_MAX))
    .map((part) => `/${part.replaceAll('~', '~0').replaceAll('/', '~1')}`)
    .join('');
