// Who is asking: an API key, or a browser's session cookie. Look-ups are remembered for a few seconds,
// so a revoked key works no longer than that.
import type { IncomingHttpHeaders } from 'node:http';
import { ensureAccountOf } from '../../db/queries/accounts.ts';
import { findApiKey, touchApiKey } from '../../db/queries/api-keys.ts';
import { findSession, touchSession } from '../../db/queries/sessions.ts';
import { SYSTEM_ACCOUNT } from '../../machines/contract/ids.ts';
import type { Host } from '../host.ts';
import {
  hashSecret,
  parseKey,
  platformOf,
  PLATFORMS,
  type KeyKind,
  type Platform,
} from '../keys.ts';
import type { Role } from '../model-rules.ts';
import { refuse } from './problems.ts';
import { Remembered } from './remembered.ts';
import { scopesOf, type Scope } from './scopes.ts';
import { cookieIn, cookieName, SESSION_COOKIE } from './sessions.ts';

export interface Principal {
  readonly kind: KeyKind | 'session';
  /** Whose jobs and tokens these are. */
  readonly accountId: string;
  /** Scope of idempotency keys: the key's id; one scope for all sessions of an account. */
  readonly id: string;
  /** Of a key: what it is confined to. Null or absent: all that its kind may. */
  readonly scopes?: readonly Scope[] | null;
  /** Of a key: its own limit, below the one for all keys (`rates.ts`). */
  readonly requestsPerMinute?: number | null;
  /** Of a user's key: when it ends. */
  readonly expiresAt?: number | null;
  /** Of a worker's key: what that worker is called; null: its agent says so. */
  readonly workerName?: string | null;
  /** Of a session: the one person of a Tessera without sign-in, or somebody the configuration names. */
  readonly isOperator?: boolean;
  /** Set for a session: what `forget` wants. */
  readonly sessionHash?: Buffer;
}

/** Whom the rules for models mean. */
export const roleOf = ({ kind }: Principal): Role =>
  kind === 'frontend' || kind === 'admin' ? kind : 'user';

/** Who everybody is while no sign-in is configured. */
export const LOCAL_ACCOUNT = 'acc_local';
const REMEMBER_MS = 5_000;
/** Numeric ids only: names are given to somebody else when they are given up. */
const USER = new RegExp(`^(${PLATFORMS.join('|')}):([1-9]\\d{0,19})$`);

export class Principals {
  readonly #host: Host;
  readonly #keys;
  readonly #sessions;
  readonly #people;

  constructor(host: Host) {
    this.#host = host;
    const { clock } = host;
    const now = () => clock.now();
    const bytes = (hex: string) => Buffer.from(hex, 'hex');
    this.#keys = new Remembered((hex) => this.#keyOf(bytes(hex)), now, REMEMBER_MS);
    this.#sessions = new Remembered((hex) => this.#sessionOf(bytes(hex)), now, REMEMBER_MS);
    this.#people = new Remembered((user) => this.#accountOf(user), now, REMEMBER_MS);
  }

  /**
   * @param needsNobody a frontend need not say for whom it speaks; it then speaks for the house
   * @throws Refused when nobody is named, or somebody who is not known (any more)
   */
  async of(headers: IncomingHttpHeaders, needsNobody = false): Promise<Principal> {
    if (headers.authorization !== undefined) return this.#byKey(headers, needsNobody);
    const session = await this.bySession(headers);
    if (session) return session;
    throw refuse(
      'unauthorized',
      'Send an API key as "Authorization: Bearer tsr_…", or sign in with a browser.',
    );
  }

  async bySession({ cookie }: IncomingHttpHeaders): Promise<Principal | null> {
    const secret = cookieIn(cookie, cookieName(this.#host.config, SESSION_COOKIE));
    if (secret === undefined) return null;
    const sessionHash = hashSecret(secret);
    const session = await this.#sessions.get(sessionHash.toString('hex'));
    if (session === null) return null;
    const { accountId, identity } = session;
    const { isLocalMode, signIn } = this.#host.config;
    // As whom they signed in counts, and not what else is linked to the account.
    const isOperator = isLocalMode
      ? accountId === LOCAL_ACCOUNT
      : identity !== null && signIn.operators.includes(identity);
    return { kind: 'session', accountId, id: 'session', isOperator, sessionHash };
  }

  /** Signed out: no need to wait until it is looked up again. */
  forget(sessionHash: Buffer): void {
    this.#sessions.forget(sessionHash.toString('hex'));
  }

  /** Revoked: no need to wait until it is looked up again. */
  forgetKey(hash: Buffer): void {
    this.#keys.forget(hash.toString('hex'));
  }

  /** Accounts were joined or parted: who speaks for which is looked up anew. Rare, and cheap. */
  forgetAll(): void {
    for (const each of [this.#keys, this.#sessions, this.#people]) each.forgetAll();
  }

  async #byKey(headers: IncomingHttpHeaders, needsNobody: boolean): Promise<Principal> {
    const text = /^Bearer +(\S+)$/i.exec(headers.authorization ?? '')?.[1];
    const parsed = text === undefined ? null : parseKey(text);
    const key = parsed && (await this.#keys.get(parsed.hash.toString('hex')));
    if (!key) throw refuse('unauthorized', 'This API key is not valid, or not valid any more.');
    const user = headers['tessera-user'];
    const confined = {
      scopes: scopesOf(key.scopes),
      requestsPerMinute: key.requestsPerMinute,
      expiresAt: key.expiresAt,
    };
    if (key.kind === 'frontend')
      return {
        ...confined,
        kind: 'frontend',
        id: key.id,
        accountId:
          needsNobody && user === undefined
            ? SYSTEM_ACCOUNT
            : await this.#person(user, platformOf(key.id)),
      };
    if (user !== undefined)
      throw refuse('forbidden', 'Only a key of kind frontend may speak for somebody else.');
    const { kind, id, accountId, workerName } = key;
    return { ...confined, kind, id, accountId, ...(kind === 'worker' ? { workerName } : {}) };
  }

  async #person(user: string | string[] | undefined, platform: Platform | null): Promise<string> {
    const match = USER.exec(String(user));
    if (!match)
      throw refuse(
        'invalid_request',
        'Name the person with the header "Tessera-User: telegram:<id>" or "discord:<id>".',
      );
    if (match[1] !== platform)
      throw refuse('forbidden', `This key may only speak for people of ${platform}.`);
    return this.#people.get(match[0]);
  }

  async #sessionOf(hash: Buffer) {
    const session = await findSession(this.#host.pool, hash);
    // From a time before people signed in here: whoever it was, nobody proved it.
    if (session?.identity === null && !this.#host.config.isLocalMode) return null;
    if (session) void touchSession(this.#host.pool, hash).catch(() => undefined);
    return session;
  }

  async #keyOf(hash: Buffer) {
    const key = await findApiKey(this.#host.pool, hash);
    // When a key was last used is good to know, and no reason to let anybody wait or fail.
    if (key) void touchApiKey(this.#host.pool, key).catch(() => undefined);
    return key;
  }

  #accountOf(user: string): Promise<string> {
    const [provider, subject] = user.split(':') as [string, string];
    const { pool, ids, clock } = this.#host;
    return ensureAccountOf(pool, { provider, subject }, ids.make('acc', clock.now()));
  }
}
