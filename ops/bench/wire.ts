// The client's side of the wire, as lean as it can be: what it costs is not the runtime's.
import http from 'node:http';
import { WebSocket } from 'ws';
import type { Dial } from './no-op-agent.ts';

export type Ask = (
  method: 'GET' | 'POST',
  path: string,
  headers: Record<string, string>,
  body?: string,
) => Promise<string>;

/** JSON over kept connections. @throws for everything that is not a success */
export function client(port: number): { ask: Ask; close(): void } {
  const agent = new http.Agent({ keepAlive: true, maxSockets: 256 });
  const ask: Ask = (method, path, headers, body) =>
    new Promise((resolve, reject) => {
      const sized = body === undefined ? {} : { 'content-length': Buffer.byteLength(body) };
      const request = http.request(
        { ...{ host: '127.0.0.1', port, method, path, agent }, headers: { ...headers, ...sized } },
        (response) => {
          const chunks: Buffer[] = [];
          response.on('data', (chunk: Buffer) => chunks.push(chunk));
          response.on('end', () => {
            const text = Buffer.concat(chunks).toString();
            if (response.statusCode! < 300) resolve(text);
            else
              reject(new Error(`${method} ${path} was answered ${response.statusCode}: ${text}`));
          });
        },
      );
      request.on('error', reject);
      request.end(body);
    });
  return { ask, close: () => agent.destroy() };
}

/** A worker's connection to whatever listens on the port. */
export const dialWorker =
  (port: number, key: string): Dial =>
  (hear, gone) => {
    const headers = { authorization: `Bearer ${key}` };
    const socket = new WebSocket(`ws://127.0.0.1:${port}/v1/workers/stream`, { headers });
    const early: string[] = [];
    socket.on('open', () => early.splice(0).forEach((text) => socket.send(text)));
    socket.on('message', (data: Buffer) => hear(data.toString()));
    socket.on('error', () => undefined); // followed by `close`
    socket.on('close', gone);
    return {
      send(text) {
        if (socket.readyState === WebSocket.CONNECTING) early.push(text);
        else if (socket.readyState === WebSocket.OPEN) socket.send(text);
      },
      close: () => socket.close(),
    };
  };
