// What went wrong, as a problem document. Refusals are told as they are; of anything else a client
// learns only its kind and the request's id, under which the log has the rest.
import type { Socket } from 'node:net';
import type { FastifyReply, FastifyRequest } from 'fastify';
import {
  BackendTerminatedError,
  BackendTerminatedUnexpectedlyError,
  ConnectionError,
  StatementCancelledError,
  StatementTimeoutError,
} from 'slonik';
import { InvalidCursor } from '../../db/queries/cursor.ts';
import { StoreUnavailable, UnknownOutcome } from '../../db/store.ts';
import { BlobMissing, BlobTooLarge } from '../../machines/contract/blobs.ts';
import { BadMedia, MediaBusy } from '../../machines/contract/media.ts';
import { Overloaded } from '../mailbox.ts';
import type { Metrics } from '../metrics.ts';
import { LeftAlone, Parked, Poison } from '../parking.ts';
import { Refused } from '../refusals.ts';
import { UnknownVersion } from '../versions.ts';
import { problemOf, refuse } from './problems.ts';

export const PROBLEM_TYPE = 'application/problem+json; charset=utf-8';

/** Refusals of the HTTP layer itself. */
const OF_FASTIFY: Readonly<Record<string, () => Refused>> = {
  FST_ERR_CTP_INVALID_MEDIA_TYPE: () =>
    refuse('unsupported_media_type', 'This call does not take a body of this Content-Type.'),
  FST_ERR_CTP_BODY_TOO_LARGE: () =>
    refuse('too_large', 'The body is larger than this call accepts.'),
  FST_ERR_CTP_INVALID_JSON_BODY: () => refuse('invalid_request', 'The body is not valid JSON.'),
  FST_ERR_CTP_EMPTY_JSON_BODY: () => refuse('invalid_request', 'The body is empty.'),
  FST_ERR_CTP_INVALID_CONTENT_LENGTH: () =>
    refuse('invalid_request', 'The body is not as long as its Content-Length says.'),
  FST_ERR_BAD_URL: () => refuse('not_found', 'The address is not well-formed.'),
  FST_ERR_MAX_PARAM_LENGTH: () => refuse('not_found', 'There is nothing at this address.'),
};

/** What the store and the pool throw when the database is away or too slow. */
const UNAVAILABLE = [
  StoreUnavailable,
  UnknownOutcome,
  ConnectionError,
  BackendTerminatedError,
  BackendTerminatedUnexpectedlyError,
  StatementCancelledError,
  StatementTimeoutError,
];

/** A killed backend reaches us as the socket's own error: the pool passes that on as it is. */
const BROKEN_SOCKET = new Set(['ECONNRESET', 'ECONNREFUSED', 'EPIPE', 'ETIMEDOUT']);

const isUnavailable = (error: unknown): boolean =>
  UNAVAILABLE.some((kind) => error instanceof kind) ||
  (error instanceof Error && BROKEN_SOCKET.has((error as NodeJS.ErrnoException).code ?? ''));

export function refusalOf(error: unknown): Refused {
  if (error instanceof Refused) return error;
  if (error instanceof Overloaded) return refuse('overloaded', error.message);
  if (isUnavailable(error))
    return refuse(
      'unavailable',
      'The database cannot be reached right now. Try again in a moment.',
    );
  // In a rolling deploy: the next try may reach a runtime that is new enough.
  if (error instanceof LeftAlone || error instanceof UnknownVersion)
    return refuse('unavailable', 'This is being updated right now. Try again in a moment.');
  if (error instanceof Parked || error instanceof Poison)
    return refuse(
      'parked',
      'This could not be handled and was set aside for an operator. Nothing was charged for it.',
    );
  if (error instanceof InvalidCursor)
    return refuse('invalid_request', error.message, {
      errors: [{ at: '/cursor', reason: 'is not a cursor' }],
    });
  if (error instanceof BlobTooLarge) return refuse('too_large', error.message);
  if (error instanceof BadMedia)
    return refuse(error.badness === 'tooLarge' ? 'too_large' : 'unreadable_file', error.message);
  if (error instanceof MediaBusy) return refuse('overloaded', `${error.message} Try again soon.`);
  if (error instanceof BlobMissing)
    return refuse('not_found', 'These bytes are not stored here any more.');
  const { code = '', statusCode = 500 } = error as { code?: string; statusCode?: number };
  const known = OF_FASTIFY[code];
  if (known) return known();
  if (statusCode >= 400 && statusCode < 500)
    return refuse('invalid_request', 'The request could not be read.');
  return refuse(
    'internal',
    'Something went wrong on our side. It is in the log under this request.',
  );
}

/** Seconds after which it is worth trying again. */
export const retryAfterOf = (error: unknown, refused: Refused): number | null => {
  if (error instanceof Overloaded) return error.retryAfterS;
  const { retry_after_s: told } = refused.extension;
  if (typeof told === 'number') return told;
  if (refused.status === 429) return 5;
  return refused.status === 503 ? 2 : null;
};

export const errorHandler =
  (metrics: Metrics) =>
  (error: unknown, request: FastifyRequest, reply: FastifyReply): FastifyReply => {
    const refused = refusalOf(error);
    metrics.refusals.inc({ code: refused.code });
    if (refused.status >= 500)
      request.log.error({ err: error, code: refused.code }, 'A request failed');
    const retryAfterS = retryAfterOf(error, refused);
    if (retryAfterS !== null) reply.header('retry-after', String(retryAfterS));
    if (refused.status === 401) reply.header('www-authenticate', 'Bearer realm="tessera"');
    return reply
      .code(refused.status)
      .type(PROBLEM_TYPE)
      .header('cache-control', 'no-store')
      .serializer((problem: unknown) => JSON.stringify(problem))
      .send(problemOf(refused, request.id));
  };

/** Not even HTTP: there is no request to answer, so the answer is written by hand. */
export function answerUnreadable(error: Error & { code?: string }, socket: Socket): void {
  if (error.code === 'ECONNRESET' || !socket.writable) return void socket.destroy();
  const refused = refuse('invalid_request', 'The request could not be read as HTTP.');
  const body = JSON.stringify(problemOf(refused, 'none'));
  socket.end(
    `HTTP/1.1 400 Bad Request\r\nContent-Type: ${PROBLEM_TYPE}\r\n` +
      `Content-Length: ${Buffer.byteLength(body)}\r\nConnection: close\r\n\r\n${body}`,
  );
}
