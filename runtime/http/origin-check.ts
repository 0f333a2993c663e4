// Cross-site requests: a cookie travels by itself, so a page of another site must not be able to spend
// with it. Browsers say where a request comes from; programs that are no browser say nothing.
import type { IncomingHttpHeaders } from 'node:http';
import { refuse } from './problems.ts';

const READS = new Set(['GET', 'HEAD', 'OPTIONS']);

/** For requests that a cookie may authenticate. @throws Refused */
export function refuseCrossSite(method: string, headers: IncomingHttpHeaders): void {
  if (READS.has(method)) return;
  const site = headers['sec-fetch-site'];
  if (isForeign(headers) || (site !== undefined && site !== 'same-origin' && site !== 'none'))
    throw refuse('forbidden', 'This request comes from a page of another site.');
}

/** WebSockets know no same-origin rule, so theirs is checked whatever they authenticate with. */
export function refuseForeignSocket(headers: IncomingHttpHeaders): void {
  if (isForeign(headers))
    throw refuse('forbidden', 'This connection was opened by a page of another site.');
}

function isForeign({ origin, host }: IncomingHttpHeaders): boolean {
  if (origin === undefined) return false;
  const from = URL.parse(origin);
  // Read as a URL of the same scheme, so that a default port written out makes no difference.
  return from === null || from.host !== URL.parse(`${from.protocol}//${host}`)?.host;
}
