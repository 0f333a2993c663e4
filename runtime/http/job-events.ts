// One job as server-sent events (WHATWG HTML, 9.2): the job as it is, each change of it, and what is seen and written
// on the way. Changes are read from the store by `seq`, so none is skipped; the rest is only passed on while the
// reader keeps up. It ends after the job has.
import type { FastifyReply } from 'fastify';
import type { Store } from '../../db/store.ts';
import type { JobView } from '../../machines/contract/views.ts';
import type { Ephemeral, Live, Watcher } from '../live.ts';

const PAGE_ROWS = 100;
/** A reader that is this far behind gets no more lossy events, and the others only as it reads. */
const BUFFERED_BYTES_MAX = 256 * 1024;
/** How long a browser waits before it connects again. */
const RECONNECT_MS = 2_000;

const isOver = ({ finished_at }: Pick<JobView, 'finished_at'>): boolean => finished_at !== null;

interface Seams {
  readonly store: Pick<Store, 'readStream' | 'streamHead'>;
  readonly live: Live;
  readonly accountId: string;
  readonly jobId: string;
  readonly look: () => Promise<JobView>;
  readonly dropped: () => void;
}

export class JobEvents implements Watcher {
  readonly #seams: Seams;
  readonly #reply: FastifyReply;
  readonly #ended = Promise.withResolvers<void>();
  #unwatch: () => void = () => undefined;
  /** Null until the job has been shown: nothing may come before that. */
  #after: number | null = null;
  #wanted = false;
  #isPumping = false;
  #isClosed = false;

  constructor(seams: Seams, reply: FastifyReply) {
    this.#seams = seams;
    this.#reply = reply;
  }

  /**
   * Resolves when the last event has been sent, or nobody reads any more.
   * @param last the newest `seq` that the reader has; null: it begins
   * @returns false when there is nothing to tell: the reader has the end already
   * @throws Refused
   */
  async run(last: number | null): Promise<boolean> {
    // Watch first, read then: what is published in between wakes us.
    this.#unwatch = this.#seams.live.watch(this.#seams.accountId, this);
    this.#reply.raw.once('close', this.close);
    try {
      // The head before the job: a change that the picture has already may be told again, none is left out.
      const head = await this.#seams.store.streamHead();
      const job = await this.#seams.look();
      // What is not a number of ours, or comes from another database, begins anew.
      const isKnown = last !== null && last <= head;
      if (isKnown && isOver(job) && (await this.#changesAfter(last)).length === 0) return false;
      this.#open();
      if (!isKnown) await this.#sendChange(head, job);
      this.#after = isKnown ? last : head;
      if (!isKnown && isOver(job)) this.close();
      else this.rowsPublished();
      await this.#ended.promise;
      return true;
    } finally {
      this.close();
    }
  }

  #open(): void {
    this.#reply.hijack();
    const headers = Object.entries(this.#reply.getHeaders()).filter(([, value]) => value);
    this.#reply.raw.writeHead(200, {
      ...(Object.fromEntries(headers) as Record<string, string>),
      'content-type': 'text/event-stream; charset=utf-8',
      'cache-control': 'no-store',
      // A proxy that collects would tell all of it at the end.
      'x-accel-buffering': 'no',
    });
    this.#reply.raw.write(`retry: ${RECONNECT_MS}\n\n`);
  }

  async #changesAfter(seq: number): Promise<readonly { seq: number; job: JobView }[]> {
    const { store, accountId, jobId } = this.#seams;
    for (let after = seq; ;) {
      const rows = await store.readStream(accountId, after, PAGE_ROWS);
      const own = rows.filter((row) => row.jobId === jobId);
      if (own.length > 0 || rows.length < PAGE_ROWS)
        return own.map((row) => ({ seq: row.seq, job: JSON.parse(row.payload) as JobView }));
      after = rows.at(-1)!.seq;
    }
  }

  rowsPublished(): void {
    this.#wanted = true;
    if (this.#after === null || this.#isClosed || this.#isPumping) return;
    this.#isPumping = true;
    void this.#pump()
      // The reader connects again and goes on after the last `seq` it has.
      .catch(this.close)
      .finally(() => (this.#isPumping = false));
  }

  async #pump(): Promise<void> {
    while (this.#wanted && !this.#isClosed) {
      this.#wanted = false;
      for (const { seq, job } of await this.#changesAfter(this.#after!)) {
        if (this.#isClosed) return;
        await this.#sendChange(seq, job);
        this.#after = seq;
        this.#wanted = true;
        if (isOver(job)) return this.close();
      }
    }
  }

  ephemeral(frame: Ephemeral): void {
    if (this.#after === null || this.#isClosed || frame.job_id !== this.#seams.jobId) return;
    if (this.#reply.raw.writableLength > BUFFERED_BYTES_MAX) return this.#seams.dropped();
    const { type, job_id: _, ...data } = frame;
    this.#reply.raw.write(`event: ${type}\ndata: ${JSON.stringify(data)}\n\n`);
  }

  /** So that proxies keep the line and the dead are noticed; in case a wake-up was lost, it looks again, too. */
  beat(): void {
    if (this.#after === null || this.#isClosed) return;
    this.#reply.raw.write(': here\n\n');
    this.rowsPublished();
  }

  /** Resolves when a slow reader has taken in what was sent before. */
  async #sendChange(seq: number, job: JobView): Promise<void> {
    const { raw } = this.#reply;
    const text = `id: ${seq}\nevent: job\ndata: ${JSON.stringify(job)}\n\n`;
    await new Promise<void>((resolve) => {
      raw.write(text, () => resolve());
      if (raw.writableLength <= BUFFERED_BYTES_MAX) resolve();
    });
  }

  readonly close = (): void => {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#unwatch();
    this.#reply.raw.off('close', this.close);
    if (this.#reply.raw.headersSent) this.#reply.raw.end();
    this.#ended.resolve();
  };
}
