// Keys that are revoked while they are in use: whoever hangs on a socket by one is cut off, and no look-up is
// remembered any longer. One small query every two seconds, however many sockets there are.
import { listRevokedLately } from '../../db/queries/api-keys.ts';
import type { Host } from '../host.ts';

const LOOK_MS = 2_000;
/** Looked at again and again for a while: a connection may have been let in by what was remembered. */
const LATELY_MS = 60_000;

export class Revocations {
  readonly #host: Pick<Host, 'pool' | 'clock'>;
  readonly #forget: (hash: Buffer) => void;
  readonly #inUse = new Map<string, Set<() => void>>();
  readonly #stop = new AbortController();
  #loop: Promise<void> = Promise.resolve();

  constructor(host: Pick<Host, 'pool' | 'clock'>, forget: (hash: Buffer) => void) {
    this.#host = host;
    this.#forget = forget;
  }

  /**
   * @param cutOff called when the key is not valid any more
   * @returns to be called when the connection has ended
   */
  watch(keyId: string, cutOff: () => void): () => void {
    const all = this.#inUse.get(keyId) ?? new Set();
    this.#inUse.set(keyId, all.add(cutOff));
    return () => {
      all.delete(cutOff);
      if (all.size === 0) this.#inUse.delete(keyId);
    };
  }

  async runOnce(): Promise<void> {
    for (const { id, hash } of await listRevokedLately(this.#host.pool, LATELY_MS)) {
      this.#forget(hash);
      for (const cutOff of this.#inUse.get(id) ?? []) cutOff();
    }
  }

  start(): void {
    this.#loop = this.#look();
  }

  async #look(): Promise<void> {
    const { signal } = this.#stop;
    while (!signal.aborted) {
      await this.#host.clock.sleep(LOOK_MS, signal);
      if (!signal.aborted) await this.runOnce().catch(() => undefined); // the database is away: asked again soon
    }
  }

  async stop(): Promise<void> {
    this.#stop.abort();
    await this.#loop;
  }
}
