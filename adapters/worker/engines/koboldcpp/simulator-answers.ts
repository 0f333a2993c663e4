// How the simulated server puts its answers on the wire: HTTP/1.0, no length for streams, a closed line at the end.
import type { ServerResponse } from 'node:http';
import { linesOf } from '../transcript-testing.ts';

const ALLOWED =
  '*, Accept, Content-Type, Content-Length, Cache-Control, Accept-Encoding, X-CSRF-Token, Client-Agent, X-Fields, Content-Type, Authorization, X-Requested-With, X-HTTP-Method-Override, apikey, genkey';
const tail = (type: string) => [
  ['access-control-allow-origin', '*'],
  ['access-control-allow-methods', '*'],
  ['access-control-allow-headers', ALLOWED],
  ['cache-control', 'no-store'],
  ['content-type', type],
];
const first = () => [
  ['Server', 'KoboldCppServer 1'],
  ['Date', new Date().toUTCString()],
];

/** Router mode puts a proxy in front, which speaks another version and closes without saying so. */
export interface Wire {
  readonly isProxied: boolean;
}

export function send(
  response: ServerResponse,
  wire: Wire,
  status: number,
  type: string,
  body: string | Buffer,
): void {
  const bytes = Buffer.from(body as string);
  open(response, wire, status, [
    ...first(),
    ['content-length', String(bytes.length)],
    ...tail(type),
  ]);
  response.end(bytes);
}

export const sendJson = (response: ServerResponse, wire: Wire, value: unknown, status = 200) =>
  send(response, wire, status, 'application/json', JSON.stringify(value));

export function sendStreamHead(response: ServerResponse, wire: Wire): void {
  open(response, wire, 200, [
    ...first(),
    ['X-Accel-Buffering', 'no'],
    ['cache-control', 'no-cache'],
    ['connection', 'keep-alive'],
    ...tail('text/event-stream'),
  ]);
  if (response.headersSent) response.flushHeaders();
}

function open(response: ServerResponse, wire: Wire, status: number, headers: string[][]): void {
  response.sendDate = false;
  response.shouldKeepAlive = false;
  response.useChunkedEncodingByDefault = false;
  // Else Node would announce the end of the line, which nobody here does.
  response.removeHeader('connection');
  if (!wire.isProxied) speakOld(response);
  response.once('finish', () => response.socket?.end());
  response.writeHead(status, headers.flat());
}

/** Node writes HTTP/1.1 whatever is spoken. */
function speakOld(response: ServerResponse): void {
  const { socket } = response;
  if (socket === null) return;
  const write = socket.write.bind(socket) as (...all: unknown[]) => boolean;
  socket.write = (chunk: unknown, ...more: unknown[]) => {
    socket.write = write;
    return typeof chunk === 'string'
      ? write(chunk.replace(/^HTTP\/1\.1 /, 'HTTP/1.0 '), ...more)
      : write(chunk, ...more);
  };
}

export const MISSING = (path: string) =>
  `Error: KoboldCpp HTTP Server is running, but this endpoint does not exist. Please check the URL and METHOD.<br><a href="/api">[Read API documentation here]</a><br><br>Current path: ${path}`;
export const BUSY = {
  detail: { msg: 'Server is busy; please try again later.', type: 'service_unavailable' },
};
export const UNAUTHORIZED = {
  detail: {
    error: 'Unauthorized',
    msg: 'Authentication key is missing or invalid.',
    type: 'unauthorized',
  },
};
export const badInput = (msg: string) => ({ detail: { msg, type: 'bad_input' } });

/** Pages that never change: what it says of itself, and the other servers that it plays. */
export const CONSTANT_PATHS = [
  '/api/v1/info/version',
  '/ping',
  '/.well-known/serviceinfo',
  '/sdapi/v1/options',
  '/speakers',
  '/v1/audio/voices',
  '/slots',
  '/system_stats',
  '/history/anything',
  '/models/checkpoints',
];

export interface Page {
  readonly status: number;
  readonly body: unknown;
}

/** As the real server was heard to say them. */
export function constantPages(): ReadonlyMap<string, Page> {
  const file = new URL('./transcripts/koboldcpp-01-info.jsonl', import.meta.url).pathname;
  const pages = new Map<string, Page>();
  let path = '';
  for (const line of linesOf(file)) {
    if (line.kind === 'http>') path = line['path'] as string;
    if (line.kind === 'http<' && CONSTANT_PATHS.includes(path))
      pages.set(path, { status: line['status'] as number, body: line['body'] });
  }
  return pages;
}
