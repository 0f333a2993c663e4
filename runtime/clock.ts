// Seams to the outside that core code goes through, so that a simulator can stand in for them.
import { randomBytes, randomUUID } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';

export interface Clock {
  /** Store time in milliseconds, as well as this process knows it. Never steps back, never stands still. */
  now(): number;
  /** Takes over the store's time, told with each commit. */
  sync(storeTime: number): void;
  /** 0 ms: until what is ready (an answer of the store, a socket) has been let in. */
  sleep(ms: number, signal?: AbortSignal): Promise<void>;
}

/**
 * Follows the store's clock by an offset; the machine's own date is never trusted.
 *
 * Forward it follows at once: the machine may have slept. Back it never steps: what was set forward by
 * mistake is caught up with at half the pace. Meanwhile waits measured here take up to twice as long, leases
 * are trusted for longer than they hold (their term is checked in each commit), and a new day may begin
 * early by as much; no day is granted twice, because its grant is kept by its date. Timers are not concerned:
 * the store alone says what is due.
 */
export class StoreClock implements Clock {
  readonly #monotonic: () => number;
  #offset = 0;
  #last = 0;
  #lastAt: number;

  constructor(monotonic: () => number = () => performance.now()) {
    this.#monotonic = monotonic;
    this.#lastAt = monotonic();
  }

  now(): number {
    const at = this.#monotonic();
    this.#last = Math.max(at + this.#offset, this.#last + (at - this.#lastAt) / 2);
    this.#lastAt = at;
    return Math.floor(this.#last);
  }

  sync(storeTime: number): void {
    this.#offset = storeTime - this.#monotonic();
  }

  async sleep(ms: number, signal?: AbortSignal): Promise<void> {
    if (ms === 0) await new Promise((resolve) => setImmediate(resolve));
    else
      await delay(ms, undefined, signal ? { signal } : {}).catch((error: unknown) => {
        if (!signal?.aborted) throw error;
      });
  }
}

export interface Ids {
  /** `prefix_` and 26 characters: sortable by time, then random. */
  make(prefix: string, now: number): string;
  uuid(): string;
  /** 0 <= x < 1 */
  random(): number;
}

const ALPHABET = '0123456789abcdefghjkmnpqrstvwxyz';

/** Crockford's base 32 of the first 130 bits. */
export function base32(bytes: Uint8Array, length = 26): string {
  let bits = 0;
  let value = 0;
  let text = '';
  for (const byte of bytes) {
    value = (value << 8) | byte;
    bits += 8;
    while (bits >= 5 && text.length < length) {
      bits -= 5;
      text += ALPHABET[(value >>> bits) & 31];
    }
    value &= (1 << bits) - 1;
  }
  return text;
}

export const realIds: Ids = {
  make(prefix, now) {
    const bytes = randomBytes(17);
    bytes.writeUIntBE(now, 0, 6);
    return `${prefix}_${base32(bytes)}`;
  },
  uuid: randomUUID,
  random: () => randomBytes(4).readUInt32BE() / 2 ** 32,
};
