// A browser's session, from its cookie to its end. The cookie holds 256 bits that mean nothing; the database has
// their hash. Each sign-in makes a new one, so that nobody can be given one that somebody else knows.
import type { FastifyReply, FastifyRequest } from 'fastify';
import { insertAudit } from '../../db/queries/audit.ts';
import { createSession, deleteSession, rotateSession } from '../../db/queries/sessions.ts';
import type { Config } from '../config.ts';
import type { Host } from '../host.ts';
import { hashSecret, makeSessionSecret } from '../keys.ts';
import type { Principals } from './principals.ts';

/** However much it is used. Unused for 7 days it has ended before. */
const SESSION_S = 30 * 86_400;
const AGENT_MAX = 200;

/** Browsers take a name with this prefix only over https, for this host, from nobody beside us. */
const isSecure = ({ publicUrl }: Pick<Config, 'publicUrl'>): boolean =>
  publicUrl?.startsWith('https:') ?? false;

export const cookieName = (config: Pick<Config, 'publicUrl'>, name: string): string =>
  `${isSecure(config) ? '__Host-' : ''}${name}`;

export const SESSION_COOKIE = 'tessera_session';

/** A secret of ours out of the header. */
export const cookieIn = (header: string | undefined, name: string): string | undefined =>
  new RegExp(`(?:^|; *)${name}=([\\w-]{43})(?:;|$)`).exec(header ?? '')?.[1];

export function setCookie(
  reply: FastifyReply,
  config: Pick<Config, 'publicUrl'>,
  wanted: { readonly name: string; readonly value: string; readonly maxAgeS: number },
): void {
  const { name, value, maxAgeS } = wanted;
  const parts = [`${cookieName(config, name)}=${value}`, 'Path=/', `Max-Age=${maxAgeS}`];
  parts.push('HttpOnly', 'SameSite=Lax', ...(isSecure(config) ? ['Secure'] : []));
  const before = reply.getHeader('set-cookie');
  const cookie = parts.join('; ');
  reply.header(
    'set-cookie',
    before === undefined ? cookie : [[before].flat().map(String), cookie].flat(),
  );
}

export class Sessions {
  readonly #host: Host;
  readonly #principals: Principals;

  constructor(host: Host, principals: Principals) {
    this.#host = host;
    this.#principals = principals;
  }

  /** @param identity who it was that signed in; null: the local person */
  async open(
    request: FastifyRequest,
    reply: FastifyReply,
    accountId: string,
    identity: string | null,
  ): Promise<void> {
    const { pool, ids, clock } = this.#host;
    await this.end(request);
    const secret = makeSessionSecret();
    const id = ids.make('ses', clock.now());
    const agent = request.headers['user-agent']?.slice(0, AGENT_MAX) ?? null;
    const ttlMs = SESSION_S * 1000;
    await createSession(pool, { accountId, hash: hashSecret(secret), id, ttlMs, identity, agent });
    if (identity !== null)
      await insertAudit(pool, {
        ...{ accountId, by: identity, action: 'session.opened', details: { session: id } },
      });
    this.#give(reply, secret, SESSION_S);
  }

  /** Whose it is has changed: what the browser had opens nothing any more. */
  async rotate(request: FastifyRequest, reply: FastifyReply): Promise<void> {
    const known = await this.#principals.bySession(request.headers);
    if (!known?.sessionHash) return;
    const secret = makeSessionSecret();
    await rotateSession(this.#host.pool, known.sessionHash, hashSecret(secret));
    this.#principals.forget(known.sessionHash);
    this.#give(reply, secret, SESSION_S);
  }

  /** @param reply where the browser is told to forget it */
  async end(request: FastifyRequest, reply: FastifyReply | null = null): Promise<void> {
    const known = await this.#principals.bySession(request.headers);
    if (known?.sessionHash) {
      await deleteSession(this.#host.pool, known.sessionHash);
      this.#principals.forget(known.sessionHash);
    }
    if (reply) this.#give(reply, '', 0);
  }

  #give(reply: FastifyReply, value: string, maxAgeS: number): void {
    setCookie(reply, this.#host.config, { name: SESSION_COOKIE, value, maxAgeS });
  }
}
