// Keeps this runtime up with what the others commit, at once when they say so. Nothing here decides, and
// nothing depends on it: the stream's relay and the workers' sessions look every moment by themselves.
import type { Channel } from '../machines/contract/channel.ts';
import type { Leases } from './leases.ts';
import type { LiveElsewhere } from './live-elsewhere.ts';
import type { Live } from './live.ts';
import { oneAtATime } from './one-at-a-time.ts';
import type { News, Signals } from './signals.ts';
import type { StreamRelay } from './stream-relay.ts';
import type { WorkerSessions } from './worker-sessions.ts';

interface Seams {
  readonly channel: Channel;
  readonly signals: Signals;
  readonly elsewhere: LiveElsewhere;
  readonly relay: Pick<StreamRelay, 'runOnce'>;
  readonly sessions: WorkerSessions;
  readonly leases: Leases;
  readonly live: Live;
  readonly log: (message: string) => void;
}

export class OtherRuntimes {
  readonly #seams: Seams;

  constructor(seams: Seams) {
    this.#seams = seams;
  }

  start(): void {
    const { channel, signals, elsewhere, live, log } = this.#seams;
    signals.start();
    elsewhere.start();
    channel.open({
      received: (topic, text) => {
        const news = signals.read(topic, text);
        if (news) this.#heard(news);
        else elsewhere.receive(topic, text, live);
      },
      // What was said until now may have been missed.
      connected: () => this.#look(),
      broken: (why) => log(`other runtimes are heard of only by looking, up to 1 s late: ${why}`),
    });
  }

  #heard({ workers, leases }: News): void {
    const { sessions } = this.#seams;
    if (leases) this.#seams.leases.ask();
    sessions.changed(workers);
    this.#follow();
  }

  #look(): void {
    this.#seams.sessions.look();
    this.#follow();
  }

  #follow(): void {
    this.#followOnce().catch((error: Error) => this.#seams.log(`relay: ${error.message}`));
  }

  /** However many signals come while it reads, it reads once more. */
  readonly #followOnce = oneAtATime(() => this.#seams.relay.runOnce());
}
