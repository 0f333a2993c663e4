// Counts that several runtimes share: how often somebody asked within a minute. Whoever counts must manage when Redis
// is away, so nothing is waited for: an answer that is not there soon is an error.
import { createClient } from '@redis/client';

const ANSWER_WITHIN_MS = 250;
const RECONNECT_MS = 500;
const PREFIX = 'tessera:rate:';

export class RedisCounter {
  readonly #client;

  constructor({ url }: { readonly url: string }) {
    this.#client = createClient({
      url,
      disableOfflineQueue: true,
      socket: { reconnectStrategy: () => RECONNECT_MS },
    });
    // Without a listener Node ends the process when Redis goes away.
    this.#client.on('error', () => undefined);
    void this.#client.connect().catch(() => undefined); // closed before it was connected
  }

  /**
   * One more of each. @returns how many there were of each in the window, with this one
   * @throws Error when Redis does not answer soon
   */
  async add(
    names: readonly string[],
    window: number,
    windowMs: number,
  ): Promise<readonly number[]> {
    const commands = this.#client.multi();
    for (const name of names) {
      const key = `${PREFIX}${window}:${name}`;
      commands.incr(key).pExpire(key, 2 * windowMs);
    }
    const late = Promise.withResolvers<never>();
    const timer = setTimeout(() => late.reject(new Error('Redis is slow.')), ANSWER_WITHIN_MS);
    try {
      const replies = (await Promise.race([commands.exec(), late.promise])) as unknown[];
      return names.map((_, n) => Number(replies[2 * n]));
    } finally {
      clearTimeout(timer);
    }
  }

  close(): void {
    if (this.#client.isOpen) this.#client.destroy();
  }
}
