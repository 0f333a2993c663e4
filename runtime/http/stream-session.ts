// One subscriber of the live stream. Job events are read from the store, in order of `seq`, so that none is
// ever skipped however slow the reader is; progress is only passed on while the reader keeps up. Whose events
// they are is the subject's: a person's (`personSubject`), or a frontend's (`frontend-subject.ts`).
import { UnknownOutcome, StoreUnavailable, type Store, type StreamRow } from '../../db/store.ts';
import { subscribeFrame, type StreamFrame } from '../../machines/contract/views.ts';
import type { Ephemeral, Live, Watcher } from '../live.ts';
import type { Refused } from '../refusals.ts';
import { notValid } from './bodies.ts';
import { problemOf, refuse } from './problems.ts';
import { CLOSE } from './sockets.ts';

const PAGE_ROWS = 100;
/** A reader that is this far behind gets no more lossy frames, and the others only as it reads. */
const BUFFERED_BYTES_MAX = 256 * 1024;

export interface StreamSocket {
  readonly bufferedAmount: number;
  /** Calls back when the text has been handed to the network. */
  send(text: string, sent?: (error?: Error) => void): void;
  close(code: number, reason: string): void;
}

/** Whose events are told. */
export interface Subject {
  /** The next of its rows after `seq`, and up to where there are no others; a full page has more behind it. */
  read(after: number): Promise<StreamPage>;
  watch(watcher: Watcher): () => void;
  /** The reader has handled this event. */
  acknowledged(seq: number): Promise<void>;
}

export interface StreamPage {
  readonly rows: readonly Pick<StreamRow, 'seq' | 'payload'>[];
  readonly seenTo: number;
  readonly isFull: boolean;
}

/** Nothing is kept for the sake of one reader, so there is nothing that a person's acknowledgement frees. */
export const personSubject = (
  store: Pick<Store, 'readStream'>,
  live: Live,
  accountId: string,
): Subject => ({
  async read(after) {
    const rows = await store.readStream(accountId, after, PAGE_ROWS);
    return { rows, seenTo: rows.at(-1)?.seq ?? after, isFull: rows.length === PAGE_ROWS };
  },
  watch: (watcher) => live.watch(accountId, watcher),
  acknowledged: async () => undefined,
});

export interface StreamSeams {
  readonly store: Pick<Store, 'streamHead'>;
  readonly subject: Subject;
  readonly requestId: string;
  readonly dropped: () => void;
  readonly failed: (error: unknown) => void;
}

export class StreamSession implements Watcher {
  readonly #seams: StreamSeams;
  readonly #socket: StreamSocket;
  #after: number | null = null;
  #isSubscribed = false;
  #isClosed = false;
  #wanted = false;
  #isPumping = false;
  #unwatch: () => void = () => undefined;

  constructor(seams: StreamSeams, socket: StreamSocket) {
    this.#seams = seams;
    this.#socket = socket;
  }

  receive(text: string): void {
    const parsed = subscribeFrame.safeParse(parseJson(text));
    if (!parsed.success)
      return this.#refuse(notValid('A frame is not what the stream accepts.', parsed.error));
    if ('acknowledge' in parsed.data) {
      void this.#seams.subject.acknowledged(parsed.data.acknowledge).catch(this.#giveUp);
      return;
    }
    if (this.#isSubscribed)
      return this.#refuse(refuse('invalid_request', 'This connection has subscribed already.'));
    this.#isSubscribed = true;
    void this.#subscribe(parsed.data.subscribe.after).catch(this.#giveUp);
  }

  async #subscribe(after: number): Promise<void> {
    // Watch first, read then: what is published in between wakes us.
    this.#unwatch = this.#seams.subject.watch(this);
    const head = await this.#seams.store.streamHead();
    if (this.#isClosed) return;
    this.#after = after === -1 ? head : after;
    this.#send({ type: 'subscribed', after: this.#after, head });
    this.rowsPublished();
  }

  rowsPublished(): void {
    this.#wanted = true;
    if (this.#after === null || this.#isClosed || this.#isPumping) return;
    this.#isPumping = true;
    void this.#pump()
      .catch(this.#giveUp)
      .finally(() => (this.#isPumping = false));
  }

  async #pump(): Promise<void> {
    while (this.#wanted && !this.#isClosed) {
      this.#wanted = false;
      const { rows, seenTo, isFull } = await this.#seams.subject.read(this.#after!);
      for (const { seq, payload } of rows) {
        if (this.#isClosed) return;
        const sent = this.#sendText(`{"type":"job","seq":${seq},"job":${payload}}`);
        this.#after = seq;
        // What waits for a slow reader waits in the store.
        if (this.#socket.bufferedAmount > BUFFERED_BYTES_MAX || seq === rows.at(-1)!.seq)
          await sent;
      }
      this.#after = seenTo;
      if (isFull) this.#wanted = true;
    }
  }

  ephemeral(frame: Ephemeral): void {
    if (this.#after === null || this.#isClosed) return;
    if (this.#socket.bufferedAmount > BUFFERED_BYTES_MAX) this.#seams.dropped();
    else this.#send(frame);
  }

  closed(): void {
    this.#isClosed = true;
    this.#unwatch();
  }

  #refuse(refused: Refused): void {
    this.#send({ type: 'error', problem: problemOf(refused, this.#seams.requestId) });
    this.#close(CLOSE.policyViolation, refused.detail);
  }

  /** The subscriber connects again and goes on after the last `seq` it has. */
  readonly #giveUp = (error: unknown): void => {
    if (this.#isClosed) return;
    const isPassing = error instanceof StoreUnavailable || error instanceof UnknownOutcome;
    if (!isPassing) this.#seams.failed(error);
    this.#close(CLOSE.tryAgainLater, 'Try again in a moment.');
  };

  #close(code: number, reason: string): void {
    this.closed();
    this.#socket.close(code, reason);
  }

  #send(frame: StreamFrame): void {
    void this.#sendText(JSON.stringify(frame));
  }

  /** Resolves when it has left, or never will. */
  #sendText(text: string): Promise<void> {
    return new Promise((resolve) => this.#socket.send(text, () => resolve()));
  }
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
