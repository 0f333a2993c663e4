// Follows all jobs of the bots that run here, by the frontend's one stream, and gives each its teller. It remembers
// nothing: what is open is asked for whenever the stream opens, and now and then besides.
import { readOrigin, type DeliveryView } from '../../machines/contract/frontend-views.ts';
import type { JobView } from '../../machines/contract/views.ts';
import type { FrontendClient } from '../client/frontend.ts';
import { LiveStream, streamUrl, type StreamOptions } from '../client/live.ts';
import { TesseraProblem } from '../client/problem.ts';
import type { Clock, Governor } from './governor.ts';
import { Teller, type Surface } from './teller.ts';

const SWEEP_MS = 30_000;
const PAGE_ROWS = 100;
/** A list that was read before a job was settled may still call it open for as long. */
const STALE_MS = 60_000;

export interface Followed {
  readonly surface: Surface;
  readonly governor: Governor;
}

export interface FollowerSeams {
  readonly client: FrontendClient;
  readonly baseUrl: string;
  readonly key: string;
  /** By the bot's name. */
  readonly bots: ReadonlyMap<string, Followed>;
  readonly clock: Clock;
  readonly report: (what: string, error: unknown) => void;
  readonly streamSurroundings?: StreamOptions['surroundings'];
}

export class Follower {
  readonly #seams: FollowerSeams;
  readonly #tellers = new Map<string, Teller>();
  readonly #asked = new Map<string, Promise<void>>();
  /** When those that are over were. */
  readonly #over = new Map<string, number>();
  #stream: LiveStream | null = null;
  #sweeping: Promise<void> = Promise.resolve();
  #callOff: () => void = () => undefined;
  #isStopped = false;

  constructor(seams: FollowerSeams) {
    this.#seams = seams;
  }

  start(): void {
    const { baseUrl, key, report, streamSurroundings } = this.#seams;
    this.#stream = new LiveStream({
      url: streamUrl(baseUrl),
      key,
      onJob: (job) => this.#heard(job),
      onJobFailed: (error) => report('A job event could not be handled', error),
      onProgress: (frame) => this.#tellers.get(frame.job_id)?.progressed(frame),
      onPosition: (frame) => this.#tellers.get(frame.job_id)?.moved(frame),
      onSubscribed: () => this.sweep(),
      onProblem: (problem) => report('The stream was refused', problem),
      ...(streamSurroundings === undefined ? {} : { surroundings: streamSurroundings }),
    });
    this.#later();
  }

  /** A job that was just asked for: its first word need not wait for the stream. */
  async follow(job: JobView): Promise<void> {
    await this.#heard(job);
  }

  /** Looks for what is open and not followed. */
  sweep(): void {
    this.#sweeping = this.#sweeping
      .then(() => this.#sweepAll())
      .catch((error: unknown) => this.#seams.report('Open deliveries could not be read', error));
  }

  async stop(): Promise<void> {
    this.#isStopped = true;
    this.#callOff();
    this.#stream?.close();
    await this.#sweeping;
  }

  get followed(): number {
    return this.#tellers.size;
  }

  #later(): void {
    if (this.#isStopped) return;
    this.#callOff = this.#seams.clock.later(SWEEP_MS, () => {
      this.sweep();
      this.#later();
    });
  }

  async #heard(job: JobView): Promise<void> {
    const known = this.#tellers.get(job.id);
    if (known) return known.changed(job);
    if (!this.#seams.bots.has(readOrigin(job.origin)?.bot ?? '')) return;
    const asked =
      this.#asked.get(job.id) ?? this.#ask(job.id).finally(() => void this.#asked.delete(job.id));
    this.#asked.set(job.id, asked);
    await asked;
  }

  async #ask(jobId: string): Promise<void> {
    try {
      this.#begin(await this.#seams.client.delivery(jobId));
    } catch (error) {
      // Not ours to bring after all; asking again would not change it.
      if (!(error instanceof TesseraProblem) || error.status !== 404) throw error;
    }
  }

  async #sweepAll(): Promise<void> {
    for (const bot of this.#seams.bots.keys()) {
      let cursor: string | null = null;
      do {
        if (this.#isStopped) return;
        const page = { bot, limit: PAGE_ROWS, ...(cursor === null ? {} : { cursor }) };
        const { data, next_cursor } = await this.#seams.client.deliveries(page);
        for (const delivery of data) this.#begin(delivery);
        cursor = next_cursor;
      } while (cursor !== null);
    }
  }

  #ended(jobId: string): void {
    const now = this.#seams.clock.now();
    this.#tellers.delete(jobId);
    this.#over.set(jobId, now);
    for (const [id, at] of this.#over) {
      if (at > now - STALE_MS) break;
      this.#over.delete(id);
    }
  }

  #begin(delivery: DeliveryView): void {
    const { job, bot, state } = delivery;
    const known = this.#tellers.get(job.id);
    if (known) return known.changed(job);
    if ((this.#over.get(job.id) ?? 0) <= this.#seams.clock.now() - STALE_MS)
      this.#over.delete(job.id);
    const followed = this.#seams.bots.get(bot);
    if (!followed || state !== 'open' || this.#isStopped || this.#over.has(job.id)) return;
    const { client } = this.#seams;
    const over = (id: string) => this.#ended(id);
    this.#tellers.set(job.id, new Teller({ ...followed, client, over }, delivery));
  }
}
