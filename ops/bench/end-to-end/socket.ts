// What lies between the real agent and the real sessions of a core, in virtual time and without a network: a
// socket that is late by its latency and keeps the order of frames, and the upload of results.
import { EventEmitter } from 'node:events';
import type WebSocket from 'ws';
import type { Core } from '../../../runtime/core.ts';
import type { Scheduler } from '../../simulation/scheduler.ts';

/** Frames keep their order: of two events at the same moment, either could come first. */
const NEXT_MS = 0.001;

export interface Wire {
  readonly scheduler: Scheduler;
  readonly core: () => Core;
  readonly workerId: string;
  readonly latencyMs: number;
}

/** As much of a `ws` socket as the agent uses. */
class VirtualSocket extends EventEmitter {
  readonly CLOSED = 3;
  readonly OPEN = 1;
  readonly bufferedAmount = 0;
  readyState = 0;
  readonly #wire: Wire;
  readonly #line: (run: () => void) => void;
  #runtime: ReturnType<Core['sessions']['accept']> | null = null;

  constructor(wire: Wire) {
    super();
    this.#wire = wire;
    const toRuntime = lineOf(wire);
    const toAgent = lineOf(wire);
    this.#line = toRuntime;
    toRuntime(() => {
      this.#runtime = wire.core().sessions.accept(
        {
          send: (text) => toAgent(() => this.emit('message', text, false)),
          close: (code, reason) => toAgent(() => this.#closed(code, reason)),
          bufferedBytes: () => 0,
        },
        wire.workerId,
      );
      toAgent(() => {
        this.readyState = this.OPEN;
        this.emit('open');
      });
    });
  }

  send(text: string): void {
    this.#line(() => this.#runtime?.receive(text));
  }

  ping(data: string): void {
    const { scheduler, latencyMs } = this.#wire;
    scheduler.after(2 * latencyMs, null, 'pong', () => this.emit('pong', data));
  }

  close(code: number, reason: string): void {
    this.#line(() => this.#closed(code, reason));
  }

  terminate(): void {
    this.#line(() => this.#closed(1006, ''));
  }

  #closed(code: number, reason: string): void {
    if (this.readyState === this.CLOSED) return;
    this.readyState = this.CLOSED;
    this.#runtime?.closed();
    this.emit('close', code, reason);
  }
}

function lineOf({ scheduler, latencyMs }: Wire): (run: () => void) => void {
  let lastAt = 0;
  return (run) => {
    lastAt = Math.max(scheduler.now + latencyMs, lastAt + NEXT_MS);
    scheduler.after(lastAt - scheduler.now, null, 'frame', run);
  };
}

export const openVirtualSocket = (wire: Wire): WebSocket =>
  new VirtualSocket(wire) as unknown as WebSocket;

/** Takes every result whole, and remembers which there are. */
export function uploadsTo(blobs: Set<string>): typeof fetch {
  return (input, init) => {
    const blob = /\/blobs\/(sha256:[0-9a-f]{64})$/.exec(String(input))?.[1];
    if (!blob) return Promise.resolve(new Response(null, { status: 404 }));
    const length = new Headers(init?.headers).get('upload-length') ?? '0';
    if (init?.method === 'PUT') blobs.add(blob);
    const status = init?.method === 'PUT' ? 204 : 200;
    return Promise.resolve(new Response(null, { status, headers: { 'upload-offset': length } }));
  };
}
