// Waits for a job to end. It looks at the job whenever its account has news, and hears what is told of it on the
// way. Whoever waits must stop it, so that nobody watches for somebody who has gone.
import { isSettled, type Actor } from '../actor.ts';
import type { Host } from '../host.ts';
import type { Ephemeral } from '../live.ts';
import { findJob } from './routes/jobs.ts';

/** A wake-up may get lost between two runtimes. */
const LOOK_AGAIN_MS = 5_000;

export class EndWatch {
  readonly #host: Host;
  readonly #accountId: string;
  readonly #listen: (frame: Ephemeral) => void;
  readonly #unwatch: () => void;
  /** Told before it was known which job is ours. */
  #early: Ephemeral[] = [];
  #id: string | null = null;
  #hasNews = false;
  #wake = new AbortController();
  #isStopped = false;

  /** Watches from now on: made before the job is, it misses nothing. */
  constructor(host: Host, accountId: string, listen: (frame: Ephemeral) => void = () => undefined) {
    this.#host = host;
    this.#accountId = accountId;
    this.#listen = listen;
    this.#unwatch = host.live.watch(accountId, {
      rowsPublished: () => this.#news(),
      ephemeral: (frame) => this.#hear(frame),
    });
  }

  #hear(frame: Ephemeral): void {
    if (this.#id === null) this.#early.push(frame);
    else if (frame.job_id === this.#id) this.#listen(frame);
  }

  #news(): void {
    this.#hasNews = true;
    this.#wake.abort();
  }

  /** @returns the job as it ended, or as it was last seen when the watch was stopped before */
  async endOf(actor: Actor): Promise<Actor> {
    this.#id = actor.ref.id;
    for (const frame of this.#early) this.#hear(frame);
    this.#early = [];
    try {
      for (let now = actor; ; now = await findJob(this.#host, this.#accountId, actor.ref.id)) {
        if (isSettled(now) || this.#isStopped) return now;
        if (!this.#hasNews) await this.#host.clock.sleep(LOOK_AGAIN_MS, this.#wake.signal);
        this.#hasNews = false;
        this.#wake = new AbortController();
      }
    } finally {
      this.stop();
    }
  }

  stop(): void {
    this.#isStopped = true;
    this.#unwatch();
    this.#news();
  }
}
