// The same refusals as everywhere, in the envelope that OpenAI's clients read. A refusal that no repeat can mend
// says so with `x-should-retry`, because those clients repeat every 429.
import type { FastifyReply, FastifyRequest } from 'fastify';
import type { Metrics } from '../../metrics.ts';
import type { Refused } from '../../refusals.ts';
import { refusalOf, retryAfterOf } from '../errors.ts';

export interface Envelope {
  readonly error: {
    readonly message: string;
    readonly type: string;
    readonly param: string | null;
    readonly code: string;
  };
}

/** Where the words of the two catalogues differ: [status, code] as OpenAI's clients know them. */
const THEIRS: Readonly<Record<string, readonly [status: number, code: string]>> = {
  unauthorized: [401, 'invalid_api_key'],
  // Told apart from too many requests by its code: waiting a few seconds does not help.
  insufficient_tokens: [429, 'insufficient_quota'],
  rate_limited: [429, 'rate_limit_exceeded'],
  impossible: [400, 'impossible'],
  refused_content: [400, 'content_policy_violation'],
  too_large: [413, 'too_large'],
};

const TYPES: Readonly<Record<number, string>> = {
  401: 'authentication_error',
  403: 'permission_error',
  429: 'rate_limit_error',
};

export function envelopeOf(refused: Refused): { readonly status: number; readonly body: Envelope } {
  const [status, code] = THEIRS[refused.code] ?? [refused.status, refused.code];
  const type =
    code === 'insufficient_quota'
      ? code
      : (TYPES[status] ?? (status >= 500 ? 'server_error' : 'invalid_request_error'));
  return {
    status,
    body: { error: { message: messageOf(refused), type, param: paramOf(refused), code } },
  };
}

/** For addresses that both kinds of clients ask for: a problem that holds what the envelope says, too. */
export const inBoth = (refused: Refused): Refused => refused.with({ ...envelopeOf(refused).body });

interface Place {
  readonly at: string;
  readonly reason: string;
}

const placesOf = ({ extension }: Refused): readonly Place[] =>
  (extension['errors'] as readonly Place[] | undefined) ?? [];

/** There is no list of places in this envelope, so the sentence says them. */
function messageOf(refused: Refused): string {
  const places = placesOf(refused).map(({ at, reason }) => `${nameOf(at)}: ${reason}`);
  return [refused.detail, ...places].join(' ');
}

const paramOf = (refused: Refused): string | null => {
  const [first] = placesOf(refused);
  return first ? nameOf(first.at) : null;
};

/** `/messages/0/content` as `messages[0].content`. */
const nameOf = (pointer: string): string =>
  pointer
    .split('/')
    .slice(1)
    .map((part) => (/^\d+$/.test(part) ? `[${part}]` : `.${part}`))
    .join('')
    .replace(/^\./, '');

/** Tokens come back, but not within the patience of a client that repeats by itself. */
function untilTheReset({ extension }: Refused, now: number): number | null {
  const { resets_at: resetsAt } = extension;
  if (typeof resetsAt !== 'string') return null;
  return Math.max(1, Math.ceil((Date.parse(resetsAt) - now) / 1000));
}

export const envelopeHandler =
  (metrics: Metrics, now: () => number) =>
  (error: unknown, request: FastifyRequest, reply: FastifyReply): FastifyReply => {
    const refused = refusalOf(error);
    const { status, body } = envelopeOf(refused);
    metrics.refusals.inc({ code: refused.code });
    if (status >= 500) request.log.error({ err: error, code: refused.code }, 'A request failed');
    const retryAfterS = retryAfterOf(error, refused);
    const waitS = retryAfterS ?? untilTheReset(refused, now());
    if (waitS !== null) reply.header('retry-after', String(waitS));
    reply.header('x-should-retry', String(retryAfterS !== null));
    if (status === 401) reply.header('www-authenticate', 'Bearer realm="tessera"');
    return reply
      .code(status)
      .type('application/json; charset=utf-8')
      .serializer((envelope: unknown) => JSON.stringify(envelope))
      .send(body);
  };
