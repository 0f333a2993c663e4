// Keeps this runtime up with what the others commit: at once when they say so, and by looking when nothing
// was heard. Nothing here decides; whoever comes too late loses a compare-and-set and reads again.
import type { Channel } from '../machines/contract/channel.ts';
import type { Clock } from './clock.ts';
import type { Dispatcher } from './dispatcher.ts';
import type { Leases, Presence } from './leases.ts';
import type { LiveElsewhere } from './live-elsewhere.ts';
import type { Live } from './live.ts';
import { oneAtATime } from './one-at-a-time.ts';
import type { News, Signals } from './signals.ts';
import type { WorkerSessions } from './worker-sessions.ts';

/** The longest that a turn of another runtime can go unnoticed by the dispatcher. */
const POLL_MS = 1_000;

interface Seams {
  readonly channel: Channel;
  readonly clock: Clock;
  readonly presence: Presence;
  readonly signals: Signals;
  readonly elsewhere: LiveElsewhere;
  readonly dispatcher: Dispatcher;
  readonly sessions: WorkerSessions;
  readonly leases: Leases;
  readonly live: Live;
  readonly log: (message: string) => void;
}

export class OtherRuntimes {
  readonly #seams: Seams;
  readonly #stop = new AbortController();
  #loop: Promise<void> = Promise.resolve();

  constructor(seams: Seams) {
    this.#seams = seams;
  }

  start(): void {
    const { channel, signals, elsewhere, live, log } = this.#seams;
    signals.start();
    channel.open({
      received: (topic, text) => {
        const news = signals.read(topic, text);
        if (news) this.#heard(news);
        else elsewhere.receive(topic, text, live);
      },
      connected: () => this.#lookEverywhere(),
      broken: (why) => log(`other runtimes are heard of only by looking, up to 1 s late: ${why}`),
    });
    this.#loop = this.#poll();
  }

  #heard({ accounts, workers, leases }: News): void {
    const { live, sessions } = this.#seams;
    sessions.changed(workers);
    for (const accountId of accounts) live.published(accountId);
    if (accounts.length + workers.length > 0) this.#refresh();
    if (leases) this.#seams.leases.ask();
  }

  /** What was said until now may have been missed. */
  #lookEverywhere(): void {
    const { sessions, live } = this.#seams;
    sessions.look();
    for (const accountId of live.watchedAccounts) live.published(accountId);
    this.#refresh();
  }

  #refresh(): void {
    this.#refreshOnce().catch((error: Error) => this.#seams.log(`dispatcher: ${error.message}`));
  }

  readonly #refreshOnce = oneAtATime(() => this.#seams.dispatcher.rebuild());

  async #poll(): Promise<void> {
    const { clock, presence } = this.#seams;
    let before = presence.others;
    while (!this.#stop.signal.aborted) {
      await clock.sleep(POLL_MS, this.#stop.signal);
      const { others } = presence;
      // Once more after the last one left: what it did, and whose socket it no longer holds.
      if (!this.#stop.signal.aborted && (others !== 0 || before !== 0)) this.#refresh();
      before = others;
    }
  }

  async stop(): Promise<void> {
    this.#stop.abort();
    await this.#loop;
  }
}
