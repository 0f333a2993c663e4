// The live stream: job events that are never skipped, and progress that may be. It reconnects by
// itself and resumes after the last job event that was handled.
import type { JobView, StreamFrame, SubscribeFrame } from '../../machines/contract/views.ts';
import { authorization } from './http.ts';
import { parseObject, TesseraProblem } from './problem.ts';

export type FrameOf<Type extends StreamFrame['type']> = Extract<StreamFrame, { type: Type }>;

/** waiting: the line is down and the next attempt is scheduled. closed: for good. */
export type ConnectionState = 'connecting' | 'live' | 'waiting' | 'closed';

export interface StreamCallbacks {
  /** Durable. One at a time, in order of `seq`; if it throws, the event comes again. */
  readonly onJob: (job: JobView, seq: number) => void | Promise<void>;
  readonly onProgress?: (frame: FrameOf<'progress'>) => void;
  readonly onText?: (frame: FrameOf<'text'>) => void;
  readonly onPosition?: (frame: FrameOf<'position'>) => void;
  /** Events may have been missed before `frame.after`: time to fetch lists anew. */
  readonly onSubscribed?: (frame: FrameOf<'subscribed'>) => void;
  readonly onState?: (state: ConnectionState, detail: { readonly retryInMs?: number }) => void;
  readonly onProblem?: (problem: TesseraProblem) => void;
  /** `onJob` threw. Not optional, because it must not go unseen. */
  readonly onJobFailed: (error: unknown, seq: number) => void;
}

export interface StreamOptions extends StreamCallbacks {
  /** Such as `wss://example.org/v1/stream`. */
  readonly url: string;
  readonly key?: string;
  readonly user?: string;
  /** Resume after this seq; -1 means "from now on". */
  readonly after?: number;
  /** Tell the server which job events were handled, so that it may forget them. */
  readonly acknowledge?: boolean;
  readonly surroundings?: Partial<StreamSurroundings>;
}

/** As much of a WebSocket as is used here: the browser's, Node's and the `ws` package's have it. */
export interface Socket {
  onopen: ((event: never) => void) | null;
  onmessage: ((event: never) => void) | null;
  onclose: ((event: never) => void) | null;
  onerror: ((event: never) => void) | null;
  send(data: string): void;
  close(): void;
}

export interface StreamSurroundings {
  readonly connect: (url: string, headers: Record<string, string>) => Socket;
  /** Runs `task` later; answers how to call it off. */
  readonly later: (ms: number, task: () => void) => () => void;
  readonly random: () => number;
}

const FIRST_WAIT_MS = 500;
const WAIT_MS_MAX = 30_000;
const CONNECT_TIMEOUT_MS = 15_000;
// Another try would be answered the same way.
const FINAL_STATUSES = new Set([401, 403]);

export class LiveStream {
  readonly #options: StreamOptions;
  readonly #world: StreamSurroundings;
  #state: ConnectionState = 'connecting';
  #socket: Socket | null = null;
  #callOff: () => void = () => {};
  #failures = 0;
  #handled: number;
  #tail: Promise<void> = Promise.resolve();

  constructor(options: StreamOptions) {
    this.#options = options;
    this.#world = { connect, later, random: Math.random, ...options.surroundings };
    this.#handled = options.after ?? -1;
    this.#open();
  }

  get state(): ConnectionState {
    return this.#state;
  }

  /** The last job event that was handled: store it, and pass it as `after` next time. */
  get lastSeq(): number {
    return this.#handled;
  }

  acknowledge(seq: number): void {
    if (this.#state === 'live') this.#say({ acknowledge: seq });
  }

  /** Try at once instead of waiting: the device came back online, or the person asked. */
  reconnect(): void {
    if (this.#state === 'closed') return;
    this.#drop();
    this.#open();
  }

  close(): void {
    this.#drop();
    this.#enter('closed');
  }

  #open(): void {
    this.#enter('connecting');
    const { url, key, user } = this.#options;
    const socket = this.#world.connect(url, authorization({ key, user }));
    this.#socket = socket;
    this.#callOff = this.#world.later(CONNECT_TIMEOUT_MS, () => this.#lost(socket));
    socket.onopen = () => this.#say({ subscribe: { after: this.#handled } });
    socket.onmessage = (event: { readonly data: unknown }) => this.#receive(socket, event.data);
    socket.onclose = () => this.#lost(socket);
    socket.onerror = () => this.#lost(socket);
  }

  #receive(socket: Socket, data: unknown): void {
    if (socket !== this.#socket || typeof data !== 'string') return;
    // Frames of a kind that a later server may add are passed over.
    const frame = parseObject(data) as StreamFrame | null;
    if (frame?.type === 'subscribed') this.#subscribed(frame);
    else if (frame?.type === 'job') this.#enqueue(socket, frame);
    else if (frame?.type === 'progress') this.#options.onProgress?.(frame);
    else if (frame?.type === 'text') this.#options.onText?.(frame);
    else if (frame?.type === 'position') this.#options.onPosition?.(frame);
    else if (frame?.type === 'error') this.#refused(new TesseraProblem(frame.problem));
  }

  #subscribed(frame: FrameOf<'subscribed'>): void {
    this.#callOff();
    this.#failures = 0;
    // A head behind us means that the server's history began anew. It would wait for our old number
    // to come up again, so it is asked once more, from where it is.
    const isYounger = frame.head < this.#handled;
    if (isYounger || this.#handled === -1) this.#handled = frame.head;
    if (isYounger) return this.reconnect();
    this.#enter('live');
    this.#options.onSubscribed?.(frame);
  }

  #enqueue(socket: Socket, frame: FrameOf<'job'>): void {
    this.#tail = this.#tail.then(async () => {
      // Repeats are normal, and so are leftovers of a connection that is gone.
      if (socket !== this.#socket || frame.seq <= this.#handled) return;
      try {
        await this.#options.onJob(frame.job, frame.seq);
      } catch (error) {
        this.#options.onJobFailed(error, frame.seq);
        this.#lost(socket);
        return;
      }
      this.#handled = Math.max(this.#handled, frame.seq);
      if (this.#options.acknowledge) this.acknowledge(frame.seq);
    });
  }

  #refused(problem: TesseraProblem): void {
    this.#options.onProblem?.(problem);
    if (FINAL_STATUSES.has(problem.status)) this.close();
  }

  #lost(socket: Socket): void {
    if (socket !== this.#socket) return;
    this.#drop();
    const ceiling = Math.min(WAIT_MS_MAX, FIRST_WAIT_MS * 2 ** this.#failures);
    // Half of it by chance, so that a restarted server does not meet everybody at once.
    const retryInMs = Math.round(ceiling * (0.5 + this.#world.random() / 2));
    this.#failures += 1;
    this.#enter('waiting', { retryInMs });
    this.#callOff = this.#world.later(retryInMs, () => this.#open());
  }

  #drop(): void {
    this.#callOff();
    const socket = this.#socket;
    this.#socket = null;
    if (!socket) return;
    socket.onopen = socket.onmessage = socket.onclose = null;
    // Closing before it opened is reported as an error; an error nobody hears would end a process.
    socket.onerror = () => {};
    socket.close();
  }

  #enter(state: ConnectionState, detail: { readonly retryInMs?: number } = {}): void {
    this.#state = state;
    this.#options.onState?.(state, detail);
  }

  #say(frame: SubscribeFrame): void {
    this.#socket?.send(JSON.stringify(frame));
  }
}

/** `https://example.org` becomes `wss://example.org/v1/stream`. */
export const streamUrl = (baseUrl: string): string =>
  `${baseUrl.replace(/^http/, 'ws').replace(/\/$/, '')}/v1/stream`;

// Node's WebSocket takes headers; a browser's does not, and sends the session cookie by itself.
function connect(url: string, headers: Record<string, string>): Socket {
  const Open = WebSocket as unknown as new (url: string, init?: object) => Socket;
  return Object.keys(headers).length === 0 ? new Open(url) : new Open(url, { headers });
}

function later(ms: number, task: () => void): () => void {
  const timer = setTimeout(task, ms);
  return () => clearTimeout(timer);
}
