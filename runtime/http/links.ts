// Links to results for whoever has no key at hand: a client that only fetches an address. A link is signed with
// the caller's own key as it is stored, lives a quarter of an hour, and dies with that key.
import { createHmac, timingSafeEqual } from 'node:crypto';
import type { FastifyRequest } from 'fastify';
import { findSigningKey } from '../../db/queries/api-keys.ts';
import type { Host } from '../host.ts';
import { callerOf } from './access.ts';
import { refuse } from './problems.ts';

const LIVES_MS = 15 * 60_000;
const SIGNATURE_BYTES = 32;

export interface Link {
  readonly key: string;
  readonly job: string;
  readonly n: string;
  /** Milliseconds since 1970, in base 36. */
  readonly until: string;
}

const signed = ({ key, job, n, until }: Link, secret: Buffer): Buffer =>
  createHmac('sha256', secret).update(`link\n${key}\n${job}\n${n}\n${until}`).digest();

/** @throws Refused for a caller whose key is not a person's own */
export async function linkTo(
  host: Host,
  request: FastifyRequest,
  job: string,
  n: number,
): Promise<string> {
  const { id: key, kind } = callerOf(request);
  const signer = kind === 'user' ? await findSigningKey(host.pool, key) : null;
  if (!signer)
    throw refuse('invalid_request', 'Links are made for keys of kind user: ask for b64_json.');
  const until = (host.clock.now() + LIVES_MS).toString(36);
  const link = { key, job, n: String(n), until };
  const signature = signed(link, signer.hash).toString('base64url');
  const path = [key, job, link.n, until, signature].join('/');
  return `${request.protocol}://${request.host}/v1/links/${path}`;
}

/** Whose result it is. @throws Refused when it is not ours, too old, or its key was revoked */
export async function openLink(host: Host, link: Link, signature: string): Promise<string> {
  const signer = await findSigningKey(host.pool, link.key);
  const given = Buffer.from(signature, 'base64url');
  const isOurs =
    signer !== null &&
    // Several last letters mean the same bytes; only ours is taken.
    given.toString('base64url') === signature &&
    given.byteLength === SIGNATURE_BYTES &&
    timingSafeEqual(given, signed(link, signer.hash)) &&
    parseInt(link.until, 36) > host.clock.now();
  if (!isOurs) throw refuse('not_found', 'This link is not valid, or not valid any more.');
  return signer.accountId;
}
