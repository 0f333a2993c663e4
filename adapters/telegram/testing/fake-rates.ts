// How fast the fake lets a bot be: so many within a second in all, and in each chat; who goes on is told to wait.

export interface Rates {
  /** Sends and edits of one bot within a second. */
  readonly perSecond: number;
  /** In one chat within a minute: of a group, and of a private chat. */
  readonly perMinuteGroup: number;
  readonly perMinutePrivate: number;
  readonly retryAfterS: number;
}

export const REAL_RATES: Rates = {
  perSecond: 30,
  perMinuteGroup: 20,
  perMinutePrivate: 60,
  retryAfterS: 3,
};

export class RateKeeper {
  readonly #rates: Rates;
  readonly #now: () => number;
  readonly #sent = new Map<string, number[]>();
  readonly #blockedUntil = new Map<string, number>();
  /** Calls that came though their bot had been told to wait. */
  tooSoon = 0;
  refused = 0;

  constructor(rates: Rates, now: () => number) {
    this.#rates = rates;
    this.#now = now;
  }

  /** Seconds to wait; null: go ahead. */
  take(bot: string, chat: number): number | null {
    const { perSecond, perMinuteGroup, perMinutePrivate, retryAfterS } = this.#rates;
    const inChat = chat < 0 ? perMinuteGroup : perMinutePrivate;
    const [ofBot, ofChat] = [bot, `${bot} ${chat}`];
    const now = this.#now();
    const until = Math.max(this.#blockedUntil.get(ofBot) ?? 0, this.#blockedUntil.get(ofChat) ?? 0);
    if (now < until) {
      this.tooSoon += 1;
      this.refused += 1;
      return Math.ceil((until - now) / 1000);
    }
    const isOver = [
      this.#count(ofBot, now, 1_000) >= perSecond ? ofBot : null,
      this.#count(ofChat, now, 60_000) >= inChat ? ofChat : null,
    ].find((each) => each !== null);
    if (isOver !== null && isOver !== undefined) {
      this.refused += 1;
      this.#blockedUntil.set(isOver, now + retryAfterS * 1000);
      return retryAfterS;
    }
    for (const name of [ofBot, ofChat])
      this.#sent.set(name, [...(this.#sent.get(name) ?? []), now]);
    return null;
  }

  #count(name: string, now: number, windowMs: number): number {
    const recent = (this.#sent.get(name) ?? []).filter((at) => at > now - windowMs);
    this.#sent.set(name, recent);
    return recent.length;
  }
}
