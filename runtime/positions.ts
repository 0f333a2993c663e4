// Tells people who watch how their place in the queue moves. Lossy, and only what changed: they count down
// by themselves what they were told.
import type { Clock } from './clock.ts';
import type { Dispatcher } from './dispatcher.ts';
import type { Live } from './live.ts';
import type { Outlook } from './views.ts';

const EVERY_MS = 1_000;
/** An end that moved by less is no news: two seconds, or so much of what is left. */
const NEWS_MIN_S = 2;
const NEWS_SHARE = 0.15;

interface Told {
  readonly words: string;
  /** When the result would be there at the latest, on the runtime's clock. */
  readonly endAt: number | null;
}

export class PositionLoop {
  readonly #seams: { dispatcher: Dispatcher; live: Live; clock: Clock };
  readonly #told = new Map<string, Told>();
  readonly #stop = new AbortController();
  #loop: Promise<void> = Promise.resolve();

  constructor(seams: { dispatcher: Dispatcher; live: Live; clock: Clock }) {
    this.#seams = seams;
  }

  start(): void {
    this.#loop = this.#run();
  }

  async #run(): Promise<void> {
    while (!this.#stop.signal.aborted) {
      this.runOnce();
      await this.#seams.clock.sleep(EVERY_MS, this.#stop.signal);
    }
  }

  runOnce(): void {
    const { dispatcher, live } = this.#seams;
    const watched = new Set(live.watchedAccounts);
    const waiting = new Set<string>();
    for (const { id, accountId } of watched.size > 0 ? dispatcher.waiting : []) {
      if (!watched.has(accountId)) continue;
      waiting.add(id);
      const outlook = dispatcher.outlook(id);
      const news = toldOf(outlook, this.#seams.clock.now());
      const old = this.#told.get(id);
      if (old && !isNews(old, news, outlook.eta?.max_s ?? 0)) continue;
      this.#told.set(id, news);
      live.ephemeral(accountId, { type: 'position', job_id: id, ...outlook });
    }
    for (const id of this.#told.keys()) if (!waiting.has(id)) this.#told.delete(id);
  }

  async stop(): Promise<void> {
    this.#stop.abort();
    await this.#loop;
  }
}

const toldOf = ({ position, eta }: Outlook, now: number): Told => ({
  words: `${position} ${eta?.reason}`,
  endAt: eta === null || eta.start_max_s === null ? null : now + eta.max_s * 1_000,
});

function isNews(old: Told, now: Told, leftS: number): boolean {
  if (old.words !== now.words || (old.endAt === null) !== (now.endAt === null)) return true;
  const movedS = Math.abs((now.endAt ?? 0) - (old.endAt ?? 0)) / 1_000;
  return movedS > Math.max(NEWS_MIN_S, NEWS_SHARE * leftS);
}
