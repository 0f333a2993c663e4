// Tells people who watch how their place in the queue moves. Lossy, and only what changed.
import type { Clock } from './clock.ts';
import type { Dispatcher } from './dispatcher.ts';
import type { Live } from './live.ts';

const EVERY_MS = 1_000;

export class PositionLoop {
  readonly #seams: { dispatcher: Dispatcher; live: Live; clock: Clock };
  readonly #told = new Map<string, string>();
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
      const words = `${outlook.position} ${outlook.eta?.reason}`;
      if (this.#told.get(id) === words) continue;
      this.#told.set(id, words);
      live.ephemeral(accountId, { type: 'position', job_id: id, ...outlook });
    }
    for (const id of this.#told.keys()) if (!waiting.has(id)) this.#told.delete(id);
  }

  async stop(): Promise<void> {
    this.#stop.abort();
    await this.#loop;
  }
}
