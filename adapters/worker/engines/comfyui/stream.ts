// The WebSocket of one run: what it brings is welcome and never relied upon. Each run has a client id of its own:
// a server that hears of an old socket's end late forgets the id, and the new socket of the same id goes silent.
import type WebSocket from 'ws';
import type { Timers } from '../../seams.ts';
import { parseBinary, parseText, type ServerEvent } from './events.ts';

export interface StreamOptions {
  readonly url: string;
  readonly clientId: string;
  readonly openSocket: (url: string, headers: Record<string, string>) => WebSocket;
  readonly timers: Timers;
  readonly wantsPreviews: boolean;
  readonly onEvent: (event: ServerEvent) => void;
}

export interface Stream {
  /** Resolves once the server knows the client, or when that takes too long: then polling must do. */
  readonly opened: Promise<void>;
  close(): void;
}

const OPEN_WITHIN_MS = 3_000;
const PING_EVERY_MS = 5_000;
const REOPEN_AFTER_MS = 1_000;

export function openStream(options: StreamOptions): Stream {
  const { url, clientId, openSocket, timers, wantsPreviews, onEvent } = options;
  let socket: WebSocket | undefined;
  let callOff = () => {};
  let isClosed = false;
  let settleOpened = () => {};
  const opened = new Promise<void>((resolve) => (settleOpened = resolve));
  const callOffOpening = timers.after(OPEN_WITHIN_MS, settleOpened);

  const open = () => {
    const current = openSocket(`${url.replace(/^http/, 'ws')}/ws?clientId=${clientId}`, {});
    let isAnswering = true;
    socket = current;
    const beat = () => {
      // Silent for a whole beat, not even a pong: the line is dead. A new one opens after this one is closed.
      if (!isAnswering) return current.terminate();
      isAnswering = false;
      if (current.readyState === current.OPEN) current.ping();
      callOff = timers.after(PING_EVERY_MS, beat);
    };
    current.on('open', () => {
      const data = { supports_preview_metadata: wantsPreviews };
      current.send(JSON.stringify({ type: 'feature_flags', data }));
    });
    current.on('pong', () => (isAnswering = true));
    current.on('message', (data: Buffer, isBinary: boolean) => {
      isAnswering = true;
      const event = isBinary ? parseBinary(data) : parseText(data.toString('utf8'));
      if (event?.type === 'status') settleOpened();
      if (event !== null && !isClosed) onEvent(event);
    });
    current.on('error', () => current.terminate());
    current.on('close', () => {
      callOff();
      if (!isClosed) callOff = timers.after(REOPEN_AFTER_MS, open);
    });
    callOff = timers.after(PING_EVERY_MS, beat);
  };

  open();
  return {
    opened: opened.finally(callOffOpening),
    close: () => {
      isClosed = true;
      callOff();
      settleOpened();
      socket?.terminate();
    },
  };
}
