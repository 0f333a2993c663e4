// A worker agent whose engine does nothing: it speaks the worker protocol as the real one does, over any
// wire, and keeps its promises. A command that is delivered twice is carried out once, an end is repeated
// until it is settled, and a broken connection brings everything back.
import { createHash } from 'node:crypto';
import type { ModelOffer } from '../../machines/contract/models.ts';
import type {
  AgentFrame,
  RuntimeFrame,
  WorkerCommand,
} from '../../machines/contract/worker-protocol.ts';

/** The result of every job. Nobody uploads it: it has to be there already, or taken to be. */
export const RESULT = Buffer.from('.');
export const BLOB = `sha256:${createHash('sha256').update(RESULT).digest('hex')}`;

export const MODEL: ModelOffer = {
  id: 'no-op',
  name: 'no-op',
  engine: 'bench',
  modality: 'image',
  description: 'Does nothing at once.',
  vramBytes: 0,
  loadMs: 0,
  runMs: 1,
  limits: {},
  styles: [],
  voices: [],
};

type RunOrder = Extract<WorkerCommand, { type: 'run' }>;

export interface Wire {
  send(text: string): void;
  close(): void;
}

/** Connects; calls `hear` with each frame and `gone` once when the connection has ended. */
export type Dial = (hear: (text: string) => void, gone: () => void) => Wire;

export interface AgentOptions {
  readonly dial: Dial;
  readonly name: string;
  readonly slots: number;
  readonly handler: (order: RunOrder) => Promise<void>;
  /** Once per attempt, when its end is committed. */
  readonly settled: (order: RunOrder) => void;
  readonly redialMs?: number;
}

interface Attempt {
  readonly order: RunOrder;
  end: AgentFrame | null;
}

const keyOf = (of: { readonly job: string; readonly attempt: number }) => `${of.job}.${of.attempt}`;
/** Commands that are remembered after their attempts were settled, as the real agent does. */
const DONE_MAX = 2_000;

export class NoOpAgent {
  readonly #options: AgentOptions;
  readonly #attempts = new Map<string, Attempt>();
  readonly #done = new Set<string>();
  readonly #epoch = `boot-${process.pid}-${performance.now()}`;
  #wire: Wire | null = null;
  #beat: NodeJS.Timeout | null = null;
  #isClosed = false;
  #welcome: () => void = () => undefined;
  /** Resolves when the agent is welcome for the first time. */
  readonly ready: Promise<void>;

  constructor(options: AgentOptions) {
    this.#options = options;
    this.ready = new Promise((resolve) => (this.#welcome = resolve));
    this.#connect();
  }

  #connect(): void {
    const { dial, name, slots, redialMs = 50 } = this.#options;
    let isOver = false;
    const wire = dial(
      (text) => {
        if (!isOver) this.#hear(JSON.parse(text) as RuntimeFrame);
      },
      () => {
        if (isOver) return;
        isOver = true;
        clearInterval(this.#beat ?? undefined);
        this.#wire = null;
        if (!this.#isClosed) setTimeout(() => this.#isClosed || this.#connect(), redialMs);
      },
    );
    this.#wire = wire;
    const attempts = [...this.#attempts.values()].map(({ order: { job, attempt } }) => ({
      ...{ job, attempt },
    }));
    this.#say({
      ...{ type: 'hello', protocol: 1, epoch: this.#epoch, name, version: '1', gpu: null, slots },
      ...{ models: [MODEL], loaded: [MODEL.id], attempts },
    });
  }

  #say(frame: AgentFrame): void {
    this.#wire?.send(JSON.stringify(frame));
  }

  #hear(frame: RuntimeFrame): void {
    if (frame.type === 'welcome') this.#begin(frame.heartbeatMs);
    if ('id' in frame) this.#say({ type: 'acknowledged', command: frame.id });
    if (frame.type === 'run') this.#run(frame);
    if (frame.type === 'settled') this.#settle(frame);
    if (frame.type === 'cancel' && !this.#attempts.has(keyOf(frame)))
      this.#say({ type: 'cancelled', job: frame.job, attempt: frame.attempt });
  }

  #begin(heartbeatMs: number): void {
    clearInterval(this.#beat ?? undefined);
    this.#beat = setInterval(() => this.#say({ type: 'heartbeat' }), heartbeatMs).unref();
    for (const { order, end } of this.#attempts.values()) {
      this.#say({ type: 'started', job: order.job, attempt: order.attempt });
      if (end) this.#say(end);
    }
    this.#welcome();
  }

  /** An order may come twice: the outbox is read again while an acknowledgement is on its way. */
  #run(order: RunOrder): void {
    const { job, attempt } = order;
    const known = this.#attempts.get(keyOf(order));
    if (known?.end) this.#say(known.end);
    if (known || this.#done.has(order.id)) return;
    const own: Attempt = { order, end: null };
    this.#attempts.set(keyOf(order), own);
    this.#say({ type: 'started', job, attempt });
    void this.#options.handler(order).then(() => {
      const outputs = [{ blob: BLOB, bytes: RESULT.length, mediaType: 'image/png', facts: {} }];
      own.end = { type: 'finished', job, attempt, outputs, runMs: 0 };
      this.#say(own.end);
    });
  }

  #settle(of: { readonly job: string; readonly attempt: number }): void {
    const attempt = this.#attempts.get(keyOf(of));
    if (!attempt) return;
    this.#attempts.delete(keyOf(of));
    this.#done.add(attempt.order.id);
    if (this.#done.size > DONE_MAX) this.#done.delete(this.#done.values().next().value!);
    this.#options.settled(attempt.order);
  }

  close(): void {
    this.#isClosed = true;
    clearInterval(this.#beat ?? undefined);
    this.#wire?.close();
  }
}
