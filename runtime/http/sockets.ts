// What all WebSockets here have in common: a heartbeat that notices the dead, text only, and a close
// whose reason says what to do.
import type { FastifyInstance } from 'fastify';
import type { WebSocket } from 'ws';

/** The largest frame a socket may receive at all; single routes allow less. */
export const FRAME_BYTES_MAX = 1024 * 1024;
const PING_MS = 25_000;
/** Sockets that do not answer the goodbye are cut, so that stopping ends. */
const GOODBYE_MS = 2_000;
/** The protocol gives a close reason 123 bytes. */
const REASON_LENGTH_MAX = 120;

export const CLOSE = {
  restarting: 1012,
  unsupportedData: 1003,
  policyViolation: 1008,
  tooBig: 1009,
  internal: 1011,
  tryAgainLater: 1013,
} as const;

export function closeSocket(socket: WebSocket, code: number, reason: string): void {
  // Only what the protocol allows to be sent; anything else would throw.
  socket.close(code, reason.replaceAll(/[^\x20-\x7e]/g, '?').slice(0, REASON_LENGTH_MAX));
}

/** What may wait in memory for one reader. One that lets more gather is cut off, and may come back. */
export const BUFFERED_BYTES_MAX = 1024 * 1024;

/** @param sent called when the text has left, or never will */
export function sendText(socket: WebSocket, text: string, sent?: () => void): void {
  if (socket.bufferedAmount + Buffer.byteLength(text) <= BUFFERED_BYTES_MAX)
    return socket.send(text, sent);
  closeSocket(
    socket,
    CLOSE.tryAgainLater,
    'You read too slowly. Connect again and go on from there.',
  );
  // The goodbye waits behind all the rest: no reader of this kind would ever see it.
  socket.terminate();
  sent?.();
}

/**
 * Pings until the socket closes; one that did not answer the last ping is dead.
 * @param beat called with each ping
 */
export function keepAlive(socket: WebSocket, beat: () => void = () => undefined): void {
  let answered = true;
  const timer = setInterval(() => {
    if (!answered) return socket.terminate();
    answered = false;
    socket.ping();
    beat();
  }, PING_MS);
  timer.unref();
  socket.on('pong', () => (answered = true));
  socket.on('close', () => clearInterval(timer));
}

/**
 * Hands over text frames; a binary one ends the connection. Once it is closing nothing more is read: who
 * was refused may have thousands of frames on their way, each of which would cost a parse and an answer.
 */
export function onText(socket: WebSocket, bytesMax: number, receive: (text: string) => void): void {
  socket.on('message', (data: Buffer, isBinary: boolean) => {
    if (socket.readyState !== socket.OPEN) return;
    if (isBinary) closeSocket(socket, CLOSE.unsupportedData, 'Send text frames with JSON.');
    else if (data.byteLength > bytesMax)
      closeSocket(socket, CLOSE.tooBig, `A frame may have at most ${bytesMax} bytes.`);
    else receive(data.toString());
  });
}

/** The server stops: whoever is connected is told so, and looks for another runtime. */
export function sayGoodbye(this: FastifyInstance, done: () => void): void {
  const { websocketServer } = this;
  for (const socket of websocketServer.clients)
    closeSocket(socket, CLOSE.restarting, 'The runtime restarts. Connect again.');
  const cut = setTimeout(() => {
    for (const socket of websocketServer.clients) socket.terminate();
  }, GOODBYE_MS);
  websocketServer.close(() => clearTimeout(cut));
  done();
}
