// `Prefer: wait=N` (RFC 7240): whoever sends it would rather have the ended job a little later than the open one at
// once. It is a wish: what cannot be read or cannot be had is passed over, and the answer says what was done.
import type { FastifyReply, FastifyRequest } from 'fastify';
import { isSettled, type Actor } from '../actor.ts';
import type { Host } from '../host.ts';
import { EndWatch } from './end-watch.ts';

export const WAIT_MAX_S = 60;
/** Calls of one account that are held open here at once. Beyond them an answer comes at once. */
const WAITS_OF_ONE = 50;
const WAITS_MAX = 500;

/** @returns whole seconds, as many as may be waited; null when nothing is said of it */
export function waitOf(header: string | string[] | undefined): number | null {
  for (const preference of String(header ?? '').split(',')) {
    const [, seconds] = /^\s*wait\s*=\s*"?(\d{1,9})"?\s*(?:;.*)?$/i.exec(preference) ?? [];
    // The first one counts (RFC 7240, 2).
    if (seconds !== undefined) return Math.min(Number(seconds), WAIT_MAX_S);
  }
  return null;
}

/** The calls that are waited for, so that they cannot take all the room there is. */
export class Waits {
  readonly #host: Host;
  readonly #byAccount = new Map<string, number>();
  #all = 0;

  constructor(host: Host) {
    this.#host = host;
  }

  /**
   * As `look`, and then until the job has ended or as long as the request wishes. A caller who hangs up is not waited
   * for any more; the job goes on.
   */
  async wait(
    request: FastifyRequest,
    reply: FastifyReply,
    accountId: string,
    look: () => Promise<Actor>,
  ): Promise<Actor> {
    const seconds = waitOf(request.headers['prefer']);
    const own = this.#byAccount.get(accountId) ?? 0;
    if (seconds === null || own >= WAITS_OF_ONE || this.#all >= WAITS_MAX) return look();
    this.#count(accountId, 1);
    // Watch first: what ends between the look and the wait is not missed.
    const watch = new EndWatch(this.#host, accountId);
    const over = new AbortController();
    const hungUp = () => watch.stop();
    reply.raw.once('close', hungUp);
    try {
      const actor = await look();
      reply.header('preference-applied', `wait=${seconds}`);
      if (isSettled(actor) || seconds === 0) return actor;
      void this.#host.clock.sleep(seconds * 1000, over.signal).then(hungUp);
      return await watch.endOf(actor);
    } finally {
      over.abort();
      reply.raw.off('close', hungUp);
      watch.stop();
      this.#count(accountId, -1);
    }
  }

  #count(accountId: string, by: 1 | -1): void {
    const own = (this.#byAccount.get(accountId) ?? 0) + by;
    this.#all += by;
    if (own === 0) this.#byAccount.delete(accountId);
    else this.#byAccount.set(accountId, own);
  }
}
