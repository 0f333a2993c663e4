// What leaves for a platform, in which order and how fast. One for each bot's token, the same for every platform:
// results first and never lost, answers to people next, then what is on its way; of the last only the newest is kept,
// and it is dropped whenever there is no room. The platform's own answers set the pace: there are no limits of ours to
// be wrong about, but for how often one message may change.

/** In order of who goes first. */
export const LANES = ['final', 'answer', 'status', 'progress'] as const;
export type Lane = (typeof LANES)[number];

/** What came of one try. */
export type Outcome =
  | { readonly kind: 'done' }
  /** The platform asks to wait (429), in this chat or everywhere. */
  | { readonly kind: 'wait'; readonly ms: number; readonly everywhere: boolean }
  /** It did not work, or nobody knows; trying again does no harm. */
  | { readonly kind: 'again' };

export const DONE: Outcome = { kind: 'done' };
export const AGAIN: Outcome = { kind: 'again' };

export interface Parcel {
  /** What may not happen twice at once, and of which a later one replaces an earlier: a message. */
  readonly key: string;
  readonly chat: string;
  readonly lane: Lane;
  /** Least time between two of this key. */
  readonly gapMs?: number;
  /** Never throws for what a platform does; what it throws is an error of ours. */
  readonly send: () => Promise<Outcome>;
}

export interface Clock {
  now(): number;
  /** Runs `task` later; answers how to call it off. */
  later(ms: number, task: () => void): () => void;
}

export const realClock: Clock = {
  now: () => Date.now(),
  later(ms, task) {
    const timer = setTimeout(task, ms);
    return () => clearTimeout(timer);
  },
};

export interface GovernorOptions {
  readonly clock?: Clock;
  /** At once on their way. */
  readonly inFlightMax?: number;
  /** An error of ours. The parcel is given up. */
  readonly failed: (error: unknown, parcel: Parcel) => void;
}

interface Waiting {
  readonly parcel: Parcel;
  tries: number;
  readyAt: number;
}

const IN_FLIGHT_MAX = 20;
/** Of these, for what can wait: the rest is kept free for results and answers. */
const SHARE_OF_STATUS = 0.5;
const FIRST_AGAIN_MS = 1_000;
const AGAIN_MS_MAX = 60_000;
/** Once it was too fast for the platform, a little time between any two, which shrinks as all goes well. */
const SPACING_MS_FIRST = 40;
const SPACING_MS_MAX = 1_000;
const SPACING_SHRINKS = 0.995;
/** Chats whose pace is remembered. */
const REMEMBERED_MAX = 10_000;

export class Governor {
  readonly #clock: Clock;
  readonly #inFlightMax: number;
  readonly #failed: GovernorOptions['failed'];
  /** By lane, in order of coming; by key, so that a later one takes the place of an earlier. */
  readonly #waiting = new Map<Lane, Map<string, Waiting>>(LANES.map((lane) => [lane, new Map()]));
  readonly #inFlight = new Map<string, Parcel>();
  readonly #lastSentAt = new Map<string, number>();
  readonly #chatPausedUntil = new Map<string, number>();
  #pausedUntil = 0;
  #spacingMs = 0;
  #nextAt = 0;
  #callOff: (() => void) | null = null;
  #isStopped = false;

  constructor({ clock = realClock, inFlightMax = IN_FLIGHT_MAX, failed }: GovernorOptions) {
    this.#clock = clock;
    this.#inFlightMax = inFlightMax;
    this.#failed = failed;
  }

  /** A result takes the place of all that is still said about its way. */
  offer(parcel: Parcel): void {
    if (this.#isStopped) return;
    const queue = this.#waiting.get(parcel.lane)!;
    const before = queue.get(parcel.key);
    if (parcel.lane === 'final') this.#forgetWay(parcel.key);
    // In the place of the one before, and no sooner than that was due.
    const readyAt = Math.max(before?.readyAt ?? 0, this.#clock.now());
    queue.set(parcel.key, { parcel, tries: before?.tries ?? 0, readyAt });
    this.#pump();
  }

  /** Nothing more is said of this, but for a result. */
  withdraw(key: string): void {
    this.#forgetWay(key);
  }

  get size(): Readonly<Record<Lane, number>> {
    return Object.fromEntries(LANES.map((lane) => [lane, this.#waiting.get(lane)!.size])) as Record<
      Lane,
      number
    >;
  }

  /** What waits is left: it is remembered elsewhere. Resolves when what is on its way has arrived. */
  async stop(): Promise<void> {
    this.#isStopped = true;
    this.#callOff?.();
    for (const queue of this.#waiting.values()) queue.clear();
    while (this.#inFlight.size > 0) await new Promise<void>((resolve) => (this.#onIdle = resolve));
  }
  #onIdle: (() => void) | null = null;

  #forgetWay(key: string): void {
    this.#waiting.get('status')!.delete(key);
    this.#waiting.get('progress')!.delete(key);
  }

  #pump(): void {
    if (this.#isStopped) return;
    this.#callOff?.();
    this.#callOff = null;
    const now = this.#clock.now();
    let wakeAt = Infinity;
    for (const lane of LANES)
      for (const waiting of this.#waiting.get(lane)!.values()) {
        if (!this.#hasRoom(lane)) break;
        const at = this.#readyAt(waiting);
        if (at === null) continue;
        if (at <= now) this.#start(waiting, now);
        else wakeAt = Math.min(wakeAt, at);
        // Whoever comes later in the order must not overtake while the platform wants a pause.
        if (Math.max(this.#pausedUntil, this.#nextAt) > now) {
          wakeAt = Math.min(wakeAt, Math.max(this.#pausedUntil, this.#nextAt));
          return this.#wake(wakeAt, now);
        }
      }
    this.#wake(wakeAt, now);
  }

  #wake(at: number, now: number): void {
    if (at < Infinity) this.#callOff = this.#clock.later(at - now, () => this.#pump());
  }

  #hasRoom(lane: Lane): boolean {
    if (this.#inFlight.size >= this.#inFlightMax) return false;
    if (lane === 'final' || lane === 'answer') return true;
    const lesser = [...this.#inFlight.values()].filter((each) => each.lane !== 'final').length;
    return lesser < Math.max(1, this.#inFlightMax * SHARE_OF_STATUS);
  }

  /** Null: only when the one on its way has arrived. */
  #readyAt({ parcel, readyAt }: Waiting): number | null {
    const { key, chat, gapMs = 0, lane } = parcel;
    if (this.#inFlight.has(key)) return null;
    // One after the other in one chat: in order, and no burst after a pause. People are answered at once.
    if (lane !== 'answer' && [...this.#inFlight.values()].some((each) => each.chat === chat))
      return null;
    // A result does not wait for the pace of what is said on its way.
    const last = lane === 'final' ? undefined : this.#lastSentAt.get(key);
    return Math.max(
      readyAt,
      this.#pausedUntil,
      this.#nextAt,
      this.#chatPausedUntil.get(chat) ?? 0,
      last === undefined ? 0 : last + gapMs,
    );
  }

  #start(waiting: Waiting, now: number): void {
    const { parcel } = waiting;
    this.#waiting.get(parcel.lane)!.delete(parcel.key);
    this.#inFlight.set(parcel.key, parcel);
    this.#nextAt = now + this.#spacingMs;
    void parcel
      .send()
      .then(
        (outcome) => this.#settle(waiting, outcome),
        (error: unknown) => this.#failed(error, parcel),
      )
      .finally(() => {
        this.#inFlight.delete(parcel.key);
        remember(this.#lastSentAt, parcel.key, this.#clock.now());
        if (this.#inFlight.size === 0) this.#onIdle?.();
        this.#pump();
      });
  }

  #settle({ parcel, tries }: Waiting, outcome: Outcome): void {
    const now = this.#clock.now();
    if (outcome.kind === 'done') {
      this.#spacingMs = this.#spacingMs < 1 ? 0 : this.#spacingMs * SPACING_SHRINKS;
      return;
    }
    if (outcome.kind === 'wait') this.#slowDown(parcel.chat, outcome, now);
    // What is said on the way has a newer version soon, or none is needed any more.
    if (parcel.lane === 'progress') return;
    const queue = this.#waiting.get(parcel.lane)!;
    if (this.#isStopped || queue.has(parcel.key)) return;
    const waitMs =
      outcome.kind === 'wait'
        ? outcome.ms
        : Math.min(AGAIN_MS_MAX, FIRST_AGAIN_MS * 2 ** Math.min(tries, 10));
    const isTry = outcome.kind === 'again' ? 1 : 0;
    queue.set(parcel.key, { parcel, tries: tries + isTry, readyAt: now + waitMs });
  }

  #slowDown(chat: string, { ms, everywhere }: Outcome & { kind: 'wait' }, now: number): void {
    // Two chats at once are not one chat that is told too much.
    const others = [...this.#chatPausedUntil].some(([each, at]) => each !== chat && at > now);
    remember(this.#chatPausedUntil, chat, now + ms);
    if (!everywhere && !others) return;
    this.#pausedUntil = Math.max(this.#pausedUntil, now + ms);
    this.#spacingMs = Math.min(
      SPACING_MS_MAX,
      Math.max(SPACING_MS_FIRST, Math.ceil(this.#spacingMs * 2)),
    );
  }
}

/** The oldest are forgotten. */
function remember<Value>(map: Map<string, Value>, key: string, value: Value): void {
  map.delete(key);
  map.set(key, value);
  const [oldest] = map.keys();
  if (map.size > REMEMBERED_MAX && oldest !== undefined) map.delete(oldest);
}
